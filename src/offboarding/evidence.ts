/** What an auditor wants of one case: what was asked when, each access that existed, when and how it ended, and what proves it. */
import { sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';
import { type CaseStep, findCase } from './cases.ts';

export interface EndedAccess {
  readonly what: string;
  readonly since: string | null;
  readonly endedAt: string | null;
  readonly how: string;
}

export interface CaseEvidence {
  readonly kind: 'offboarding-case';
  readonly issuer: string;
  readonly organization: { readonly id: string; readonly slug: string; readonly name: string };
  readonly madeAt: string;
  readonly case: string;
  readonly person: { readonly id: string; readonly email: string };
  readonly trigger: string;
  readonly reason: string;
  readonly triggeredAt: string;
  /** When all access here ended, in one transaction. */
  readonly accessEndedAt: string;
  readonly closedAt: string | null;
  readonly secondsToAccessEnd: number;
  /** To the last proof from elsewhere; null while the case is open. */
  readonly secondsToLastProof: number | null;
  readonly accesses: readonly EndedAccess[];
  readonly elsewhere: readonly (Omit<CaseStep, 'nextAttemptAt'> & { readonly attempts: number })[];
  /** The audit event that was written with the end of access, and its seal; null until it is sealed. */
  readonly audit: { readonly event: number | null; readonly position: number | null; readonly hash: string | null };
}

/** Reads it. @throws Fault `not-found` */
export async function caseEvidence(tx: TenantTransaction, issuer: string, caseId: string): Promise<CaseEvidence> {
  const found = await findCase(tx, caseId);
  const { rows: ended } = await endedIn(tx, caseId);
  const { rows: sealed } = await sealOf(tx, caseId, found.userId);
  const organization = await tx.db.selectFrom('organizations').select(['id', 'slug', 'name']).executeTakeFirstOrThrow();
  const [audit = { event: null, position: null, hash: null }] = sealed;
  return JSON.parse(
    JSON.stringify({
      kind: 'offboarding-case',
      issuer,
      organization,
      madeAt: new Date(),
      case: found.id,
      person: { id: found.userId, email: found.email },
      trigger: found.trigger,
      reason: found.reason,
      triggeredAt: found.triggeredAt,
      accessEndedAt: found.openedAt,
      closedAt: found.closedAt,
      secondsToAccessEnd: (found.openedAt.getTime() - found.triggeredAt.getTime()) / 1000,
      secondsToLastProof: found.totalSeconds,
      accesses: ended,
      elsewhere: found.steps.map(({ nextAttemptAt: _, ...step }) => step),
      audit,
    }),
  ) as CaseEvidence;
}

/** What ended in the transaction that opened the case: it has that transaction's time. */
function endedIn({ db }: TenantTransaction, caseId: string) {
  return sql<EndedAccess>`
    WITH c AS (SELECT * FROM offboarding_cases WHERE id = ${caseId})
    SELECT e.what, e.since, e.ended AS "endedAt", e.how FROM c, LATERAL (
      SELECT 'session (' || s.authenticated_by || ')' AS what, s.created_at AS since, s.ended_at AS ended, s.ended_reason AS how
        FROM sessions s WHERE s.user_id = c.user_id AND s.ended_at = c.opened_at
      UNION ALL SELECT 'access token for ' || g.client, g.created_at, g.revoked_at, 'revoked' FROM grants g
        WHERE g.user_id = c.user_id AND g.revoked_at = c.opened_at
      UNION ALL SELECT 'app ' || a.client || ' (' || a.kind || ')', a.created_at, a.ended_at, 'ended' FROM oauth_artifacts a
        WHERE a.user_id = c.user_id AND a.ended_at = c.opened_at
      UNION ALL SELECT 'API key ' || (k->>'display') || ' (' || (k->>'kind') || ')', r.created_at, r.revoked_at,
          CASE k->>'end' WHEN 'revoke' THEN 'revoked' WHEN 'keep' THEN 'kept, by policy' ELSE 'kept and flagged, by policy' END
        FROM jsonb_array_elements(c.ended->'apiKeys') AS k LEFT JOIN api_keys r ON r.id = (k->>'id')::uuid
      UNION ALL SELECT 'role ' || (m->>'role') || ' in ' || coalesce(w.slug, p.slug, m->>'scope') || ' (' || (m->>'source') || ')', NULL,
          c.opened_at, 'removed'
        FROM jsonb_array_elements(c.ended->'memberships') AS m LEFT JOIN workspaces w ON w.id = (m->>'scopeId')::uuid
        LEFT JOIN products p ON p.id = (m->>'scopeId')::uuid
      UNION ALL SELECT 'kept OAuth token of ' || p.slug, t.created_at, t.locked_at, 'locked here; its end elsewhere is a step of its own'
        FROM oauth_tokens t JOIN oauth_providers p ON p.id = t.provider_id WHERE t.user_id = c.user_id AND t.locked_at = c.opened_at
    ) AS e ORDER BY e.what, e.since`.execute(db);
}

function sealOf({ db }: TenantTransaction, caseId: string, userId: string) {
  return sql<CaseEvidence['audit']>`
    SELECT e.id AS event, s.position, encode(s.hash, 'hex') AS hash FROM audit_events e
    LEFT JOIN audit_seals s ON s.organization_id = e.organization_id AND s.event_id = e.id AND s.event_at = e.at
    WHERE e.user_id = ${userId} AND e.action = 'user.deprovisioned' AND e.detail ->> 'case' = ${caseId} LIMIT 1`.execute(
    db,
  );
}
