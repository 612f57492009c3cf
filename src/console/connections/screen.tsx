/** Connections: identity providers, the domains they vouch for, and what became of attempts to sign in. */
import { Tabs } from '@mantine/core';
import { Route, Routes, useNavigate } from 'react-router';
import { Page } from '../parts/page.tsx';
import { useSession } from '../session/session.tsx';
import { text } from '../text/text.ts';
import { Connect } from './connect.tsx';
import { ConnectionList } from './connection-list.tsx';
import { ConnectionPage } from './connection-page.tsx';
import { Domains } from './domains.tsx';
import { Enforcement } from './enforcement.tsx';
import { Traces } from './traces.tsx';

const { connections: t } = text;

export default function ConnectionsScreen() {
  return (
    <Routes>
      <Route index element={<Tabbed tab="providers" />} />
      <Route path="domains" element={<Tabbed tab="domains" />} />
      <Route path="attempts" element={<Tabbed tab="attempts" />} />
      <Route path="enforcement" element={<Tabbed tab="enforcement" />} />
      <Route path=":slug" element={<ConnectionPage />} />
    </Routes>
  );
}

function Tabbed({ tab }: { readonly tab: 'providers' | 'domains' | 'enforcement' | 'attempts' }) {
  const navigate = useNavigate();
  const { may } = useSession();
  return (
    <Page title={t.title} lead={t.lead} actions={<Connect />}>
      <Tabs
        value={tab}
        onChange={(to) => void navigate(to === 'providers' ? '/connections' : `/connections/${to}`)}
        keepMounted={false}
      >
        <Tabs.List mb="lg">
          <Tabs.Tab value="providers">{t.providers}</Tabs.Tab>
          {may('organization') && <Tabs.Tab value="domains">{t.domains}</Tabs.Tab>}
          {may('organization') && <Tabs.Tab value="enforcement">{text.enforcement.tab}</Tabs.Tab>}
          <Tabs.Tab value="attempts">{t.attempts}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="providers">
          <ConnectionList />
        </Tabs.Panel>
        <Tabs.Panel value="domains">
          <Domains />
        </Tabs.Panel>
        <Tabs.Panel value="enforcement">
          <Enforcement />
        </Tabs.Panel>
        <Tabs.Panel value="attempts">
          <Traces />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
