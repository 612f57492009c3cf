/** One person: what they hold and why, what directories say of them, and everything that happened. */
import { Anchor, Stack, Tabs } from '@mantine/core';
import { Link, useParams } from 'react-router';
import type { Answer } from '../api/client.ts';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { Page } from '../parts/page.tsx';
import { text } from '../text/text.ts';
import { Credentials } from './credentials.tsx';
import { Facts } from './facts.tsx';
import { Memberships } from './memberships.tsx';
import { PersonActions } from './person-actions.tsx';
import { PersonStatus } from './person-status.tsx';
import { Timeline } from './timeline.tsx';

const { people: t } = text;
const ONE = 'get /api/v1/organizations/{organization}/people/{user}';
export type Person = Answer<typeof ONE>;

export function PersonPage() {
  const { id = '' } = useParams();
  const answer = useAnswer(ONE, { path: { user: id } });
  return (
    <Stack>
      <Anchor component={Link} to="/people">
        {t.back}
      </Anchor>
      <Answered of={answer} lines={8}>
        {(person) => <Shown person={person} />}
      </Answered>
    </Stack>
  );
}

function Shown({ person }: { readonly person: Person }) {
  const { displayName, email, status } = person;
  return (
    <Page
      title={displayName || email}
      lead={
        <>
          {email} <PersonStatus status={status} />
        </>
      }
      actions={<PersonActions person={person} />}
    >
      <Tabs defaultValue="access" keepMounted={false}>
        <Tabs.List mb="lg">
          <Tabs.Tab value="access">{t.access}</Tabs.Tab>
          <Tabs.Tab value="credentials">{t.credentials}</Tabs.Tab>
          <Tabs.Tab value="facts">{t.facts}</Tabs.Tab>
          <Tabs.Tab value="timeline">{t.timeline}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="access">
          <Memberships person={person} />
        </Tabs.Panel>
        <Tabs.Panel value="credentials">
          <Credentials person={person} />
        </Tabs.Panel>
        <Tabs.Panel value="facts">
          <Facts person={person} />
        </Tabs.Panel>
        <Tabs.Panel value="timeline">
          <Timeline user={person.id} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
