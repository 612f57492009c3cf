/**
 * Finds the connections through which somebody signs in: by the verified domain of their e-mail address, or by their organization.
 * The answer depends on domains and organizations alone; whether a person exists is never looked at.
 */
import type { Kysely } from 'kysely';
import { locateDomain, locateOrganization } from '../store/locate.ts';
import type { Tables } from '../store/tables.ts';
import { inTenant, type Origin } from '../store/tenant.ts';
import { domainOf, emailAddress } from './attributes.ts';
import { listConnections } from './connection.ts';
import { serves } from './served-domains.ts';

export interface Way {
  readonly name: string;
  /** A path of ours. */
  readonly loginPath: string;
}

const DISCOVERY: Origin = { actor: { kind: 'system', id: 'sign-in', label: 'sign-in' } };

/**
 * The ways in, by priority: of an address, those that serve its domain. None where nothing is known of the address or organization, or
 * where nothing is set up for it.
 */
export async function waysIn(db: Kysely<Tables>, asked: { email?: string; organization?: string }): Promise<Way[]> {
  const email = emailAddress(asked.email);
  const domain = email === null ? undefined : domainOf(email);
  const organizationId = await organizationOf(db, domain, asked.organization);
  if (organizationId === undefined) return [];
  const connections = await inTenant(db, organizationId, DISCOVERY, listConnections, 'reader');
  return connections
    .filter((each) => each.enabled && (domain === undefined || serves(each, domain)))
    .sort((one, other) => one.priority - other.priority)
    .map(({ id, name, kind }) => ({ name, loginPath: `/${kind}/${id}/login` }));
}

async function organizationOf(
  db: Kysely<Tables>,
  domain: string | undefined,
  organization: string | undefined,
): Promise<string | undefined> {
  if (domain !== undefined) return locateDomain(db, domain);
  const named = organization?.trim().toLowerCase();
  return named === undefined || named === '' ? undefined : locateOrganization(db, named);
}
