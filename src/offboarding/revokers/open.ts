/** The kinds of revokers. A new one is one file and one line here. */
import type { Json } from '../../store/tables.ts';
import type { Outcome } from '../next-step.ts';
import { asking, Stopped, wholeFetch } from './ask.ts';
import { atlassian } from './atlassian.ts';
import { auth0 } from './auth0.ts';
import { github } from './github.ts';
import { githubLeaked } from './github-leaked.ts';
import { google } from './google.ts';
import { microsoft } from './microsoft.ts';
import { okta } from './okta.ts';
import type { Revoker, RevokerKind } from './revoker.ts';
import { rfc7009 } from './rfc7009.ts';
import { scimDownstream } from './scim-downstream.ts';
import { slack } from './slack.ts';
import { zoom } from './zoom.ts';

export const REVOKER_KINDS = {
  atlassian,
  auth0,
  github,
  'github-leaked': githubLeaked,
  google,
  microsoft,
  okta,
  rfc7009,
  'scim-downstream': scimDownstream,
  slack,
  zoom,
} as const satisfies Record<string, RevokerKind>;

export type RevokerKindName = keyof typeof REVOKER_KINDS;

export interface ProviderToOpen {
  readonly revoker: RevokerKindName;
  readonly config: Json;
  readonly secrets: Json;
}

/**
 * Opens the revoker of a provider. Nothing that it does throws: it is an outcome, and no secret stands in it.
 * @throws Fault `invalid-input`, ZodError where the settings are not what the kind takes
 */
export function openRevoker(provider: ProviderToOpen, send: typeof fetch, now: () => Date): Revoker {
  const kind: RevokerKind = REVOKER_KINDS[provider.revoker];
  const secrets = kind.secrets.parse(provider.secrets);
  const fetch = wholeFetch(send, now);
  const opened = kind.open(kind.settings.parse(provider.config), { secrets, ask: asking(fetch, now), fetch, now });
  const kept = Object.values(secrets).filter((each) => typeof each === 'string');
  return {
    ...(opened.token && { token: (asked) => settled(() => opened.token?.(asked), [...kept, asked.token]) }),
    ...(opened.person && { person: (asked) => settled(() => opened.person?.(asked), kept) }),
  };
}

async function settled(work: () => Promise<Outcome> | undefined, secrets: readonly string[]): Promise<Outcome> {
  try {
    return withoutSecrets((await work()) ?? { state: 'unsupported', proof: {} }, secrets);
  } catch (error) {
    if (error instanceof Stopped) return withoutSecrets(error.outcome, secrets);
    throw error;
  }
}

/** A server may say our own words back to us. What the outcome is stands as it is, however short a secret may be. */
function withoutSecrets(outcome: Outcome, secrets: readonly string[]): Outcome {
  const clean = (text: string) => secrets.reduce((left, secret) => left.replaceAll(secret, '(secret)'), text);
  return JSON.parse(JSON.stringify(outcome), (key, value: unknown) =>
    typeof value === 'string' && key !== 'state' ? clean(value) : value,
  ) as Outcome;
}
