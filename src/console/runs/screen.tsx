/** Runs and their plans: what was changed, what waits for a person, and why. */
import { SegmentedControl, Stack } from '@mantine/core';
import { useState } from 'react';
import { Route, Routes } from 'react-router';
import { Page } from '../parts/page.tsx';
import { text } from '../text/text.ts';
import { RunList } from './run-list.tsx';
import { RunPage } from './run-page.tsx';

const { runs: t } = text;

export default function RunsScreen() {
  return (
    <Routes>
      <Route index element={<All />} />
      <Route path=":id" element={<RunPage />} />
    </Routes>
  );
}

function All() {
  const [status, setStatus] = useState('');
  return (
    <Page title={t.title} lead={t.lead}>
      <Stack>
        <SegmentedControl
          aria-label={t.status}
          value={status}
          onChange={setStatus}
          data={[
            { value: '', label: t.all },
            { value: 'held', label: t.statuses.held },
            { value: 'applied', label: t.statuses.applied },
            { value: 'failed', label: t.statuses.failed },
          ]}
        />
        <RunList {...(status === '' ? {} : { status })} />
      </Stack>
    </Page>
  );
}
