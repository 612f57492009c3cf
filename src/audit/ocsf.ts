/** Audit events as the Open Cybersecurity Schema Framework (1.5) has them, for a SIEM to understand unasked. Pure. */
import { type OcsfKind, ocsfKindOf } from './ocsf-kind.ts';
import type { ShownEvent } from './search.ts';

const VERSION = '1.5.0';
const DRAWBRIDGE = { name: 'Drawbridge', vendor_name: 'Drawbridge' };
const CATEGORY: Record<number, string> = { 3: 'Identity & Access Management', 6: 'Application Activity' };
const STATUS = {
  success: { status_id: 1, status: 'Success', severity_id: 1, severity: 'Informational' },
  failure: { status_id: 2, status: 'Failure', severity_id: 2, severity: 'Low' },
  denied: { status_id: 2, status: 'Failure', severity_id: 3, severity: 'Medium' },
} as const;

/** One event in OCSF's form; what the schema has no place for is under `unmapped`. */
export function asOcsf(organizationId: string, event: ShownEvent): Record<string, unknown> {
  const kind = ocsfKindOf(event.action);
  const category = Math.floor(kind.classUid / 1000);
  return {
    category_uid: category,
    category_name: CATEGORY[category],
    class_uid: kind.classUid,
    class_name: kind.className,
    activity_id: kind.activityId,
    activity_name: kind.activityName,
    type_uid: kind.classUid * 100 + kind.activityId,
    time: Math.trunc(Date.parse(event.at)),
    ...STATUS[event.outcome as keyof typeof STATUS],
    status_code: event.outcome,
    ...(event.reason === '' ? {} : { status_detail: event.reason }),
    message: event.reason === '' ? event.action : `${event.action}: ${event.reason}`,
    metadata: {
      version: VERSION,
      product: DRAWBRIDGE,
      uid: `${organizationId}:${event.id}`,
      event_code: event.action,
      tenant_uid: organizationId,
      original_time: event.at,
      log_name: 'audit',
      ...(event.requestId === null ? {} : { correlation_uid: event.requestId }),
    },
    actor: { user: { uid: event.actorId, name: event.actorLabel, type_id: 99, type: event.actorKind } },
    ...(event.address === null ? {} : { src_endpoint: { ip: event.address } }),
    ...targetOf(kind, event),
    unmapped: { resource_type: event.resourceType, resource_id: event.resourceId, detail: event.detail },
  };
}

/** What each class says of whom or what it is about. */
function targetOf(kind: OcsfKind, event: ShownEvent): Record<string, unknown> {
  const { resourceType: type, resourceId: uid } = event;
  switch (kind.className) {
    case 'Authentication':
      return { user: userOf(event), service: { name: DRAWBRIDGE.name }, is_remote: true };
    case 'Account Change':
      return { user: userOf(event) };
    case 'User Access Management':
      return { user: userOf(event), privileges: [roleOf(event)], resources: [{ uid, type }] };
    case 'Group Management':
      return { group: { uid, ...named(event) }, privileges: [] };
    case 'Entity Management':
      return { entity: { uid, type, ...named(event) } };
    case 'API Activity':
      return {
        api: {
          operation: event.action,
          service: { name: DRAWBRIDGE.name },
          ...(event.requestId === null ? {} : { request: { uid: event.requestId } }),
        },
        resources: [{ uid, type }],
        src_endpoint:
          event.address === null ? { svc_name: event.actorLabel || event.actorKind } : { ip: event.address },
      };
  }
}

/** The person it is about; where none is known, who tried. */
function userOf(event: ShownEvent) {
  const told = fieldsOf(event);
  const uid = event.resourceType === 'user' ? event.resourceId : (told['user'] ?? event.actorId);
  const email = told['email'];
  const name = email ?? (uid === event.actorId ? event.actorLabel : undefined);
  return { uid, ...(name === undefined ? {} : { name }), ...(email === undefined ? {} : { email_addr: email }) };
}

function roleOf(event: ShownEvent): string {
  return fieldsOf(event)['role'] ?? event.resourceType;
}

function named(event: ShownEvent): { readonly name?: string } {
  const { slug, name } = fieldsOf(event);
  const found = name ?? slug;
  return found === undefined ? {} : { name: found };
}

function fieldsOf({ detail }: ShownEvent): Readonly<Record<string, string>> {
  if (typeof detail !== 'object' || detail === null) return {};
  return Object.fromEntries(Object.entries(detail).filter(([, value]) => typeof value === 'string' && value !== ''));
}
