/** How far a set-up has got: everything that its pages show, read in one go. */
import type { TenantTransaction } from '../../store/tenant.ts';
import { listDomains, shownDomain } from '../../tenancy/domain.ts';
import { type Connection, listConnections } from '../connection.ts';
import { relyingPartyOf } from '../oidc/addresses.ts';
import { serviceProviderOf } from '../saml/service-provider.ts';
import { listTraces, type ShownTrace } from '../trace.ts';
import type { OpenLink } from './link.ts';
import { type Copied, type FilledStep, filledSteps } from './step.ts';
import { WORDINGS, type Wording } from './wording.ts';

export interface Progress {
  readonly organization: string;
  readonly provider: (Wording & { readonly name: string }) | null;
  /** What is to be done at the identity provider, in its own words. */
  readonly steps: readonly FilledStep[];
  /** What it has to be told at these steps. */
  readonly values: readonly Copied[];
  readonly connection: Connection | null;
  readonly domains: readonly ReturnType<typeof shownDomain>[];
  readonly loginUrl: string;
  /** The last attempt to sign in through the connection. */
  readonly lastTrace: ShownTrace | null;
}

/** Reads the progress of a link's connection. */
export async function progressOf(tx: TenantTransaction, link: OpenLink, baseUrl: string): Promise<Progress> {
  const wording = link.provider === null ? undefined : WORDINGS[link.provider];
  const connection = (await listConnections(tx)).find(({ id }) => id === link.connectionId) ?? null;
  const kind = connection?.kind ?? wording?.kind ?? 'saml';
  const steps = wording === undefined ? [] : stepsFor(wording, baseUrl, link.connectionId);
  const [lastTrace = null] = connection === null ? [] : await listTraces(tx, { connection: connection.slug, limit: 1 });
  return {
    organization: link.organization,
    provider: wording === undefined || link.provider === null ? null : { ...wording, name: link.provider },
    steps,
    values: steps.flatMap(({ copy }) => copy),
    connection,
    domains: (await listDomains(tx)).map(shownDomain),
    loginUrl: `${baseUrl}/${kind}/${link.connectionId}/login?returnTo=/set-up`,
    lastTrace,
  };
}

function stepsFor({ kind, steps }: Wording, baseUrl: string, id: string): FilledStep[] {
  return filledSteps(steps, { ...(kind === 'oidc' ? relyingPartyOf : serviceProviderOf)(baseUrl, id) });
}
