/** What an endpoint is told of an event. Pure. */
import type { Json } from '../store/tables.ts';
import type { Delivery } from './delivery.ts';

/** Details beyond this are left out; endpoints commonly take no more than some tens of kilobytes. */
const LARGEST_DETAIL = 16_384;

/** Undefined where what it tells is no longer kept. */
export function webhookMessage(organizationId: string, delivery: Delivery): Json | undefined {
  const { type, event, user, body, position } = delivery;
  if (body !== null) return { type, timestamp: delivery.createdAt.toISOString(), data: body };
  if (event === null) return undefined;
  const { at, actor, resource, reason, detail } = event;
  const size = JSON.stringify(detail).length;
  return {
    type,
    timestamp: at,
    data: {
      organization: organizationId,
      // Grows with every event of the organization: whoever gets two messages knows which is the later.
      sequence: position,
      ...(user === null ? {} : { user }),
      resource,
      actor,
      reason: reason.slice(0, 2000),
      ...(size > LARGEST_DETAIL ? { detail: {}, detailLeftOut: true } : { detail }),
    },
  };
}
