/** The provider's memory of what apps were given for people. Ids are kept as hashes: a stolen row opens nothing. */
import { sql } from 'kysely';
import Provider, { type Adapter, type AdapterPayload, errors } from 'oidc-provider';
import { record } from '../../audit/record.ts';
import { hashOf } from '../../credentials/sealing.ts';
import { requestIdOf } from '../../http/request-context.ts';
import type { Store } from '../../store/database.ts';
import { locateOauthArtifact } from '../../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import {
  consume,
  endOne,
  endUnderGrant,
  findLive,
  grantOfUsed,
  type StoredArtifact,
  saveGrant,
  saveUnderGrant,
} from './artifact.sql.ts';
import { rememberTenant, sessionBehind, tenantBehind } from './browser.ts';
import { PROVIDER } from './installation.ts';

export const ARTIFACT_KINDS: ReadonlySet<string> = new Set([
  'Grant',
  'AuthorizationCode',
  'AccessToken',
  'RefreshToken',
]);
/** Of those, what may be used once. */
const ONCE = new Set(['AuthorizationCode', 'RefreshToken']);
const DAY = 86_400;

/** Keeps one kind of artifact. */
export function artifactAdapter({ db }: Pick<Store, 'db'>, kind: string): Adapter {
  const within = async <T>(of: string, hash: Buffer, work: (tx: TenantTransaction) => Promise<T>) => {
    const request = Provider.ctx?.req;
    const organizationId = tenantBehind(request) ?? (await locateOauthArtifact(db, of, hash));
    if (organizationId === undefined) return undefined;
    rememberTenant(request, organizationId);
    return inTenant(db, organizationId, originNow(), work);
  };
  return {
    upsert: async (id, payload, seconds = DAY) => {
      const { jti: _, ...kept } = payload;
      if (kind === 'Grant') return keepGrant(db, id, kept, seconds);
      const grantHash = hashOf(payload.grantId ?? '');
      const artifact = { kind, hash: hashOf(id), grantHash, payload: { ...kept }, seconds };
      await within('Grant', grantHash, (tx) => saveUnderGrant(tx, artifact).execute(tx.db));
    },
    find: async (id) => {
      const hash = hashOf(id);
      const known = kind === 'Grant' ? grantFound(id) : undefined;
      if (known !== undefined) return known;
      return within(kind, hash, async (tx) => {
        const [found] = (await findLive(kind, hash, appAsking()).execute(tx.db)).rows;
        if (found === undefined) return undefined;
        const payload = { ...found.payload, jti: id } as AdapterPayload;
        if (kind !== 'Grant') rememberGrant(payload.grantId, found);
        if (found.consumedAt === null || !ONCE.has(kind)) return payload;
        await recordReplay(tx, kind, payload.clientId ?? '', payload.accountId ?? '');
        return { ...payload, consumed: found.consumedAt };
      });
    },
    consume: async (id) => {
      const hash = hashOf(id);
      const used = await within(kind, hash, async (tx) => (await consume(kind, hash).execute(tx.db)).rows.length === 1);
      if (used === true) return;
      // In a transaction of its own, for the one that came second still holds the row it did not get.
      await within(kind, hash, (tx) => endReplayed(tx, kind, hash));
      throw new errors.InvalidGrant('it was used at the same instant elsewhere');
    },
    destroy: async (id) => {
      const hash = hashOf(id);
      await within(kind, hash, (tx) => endOne(tx, kind, hash, 'revoked').execute(tx.db));
    },
    revokeByGrantId: async (grantId) => {
      const hash = hashOf(grantId);
      await within('Grant', hash, (tx) => endUnderGrant(tx, kind, hash, 'its grant has ended').execute(tx.db));
    },
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
  };
}

/** The grant of what a request has brought came with it, in one statement; it is asked for next, by its id. */
const grants = new WeakMap<object, { readonly appId: string; readonly payload: AdapterPayload }>();

function rememberGrant(id: string | undefined, { appId, grant }: StoredArtifact): void {
  const request = Provider.ctx?.req;
  if (request === undefined || id === undefined || grant === null) return;
  grants.set(request, { appId, payload: { ...grant, jti: id } });
}

function grantFound(id: string): AdapterPayload | undefined {
  const request = Provider.ctx?.req;
  const found = request && grants.get(request);
  return found?.payload.jti === id && found.appId === appAsking() ? found.payload : undefined;
}

/** A grant is of the person whose live session the browser carries, and of nobody else. */
async function keepGrant(db: Store['db'], id: string, payload: AdapterPayload, seconds: number): Promise<void> {
  const session = sessionBehind(Provider.ctx?.req);
  if (session === undefined || session.userId !== payload.accountId) {
    throw new errors.AccessDenied('the session has ended');
  }
  const grant = { hash: hashOf(id), client: payload.clientId ?? '', appId: appAsking(), payload, seconds };
  await inTenant(db, session.organizationId, originNow(), (tx) => saveGrant(tx, session, grant).execute(tx.db));
}

/** Somebody presents what was used before: the one or the other of them has no right to it. */
async function recordReplay(tx: TenantTransaction, kind: string, client: string, user: string): Promise<void> {
  await record(tx, {
    action: 'app.replay_refused',
    resource: { type: 'app', id: client },
    outcome: 'denied',
    reason: kind === 'RefreshToken' ? 'a refresh token was used again' : 'a code was used again',
    detail: { user },
  });
}

/** Of two who present one thing at the same instant, who comes second finds it used up: the same replay, and the same end. */
async function endReplayed(tx: TenantTransaction, kind: string, hash: Buffer): Promise<void> {
  const [used] = (await grantOfUsed(kind, hash).execute(tx.db)).rows;
  if (used === undefined) return;
  await recordReplay(tx, kind, used.client, used.userId);
  await endOne(tx, 'Grant', used.grantHash, 'what may be used once was used again').execute(tx.db);
}

/** The app that this request is of, as it is registered now; null while that is not known. */
function appAsking(): string | null {
  const id = Provider.ctx?.oidc?.client?.['app_id'];
  return typeof id === 'string' ? id : null;
}

function originNow(): Origin {
  const request = Provider.ctx?.req as Parameters<typeof requestIdOf>[0] | undefined;
  if (request === undefined) return PROVIDER;
  const session = sessionBehind(request);
  const actor = session ? { kind: 'user' as const, id: session.userId, label: session.email } : PROVIDER.actor;
  return { actor, requestId: requestIdOf(request), address: request.ip };
}

export interface FoundArtifact {
  readonly organizationId: string;
  readonly appId: string;
  readonly email: string;
  readonly payload: AdapterPayload;
}

/** Whether any live artifact of an id is there, for whoever asks what a token is worth. */
export async function findArtifact(
  { db }: Pick<Store, 'db'>,
  kind: 'AccessToken' | 'RefreshToken',
  id: string,
): Promise<FoundArtifact | undefined> {
  const hash = hashOf(id);
  const organizationId = await locateOauthArtifact(db, kind, hash);
  if (organizationId === undefined) return undefined;
  return inTenant(
    db,
    organizationId,
    PROVIDER,
    async (tx) => {
      const { rows } = await sql<Omit<FoundArtifact, 'organizationId'> & { consumedAt: number | null }>`
        SELECT live.*, u.email FROM (${findLive(kind, hash)}) AS live, users u WHERE u.id = (live.payload->>'accountId')::uuid
        `.execute(tx.db);
      const [found] = rows;
      if (found === undefined || found.consumedAt !== null) return undefined;
      return { organizationId, appId: found.appId, email: found.email, payload: found.payload };
    },
    'reader',
  );
}
