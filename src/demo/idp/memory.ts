/** Keeps what a demo OpenID provider keeps, in memory, and looks clients up where they can be added while it runs. */
import type { Adapter, AdapterPayload, ClientMetadata } from 'oidc-provider';

/** A constructor of adapters over one memory. */
export function adapterOf({
  clients,
}: {
  readonly clients: ReadonlyMap<string, ClientMetadata>;
}): (name: string) => Adapter {
  const kept = new Map<string, AdapterPayload>();
  return (model) => {
    const keyOf = (id: string) => `${model}:${id}`;
    const live = (payload: AdapterPayload | undefined) =>
      payload?.exp !== undefined && payload.exp * 1000 < Date.now() ? undefined : payload;
    const findBy = (matches: (payload: AdapterPayload) => boolean) =>
      live([...kept].find(([key, payload]) => key.startsWith(`${model}:`) && matches(payload))?.[1]);
    return {
      upsert: async (id, payload) => void kept.set(keyOf(id), payload),
      find: async (id) =>
        model === 'Client' ? (clients.get(id) as AdapterPayload | undefined) : live(kept.get(keyOf(id))),
      findByUid: async (uid) => findBy((payload) => payload.uid === uid),
      findByUserCode: async (userCode) => findBy((payload) => payload.userCode === userCode),
      consume: async (id) => {
        const payload = kept.get(keyOf(id));
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => void kept.delete(keyOf(id)),
      revokeByGrantId: async (grantId) => {
        for (const [key, payload] of kept) if (payload.grantId === grantId) kept.delete(key);
      },
    };
  };
}
