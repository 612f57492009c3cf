/** What `drawbridge people plan | planned | cancel | rehire` says. */
import type { Models } from '../access/model-file.ts';
import { faultOf } from '../http/problem.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import {
  cancelDeparture,
  departureInput,
  listDepartures,
  type PlannedDeparture,
  planDeparture,
} from './planned-departure.ts';
import type { RehirePreview } from './rehire.ts';

/** Plans a departure. @throws Fault as `planDeparture` does, `invalid-input` where the time is none or past */
export async function planLine(models: Models, tx: TenantTransaction, options: object): Promise<string> {
  const parsed = departureInput.safeParse(options);
  if (!parsed.success) throw faultOf(parsed.error, 'options');
  return lineOf(await planDeparture(models, tx, null, parsed.data));
}

/** A line for each, the next first. @param all also those that are settled */
export async function plannedLines(tx: TenantTransaction, all: boolean): Promise<string[]> {
  const departures = await listDepartures(tx, all);
  return departures.length === 0 ? ['No departure is planned.'] : departures.map(lineOf);
}

/** Cancels one. */
export async function cancelledLine(
  models: Models,
  tx: TenantTransaction,
  id: string,
  reason: string,
): Promise<string> {
  return lineOf(await cancelDeparture(models, tx, null, id, reason));
}

/** What a rehire gives back, or has given. */
export function rehireLines({ email, graceEndsAt, restores, withholds, obstacles }: RehirePreview, done: boolean) {
  const what = ({ role, scope, place }: RehirePreview['restores'][number]) => `${role} in ${place ?? `the ${scope}`}`;
  return [
    done ? `${email} is back.` : `${email} can be rehired; roles come back until ${graceEndsAt.toISOString()}.`,
    ...restores.map((each) => `  ${done ? 'given back' : 'would be given back'}: ${what(each)}`),
    ...withholds.map((each) => `  not: ${what(each)} (${each.why})`),
    ...obstacles.map((each) => `  first: ${each}`),
  ];
}

function lineOf({ id, email, at, reason, state, settledReason }: PlannedDeparture): string {
  const why = settledReason === null ? '' : ` (${settledReason})`;
  return `${id}  ${email}  ${at.toISOString()}  ${state}${why}  ${reason}`;
}
