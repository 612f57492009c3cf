/** The groups that directories name, for whoever maps them to roles. */
import { sql } from 'kysely';
import { z } from 'zod';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';

const shownGroup = z.object({
  id: z.string(),
  /** The source's own id. */
  key: z.string(),
  name: z.string(),
  directory: z.string(),
  members: z.number(),
  /** Slugs of the rules that name it. */
  rules: z.array(z.string()),
});
type ShownGroup = z.output<typeof shownGroup>;

/** Routes below `/api/v1/organizations/:organization`. */
export function groupRoutes({ store: { db } }: { readonly store: Pick<Store, 'db'> }): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  endpoint(
    api,
    {
      method: 'get',
      path: '/directory-groups',
      summary:
        'Groups that directories name, by name, with how many are in each and which rules mean it; a page at a time',
      area: 'mapping',
      query: z.object({
        directory: z.string().optional(),
        /** Part of the name, in any case. */
        query: z.string().max(200).optional(),
        /** `next` of the page before. */
        cursor: z.string().max(400).optional(),
        limit: z.coerce.number().int().min(1).max(500).default(100),
      }),
      answer: z.object({ groups: z.array(shownGroup), next: z.string().nullable() }),
    },
    ({ query: { directory = null, query, cursor, limit } }, request) =>
      withinTenant(
        db,
        request,
        async (tx) => {
          const pattern = query === undefined ? null : `%${query.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
          const [name = null, id = null] = cursor === undefined ? [] : (JSON.parse(cursor) as string[]);
          const { rows } = await sql<ShownGroup>`
            SELECT g.id, g.source_key AS key, g.display_name AS name, d.slug AS directory,
              (SELECT count(*)::int FROM directory_group_members m WHERE m.directory_id = g.directory_id AND m.group_id = g.id) AS members,
              (SELECT coalesce(jsonb_agg(r.slug ORDER BY r.slug), '[]') FROM mapping_rules r
                WHERE coalesce(r.directory_id = d.id, true) AND ((r.group_by = 'name' AND lower(r.group_name) = lower(g.display_name))
                  OR (r.group_by = 'id' AND r.group_name = g.source_key))) AS rules
            FROM directory_groups g JOIN directories d ON d.id = g.directory_id
            WHERE (${directory}::text IS NULL OR d.slug = ${directory}) AND (${pattern}::text IS NULL OR lower(g.display_name) LIKE ${pattern})
              AND (${id}::uuid IS NULL OR (g.display_name, g.id) > (${name}::text, ${id}::uuid))
            ORDER BY g.display_name, g.id LIMIT ${limit + 1}`.execute(tx.db);
          const groups = rows.slice(0, limit);
          const last = groups.at(-1);
          return {
            groups,
            next: rows.length > limit && last !== undefined ? JSON.stringify([last.name, last.id]) : null,
          };
        },
        'reader',
      ),
  );
  return api;
}
