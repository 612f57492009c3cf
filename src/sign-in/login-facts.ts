/** What a login says, kept as facts of the connection's login directory; the reconcile reads them like any other directory's. */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';
import type { Login } from './attributes.ts';

/** What of a login is kept. Where an organization takes its people's groups from its directories only, neither groups nor attributes. */
export function keptOf(login: Login, groupsFrom: 'any' | 'directory'): Login {
  return groupsFrom === 'any' ? login : { ...login, groups: undefined, attributes: {}, silentOn: [] };
}

/** Of everything a login says; the same again needs no reconcile. */
export function fingerprintOf({ email, name, groups, attributes }: Login): string {
  const said = JSON.stringify([email, name, groups && [...groups].sort(), Object.entries(attributes).sort()]);
  const digest = createHash('sha256').update(said).digest('hex');
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    digest.slice(12, 16),
    digest.slice(16, 20),
    digest.slice(20, 32),
  ].join('-');
}

/**
 * Writes a person's facts as this login states them.
 * @returns the record's id
 */
export async function writeFacts(
  tx: TenantTransaction,
  directoryId: string,
  userId: string,
  login: Login,
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    INSERT INTO directory_users AS d (organization_id, directory_id, source_key, user_name, email, display_name, active, attributes,
      fingerprint, user_id)
    VALUES (${tx.organizationId}, ${directoryId}, ${login.subject}, ${login.email ?? login.subject}, ${login.email}, ${login.name}, true,
      ${JSON.stringify(plain(login))}::jsonb, ${fingerprintOf(login)}::uuid, ${userId})
    ON CONFLICT (organization_id, directory_id, source_key) DO UPDATE SET user_name = excluded.user_name, email = excluded.email,
      display_name = excluded.display_name, active = true, attributes = coalesce((SELECT jsonb_object_agg(key, value)
        FROM jsonb_each(d.attributes) WHERE key = ANY(${[...(login.silentOn ?? [])]}::text[])), '{}') || excluded.attributes, fingerprint = excluded.fingerprint,
      user_id = excluded.user_id, version = d.version + 1, updated_at = now(), deleted_at = NULL
    RETURNING id`.execute(tx.db);
  const recordId = rows[0]?.id ?? '';
  // No word of groups is not the word that there are none: identity providers leave them out when they are too many.
  if (login.groups !== undefined) await writeGroups(tx, directoryId, recordId, login.groups);
  return recordId;
}

async function writeGroups(
  tx: TenantTransaction,
  directoryId: string,
  recordId: string,
  groups: readonly string[],
): Promise<void> {
  const named = groups as string[];
  await sql`
    INSERT INTO directory_groups (organization_id, directory_id, source_key, display_name)
    SELECT ${tx.organizationId}::uuid, ${directoryId}::uuid, name, name FROM unnest(${named}::text[]) AS name ORDER BY name
    ON CONFLICT (organization_id, directory_id, source_key) DO NOTHING`.execute(tx.db);
  await sql`
    DELETE FROM directory_group_members m USING directory_groups g
    WHERE m.directory_id = ${directoryId} AND m.member_id = ${recordId} AND g.directory_id = m.directory_id AND g.id = m.group_id
      AND NOT g.source_key = ANY(${named}::text[])`.execute(tx.db);
  await sql`
    INSERT INTO directory_group_members (organization_id, directory_id, group_id, member_id)
    SELECT organization_id, directory_id, id, ${recordId}::uuid FROM directory_groups
    WHERE directory_id = ${directoryId} AND source_key = ANY(${named}::text[])
    ON CONFLICT DO NOTHING`.execute(tx.db);
}

/** A single value reads better as a text than as a list of one; conditions over attributes see what they expect. */
function plain({ attributes }: Login): Record<string, string | readonly string[]> {
  const entries = Object.entries(attributes).map(([name, values]) => [
    name,
    values.length === 1 ? (values[0] ?? '') : values,
  ]);
  return Object.fromEntries(entries) as Record<string, string | readonly string[]>;
}
