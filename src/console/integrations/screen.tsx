/** Integrations: what others are told of, what they tell, and where access ends elsewhere. */
import { Tabs } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { Navigate, Route, Routes, useLocation, useNavigate } from 'react-router';
import { Page } from '../parts/page.tsx';
import { useSession } from '../session/session.tsx';
import { text } from '../text/text.ts';
import { AuditStreams } from './audit-streams.tsx';
import { Providers } from './providers.tsx';
import { ReceiversIn } from './receivers-in.tsx';
import { StreamPage } from './stream-page.tsx';
import { StreamsOut } from './streams-out.tsx';
import { WebhookList } from './webhook-list.tsx';
import { WebhookPage } from './webhook-page.tsx';

const { integrations: t } = text;

const TABS = [
  { path: 'webhooks', title: t.webhooks.title, area: 'organization', component: WebhookList },
  { path: 'streams', title: t.streams.title, area: 'organization', component: StreamsOut },
  { path: 'receivers', title: t.receivers.title, area: 'connections', component: ReceiversIn },
  { path: 'audit-streams', title: t.auditStreams.title, area: 'audit', component: AuditStreams },
  { path: 'providers', title: t.providers.title, area: 'connections', component: Providers },
] as const;

export default function IntegrationsScreen() {
  const session = useSession();
  const [first] = TABS.filter(({ area }) => session.may(area));
  return (
    <Routes>
      <Route index element={<Navigate to={`/integrations/${first?.path ?? 'webhooks'}`} replace />} />
      <Route path="webhooks/:slug" element={<WebhookPage />} />
      <Route path="streams/:id" element={<StreamPage />} />
      <Route path=":tab" element={<Tabbed />} />
    </Routes>
  );
}

function Tabbed() {
  const session = useSession();
  const navigate = useNavigate();
  const path = useLocation().pathname.split('/').at(-1) ?? '';
  const visible = TABS.filter(({ area }) => session.may(area));
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const chosen = list.current?.querySelector(`[data-tab="${path}"]`);
    chosen?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [path]);
  return (
    <Page title={t.title} lead={t.lead}>
      <Tabs value={path} onChange={(tab) => void navigate(`/integrations/${tab}`)} keepMounted={false}>
        <Tabs.List ref={list} mb="lg" style={{ flexWrap: 'nowrap', overflowX: 'auto' }}>
          {visible.map((tab) => (
            <Tabs.Tab key={tab.path} value={tab.path} data-tab={tab.path}>
              {tab.title}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {visible.map(({ path: each, component: Shown }) => (
          <Tabs.Panel key={each} value={each}>
            <Shown />
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}
