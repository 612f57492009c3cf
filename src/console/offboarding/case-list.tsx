/** Every case, latest first, with what is still open. */
import { IconDoorExit } from '@tabler/icons-react';
import { useNavigate } from 'react-router';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { Onward } from '../parts/onward.tsx';
import { text } from '../text/text.ts';
import { type Case, CaseState } from './case-state.tsx';

const { offboarding: t } = text;

const COLUMNS: readonly Column<Case>[] = [
  { key: 'email', onPhone: true, title: t.person, width: '1.6fr', cell: ({ email }) => email },
  { key: 'reason', title: t.reason, width: '2fr', cell: ({ reason }) => reason },
  { key: 'trigger', title: t.trigger, width: '110px', cell: ({ trigger }) => trigger },
  { key: 'opened', title: t.endedHere, width: '140px', cell: ({ openedAt }) => <Moment at={openedAt} /> },
  { key: 'state', onPhone: true, title: t.elsewhere, width: '150px', cell: (each) => <CaseState of={each} /> },
];

export function CaseList() {
  const navigate = useNavigate();
  const answer = useAnswer('get /api/v1/organizations/{organization}/offboarding-cases', {}, { every: 5000 });
  return (
    <Answered of={answer}>
      {({ cases }) =>
        cases.length === 0 ? (
          <EmptyState
            icon={IconDoorExit}
            title={t.empty}
            hint={t.emptyHint}
            action={<Onward to="/people" label={t.toPeople} />}
          />
        ) : (
          <DataTable
            label={t.cases}
            columns={COLUMNS}
            rows={cases}
            rowKey={({ id }) => id}
            minWidth={760}
            onOpen={({ id }) => void navigate(`/offboarding/${id}`)}
          />
        )
      }
    </Answered>
  );
}
