/** One identity provider: what it is told, its certificates, a test with the last attempts beside it, and its settings. */
import { Anchor, Button, SimpleGrid, Stack } from '@mantine/core';
import { Link, useParams } from 'react-router';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { ConfirmedAction } from '../parts/confirmed-action.tsx';
import { Copy } from '../parts/copy.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { Section } from '../parts/section.tsx';
import { text } from '../text/text.ts';
import { Certificates } from './certificates.tsx';
import { Connect } from './connect.tsx';
import { ConnectionSettings } from './connection-settings.tsx';
import { type Connection, ConnectionState } from './connection-state.tsx';
import { TestSignIn } from './test-sign-in.tsx';

const { connections: t } = text;

export function ConnectionPage() {
  const { slug = '' } = useParams();
  const answer = useAnswer('get /api/v1/organizations/{organization}/connections/{connection}', {
    path: { connection: slug },
  });
  return (
    <Stack>
      <Anchor component={Link} to="/connections">
        {t.back}
      </Anchor>
      <Answered of={answer} lines={8}>
        {(connection) => <Shown key={connection.id} connection={connection} />}
      </Answered>
    </Stack>
  );
}

function Shown({ connection }: { readonly connection: Connection }) {
  const { slug, name, kind, enabled } = connection;
  const change = useChange('patch /api/v1/organizations/{organization}/connections/{connection}');
  const turn = (on: boolean, done: () => void = () => undefined) =>
    change.mutate({ path: { connection: slug }, body: { enabled: on } }, { onSuccess: done });
  const loginUrl = kind === 'saml' ? connection.serviceProvider.loginUrl : connection.relyingParty.loginUrl;
  return (
    <Page
      title={name}
      lead={t.kinds[kind]}
      actions={
        <>
          <ConnectionState {...connection} />
          <Connect slug={slug} label={t.setUpAgain} />
          {enabled ? (
            <ConfirmedAction
              label={t.turnOff}
              title={t.turnOffTitle}
              explanation={t.turnOffHint}
              pending={change.isPending}
              error={change.error}
              onConfirm={(done) => turn(false, done)}
            />
          ) : (
            <Button color="teal" loading={change.isPending} onClick={() => turn(true)}>
              {t.turnOn}
            </Button>
          )}
        </>
      }
    >
      {!enabled && change.error !== null && <ProblemAlert error={change.error} />}
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg">
        <Section title={t.ours}>
          {Object.entries(kind === 'saml' ? connection.serviceProvider : connection.relyingParty).map(
            ([key, value]) => (
              <Copy key={key} label={t.addresses[key as keyof typeof t.addresses]} value={value} />
            ),
          )}
        </Section>
        {connection.kind === 'saml' ? (
          <Section title={t.certificates}>
            <Certificates connection={connection} />
          </Section>
        ) : (
          <Section title={t.theirs}>
            <Copy label={t.issuer} value={connection.config.issuer} />
            <Copy label={t.clientId} value={connection.config.clientId} />
          </Section>
        )}
      </SimpleGrid>
      <TestSignIn connection={slug} loginUrl={loginUrl} />
      <Section title={t.settings}>
        <ConnectionSettings connection={connection} />
      </Section>
    </Page>
  );
}
