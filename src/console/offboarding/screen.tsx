/** Offboarding: who left, what ended when, what is still open elsewhere; and who is to leave. */
import { Tabs } from '@mantine/core';
import { Route, Routes } from 'react-router';
import { Page } from '../parts/page.tsx';
import { text } from '../text/text.ts';
import { CaseList } from './case-list.tsx';
import { CasePage } from './case-page.tsx';
import { Departures } from './departures.tsx';

const { offboarding: t } = text;

export default function OffboardingScreen() {
  return (
    <Routes>
      <Route index element={<Overview />} />
      <Route path=":id" element={<CasePage />} />
    </Routes>
  );
}

function Overview() {
  return (
    <Page title={t.title} lead={t.lead}>
      <Tabs defaultValue="cases" keepMounted={false}>
        <Tabs.List mb="lg">
          <Tabs.Tab value="cases">{t.cases}</Tabs.Tab>
          <Tabs.Tab value="planned">{t.planned}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="cases">
          <CaseList />
        </Tabs.Panel>
        <Tabs.Panel value="planned">
          <Departures />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
