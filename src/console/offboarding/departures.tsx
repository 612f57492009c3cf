/** Who is to leave when, by whose word; it can still be taken back. */
import { IconCalendarOff } from '@tabler/icons-react';
import type { Answer } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { ReasonedAction } from '../parts/reasoned-action.tsx';
import { text } from '../text/text.ts';

const { offboarding: t } = text;
const LIST = 'get /api/v1/organizations/{organization}/planned-departures';
type Departure = Answer<typeof LIST>['departures'][number];

const COLUMNS: readonly Column<Departure>[] = [
  { key: 'email', title: t.person, width: '1.5fr', cell: ({ email }) => email },
  { key: 'at', title: t.leaves, width: '150px', cell: ({ at }) => <Moment at={at} /> },
  { key: 'reason', title: t.reason, width: '2fr', cell: ({ reason }) => reason },
  { key: 'by', title: t.plannedBy, width: '1.2fr', cell: ({ plannedBy }) => plannedBy },
  { key: 'cancel', title: '', width: '110px', cell: (departure) => <Cancel departure={departure} /> },
];

export function Departures() {
  const answer = useAnswer(LIST, {});
  return (
    <Answered of={answer}>
      {({ departures }) =>
        departures.length === 0 ? (
          <EmptyState icon={IconCalendarOff} title={t.nobodyPlanned} hint={t.nobodyPlannedHint} />
        ) : (
          <DataTable label={t.planned} columns={COLUMNS} rows={departures} rowKey={({ id }) => id} minWidth={760} />
        )
      }
    </Answered>
  );
}

function Cancel({ departure: { id } }: { readonly departure: Departure }) {
  const cancel = useChange('post /api/v1/organizations/{organization}/planned-departures/{departure}/cancel');
  return (
    <ReasonedAction
      label={t.cancel}
      title={t.cancelTitle}
      explanation={t.cancelHint}
      confirm={t.cancelTitle}
      button={{ size: 'xs', variant: 'subtle' }}
      pending={cancel.isPending}
      error={cancel.error}
      onConfirm={(reason, done) => cancel.mutate({ path: { departure: id }, body: { reason } }, { onSuccess: done })}
    />
  );
}
