/** What endpoints can be told of, and which audited actions it is that they are told. Whatever is here and audited is told; nothing else is. */
interface WebhookEvent {
  /** The audited actions that are this event; none where it has a way of its own. */
  readonly actions: readonly string[];
}

const told = (...actions: string[]): WebhookEvent => ({ actions });

export const WEBHOOK_EVENTS = {
  'user.created': told('user.created'),
  'user.updated': told('user.updated'),
  'user.suspended': told('user.suspended'),
  'user.reactivated': told('user.reactivated'),
  'user.rehired': told('user.rehired'),
  // A step of the leaver's case: it waits for nothing, and its delivery is the case's proof.
  'user.deprovisioned': told(),
  'user.erased': told('user.erased'),
  'membership.added': told('membership.granted'),
  'membership.changed': told('membership.changed'),
  'membership.removed': told('membership.removed', 'membership.expired'),
  // From here on alarms: something waits for a person.
  'user.deprovision_withheld': told('user.deprovision_withheld'),
  'sync.held': told('sync.held'),
  'sync.failed': told('sync.failed'),
  'directory.quarantined': told('directory.quarantined'),
  'connection.certificate_ending': told('connection.certificate_ending'),
  'connection.metadata_waiting': told('connection.metadata_waiting'),
  'connection.metadata_unreadable': told('connection.metadata_unreadable'),
  'domain.proof_missing': told('domain.proof_missing'),
  'domain.verification_lost': told('domain.verification_lost'),
  'offboarding.step_needs_person': told('offboarding.step_needs_human'),
  'offboarding.case_closed': told('offboarding.case_closed'),
  'mail.failed': told('mail.failed'),
  'audit.sealing_delayed': told('audit.sealing_delayed'),
} as const satisfies Record<string, WebhookEvent>;

export type WebhookEventType = keyof typeof WEBHOOK_EVENTS;

export const WEBHOOK_EVENT_TYPES = Object.keys(WEBHOOK_EVENTS) as [WebhookEventType, ...WebhookEventType[]];

/** One line an audited action: what it is told as. */
export const TOLD_AS: readonly { readonly action: string; readonly type: WebhookEventType }[] =
  WEBHOOK_EVENT_TYPES.flatMap((type) => WEBHOOK_EVENTS[type].actions.map((action) => ({ action, type })));
