/** Whether a person may administer an area of Drawbridge itself: each model says which of its permissions that takes. */
import type { AdminArea } from '../http/caller.ts';
import { type Decision, decide, refuse } from './decide.ts';
import { type AccessModel, covers } from './model.ts';
import type { Subject } from './subject.ts';

/**
 * Decides whether a person may administer an area of a whole organization. Where the model's permission is one of workspaces, the
 * person must have it in every one, for what is changed here concerns them all.
 * @param workspaceIds every workspace of the organization
 */
export function mayAdminister(
  model: AccessModel,
  subject: Subject,
  area: AdminArea,
  organization: { readonly id: string; readonly workspaceIds: readonly string[] },
  now: Date,
): Decision {
  const action = model.administration[area];
  const everywhere = { organizationId: organization.id, workspaceId: null, product: null };
  const at = model.permissions.get(action)?.at ?? [];
  if (at.some((kind) => covers(kind, 'organization')) || organization.workspaceIds.length === 0) {
    return decide(model, subject, action, everywhere, now);
  }
  const decisions = organization.workspaceIds.map((workspaceId) =>
    decide(model, subject, action, { ...everywhere, workspaceId }, now),
  );
  return decisions.find(({ decision }) => !decision) ?? decisions[0] ?? refuse('workspace', 'There is no workspace.');
}
