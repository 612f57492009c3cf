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

export interface Way {
  readonly name: string;
  /** A path of ours. */
  readonly loginPath: string;
}

const DISCOVERY: Origin = { actor: { kind: 'system', id: 'sign-in', label: 'sign-in' } };

/** The ways in; none where nothing is known of the address or organization, or where nothing is set up for it. */
export async function waysIn(db: Kysely<Tables>, asked: { email?: string; organization?: string }): Promise<Way[]> {
  const organizationId = await organizationOf(db, asked);
  if (organizationId === undefined) return [];
  const connections = await inTenant(db, organizationId, DISCOVERY, listConnections, 'reader');
  return connections
    .filter(({ enabled }) => enabled)
    .map(({ id, name, kind }) => ({ name, loginPath: `/${kind}/${id}/login` }));
}

async function organizationOf(
  db: Kysely<Tables>,
  asked: { email?: string; organization?: string },
): Promise<string | undefined> {
  const email = emailAddress(asked.email);
  if (email !== null) return locateDomain(db, domainOf(email));
  const named = asked.organization?.trim().toLowerCase();
  return named === undefined || named === '' ? undefined : locateOrganization(db, named);
}
