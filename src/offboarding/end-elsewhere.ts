/** Has one step's token or person ended at its provider. */
import { openOauthToken } from '../credentials/oauth-token.ts';
import { providerSecrets } from '../credentials/provider-secrets.ts';
import type { SealingKeys } from '../sealing-keys.ts';
import type { ClaimedStep } from './claim.ts';
import type { Outcome } from './next-step.ts';
import { openRevoker } from './revokers/open.ts';

type Asked = Pick<ClaimedStep, 'provider' | 'token' | 'person'>;

/** @throws Fault where the provider can't be asked as it is set up */
export async function endElsewhere(
  asked: Asked & { readonly provider: NonNullable<ClaimedStep['provider']> },
  keys: SealingKeys,
  send: typeof fetch,
  now: () => Date,
): Promise<Outcome> {
  const { provider, token, person } = asked;
  const { refreshSecret: _, ...secrets } = providerSecrets(keys, provider);
  const revoker = openRevoker({ ...provider, secrets }, send, now);
  if (token === null) return (await revoker.person?.(person)) ?? endsNone('people');
  if (token.sealed_token === null) return { state: 'already_gone', proof: { reason: 'it has been ended before' } };
  const opened = openOauthToken(keys, { user_id: token.user_id, sealed_token: token.sealed_token });
  return (await revoker.token?.({ token: opened, kind: token.token_kind })) ?? endsNone('single tokens');
}

function endsNone(what: string): Outcome {
  return { state: 'unsupported', proof: { reason: `the provider, as it is set up, ends no ${what}` } };
}
