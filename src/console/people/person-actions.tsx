/** What an administrator can do about somebody: suspend, let go now or at a time, take back. */
import { Alert, Button, List, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { exactly } from '../parts/moment.tsx';
import { ReasonedAction } from '../parts/reasoned-action.tsx';
import { text } from '../text/text.ts';
import type { Person } from './person-page.tsx';

const { people: t } = text;

export function PersonActions({ person }: { readonly person: Person }) {
  if (person.status === 'deprovisioned') return <Rehire person={person} />;
  return (
    <>
      {person.status === 'active' ? <Suspend person={person} /> : <Reactivate person={person} />}
      <LetGo person={person} />
    </>
  );
}

function Suspend({ person: { id } }: { readonly person: Person }) {
  const suspend = useChange('post /api/v1/organizations/{organization}/people/{user}/suspend');
  return (
    <ReasonedAction
      label={t.suspend}
      title={t.suspend}
      explanation={t.suspendHint}
      confirm={t.suspend}
      button={{ variant: 'default' }}
      pending={suspend.isPending}
      error={suspend.error}
      onConfirm={(reason, done) => suspend.mutate({ path: { user: id }, body: { reason } }, { onSuccess: done })}
    />
  );
}

function Reactivate({ person: { id } }: { readonly person: Person }) {
  const reactivate = useChange('post /api/v1/organizations/{organization}/people/{user}/reactivate');
  return (
    <ReasonedAction
      label={t.reactivate}
      title={t.reactivate}
      explanation={t.reactivateHint}
      confirm={t.reactivate}
      button={{ color: 'teal' }}
      pending={reactivate.isPending}
      error={reactivate.error}
      onConfirm={(reason, done) => reactivate.mutate({ path: { user: id }, body: { reason } }, { onSuccess: done })}
    />
  );
}

function LetGo({ person: { id } }: { readonly person: Person }) {
  const navigate = useNavigate();
  const [at, setAt] = useState('');
  const offboard = useChange('post /api/v1/organizations/{organization}/people/{user}/offboard');
  const plan = useChange('post /api/v1/organizations/{organization}/planned-departures');
  return (
    <ReasonedAction
      label={t.letGo}
      title={t.letGo}
      explanation={t.letGoHint}
      confirm={at === '' ? t.letGoNow : t.letGoThen}
      button={{ color: 'red' }}
      pending={offboard.isPending || plan.isPending}
      error={offboard.error ?? plan.error}
      onConfirm={(reason, done) => {
        const ordered =
          at === ''
            ? offboard.mutateAsync({ path: { user: id }, body: { reason } })
            : plan.mutateAsync({ body: { user: id, at: new Date(at).toISOString(), reason } });
        // Not by `onSuccess`, for by then somebody who has left has no such button any more. What failed is shown above.
        ordered.then(
          () => {
            done();
            void navigate('/offboarding');
          },
          () => undefined,
        );
      }}
    >
      <TextInput
        type="datetime-local"
        label={t.letGoAt}
        description={t.letGoAtHint}
        value={at}
        onChange={(event) => setAt(event.currentTarget.value)}
      />
    </ReasonedAction>
  );
}

function Rehire({ person: { id } }: { readonly person: Person }) {
  const [asked, setAsked] = useState(false);
  const rehire = useChange('post /api/v1/organizations/{organization}/people/{user}/rehire');
  const preview = useAnswer(
    'get /api/v1/organizations/{organization}/people/{user}/rehire',
    { path: { user: id } },
    { enabled: asked },
  );
  if (!asked) return <Button onClick={() => setAsked(true)}>{t.rehire}</Button>;
  return (
    <Answered of={preview} lines={1}>
      {({ restores, withholds, obstacles, graceEndsAt }) => (
        <ReasonedAction
          label={t.rehireConfirm}
          title={t.rehire}
          explanation={t.rehireHint(exactly(graceEndsAt))}
          confirm={t.rehire}
          pending={rehire.isPending}
          error={rehire.error}
          onConfirm={(reason, done) => rehire.mutate({ path: { user: id }, body: { reason } }, { onSuccess: done })}
        >
          <Stack gap="xs">
            {obstacles.map((each) => (
              <Alert key={each} color="orange">
                {each}
              </Alert>
            ))}
            <Text size="sm" fw={600}>
              {restores.length === 0 ? t.restoresNothing : t.restores}
            </Text>
            <List size="sm">
              {restores.map(({ role, place, scope, source }) => (
                <List.Item key={`${role} ${place} ${source}`}>
                  {role} · {place ?? scope}
                </List.Item>
              ))}
              {withholds.map(({ role, place, scope, why }) => (
                <List.Item key={`${role} ${place} ${why}`}>
                  <Text span size="sm" td="line-through">
                    {role} · {place ?? scope}
                  </Text>{' '}
                  {why}
                </List.Item>
              ))}
            </List>
          </Stack>
        </ReasonedAction>
      )}
    </Answered>
  );
}
