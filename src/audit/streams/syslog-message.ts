/** Audit events as syslog messages: RFC 5424, framed by octet counting (RFC 6587, RFC 5425). Pure. */
import { asOcsf } from '../ocsf.ts';
import type { StreamedEvent } from './cursor.ts';

/** "Log audit". */
const FACILITY = 13;
const SEVERITY: Record<string, number> = { success: 6, failure: 4, denied: 4 };
/** The number that RFC 5612 sets aside for who has none of their own. */
const SD_ID = 'drawbridge@32473';
const BOM = '\ufeff';

/** One event as a frame: its length in octets, a space, the message. */
export function syslogFrame(
  event: StreamedEvent,
  context: { readonly organizationId: string; readonly hostname: string; readonly format: 'drawbridge' | 'ocsf' },
): Buffer {
  const { organizationId, format } = context;
  const fields: readonly (readonly [name: string, value: string | number | null])[] = [
    ['organization', organizationId],
    ['position', event.position],
    ['hash', event.hash],
    ['actor', event.actorLabel],
    ['actorKind', event.actorKind],
    ['action', event.action],
    ['resourceType', event.resourceType],
    ['resourceId', event.resourceId],
    ['outcome', event.outcome],
    ['requestId', event.requestId],
    ['address', event.address],
  ];
  const told = fields
    .filter(([, value]) => value !== null)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`);
  const priority = FACILITY * 8 + (SEVERITY[event.outcome] ?? 5);
  const header = [`<${priority}>1`, event.at, ascii(context.hostname, 255), 'drawbridge', '-', ascii(event.action, 32)];
  const body = JSON.stringify(format === 'ocsf' ? asOcsf(organizationId, event) : event);
  const message = Buffer.from(`${header.join(' ')} [${SD_ID}${told.join('')}] ${BOM}${body}`, 'utf8');
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

/** A parameter's value: `"`, `\` and `]` are escaped, nothing else. */
function escaped(value: string): string {
  return value.replaceAll(/["\\\]]/g, '\\$&');
}

/** A header's field: printable ASCII without spaces, `-` where nothing is left. */
function ascii(text: string, longest: number): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '').slice(0, longest) || '-';
}
