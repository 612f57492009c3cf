/** Who gets in by password and second factor although the identity provider is enforced, and what they still lack. */
import { Badge, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Answer } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { Copy } from '../parts/copy.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { Section } from '../parts/section.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
import { useSession } from '../session/session.tsx';
import { text } from '../text/text.ts';

const { enforcement: t } = text;
const LIST = 'get /api/v1/organizations/{organization}/break-glass';
type Named = Answer<typeof LIST>['people'][number];

export function BreakGlass() {
  const answer = useAnswer(LIST, {}, { every: 10_000 });
  return (
    <Section title={t.breakGlass}>
      <Text size="sm">{t.breakGlassHint}</Text>
      <Answered of={answer} lines={2}>
        {({ people }) => people.map((person) => <Person key={person.id} person={person} />)}
      </Answered>
      <Naming />
    </Section>
  );
}

function Person({ person: { id, email, password, secondFactor } }: { readonly person: Named }) {
  const link = useChange('post /api/v1/organizations/{organization}/people/{user}/password-links');
  const withdraw = useChange('delete /api/v1/organizations/{organization}/break-glass/{user}');
  const path = { user: id };
  const error = link.error ?? withdraw.error;
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Group gap="xs">
          <Text size="sm">{email}</Text>
          <Has what={t.password} met={password} />
          <Has what={t.secondFactor} met={secondFactor} />
        </Group>
        <Group gap="xs">
          {!password && (
            <Button size="xs" variant="default" loading={link.isPending} onClick={() => link.mutate({ path })}>
              {t.passwordLink}
            </Button>
          )}
          <Button
            size="xs"
            variant="subtle"
            color="red"
            loading={withdraw.isPending}
            onClick={() => withdraw.mutate({ path })}
          >
            {t.withdraw}
          </Button>
        </Group>
      </Group>
      {!secondFactor && <Copy label={t.secondFactorAt(email)} value={`${location.origin}/me/security`} />}
      {link.data !== undefined && (
        <ShownOnce title={t.passwordLinkOnce} label={email} value={link.data.url} onClose={link.reset} />
      )}
      {error !== null && <ProblemAlert error={error} />}
    </Stack>
  );
}

function Has({ what, met }: { readonly what: string; readonly met: boolean }) {
  return (
    <Badge variant="light" color={met ? 'teal' : 'orange'} tt="none">
      {met ? what : t.lacks(what)}
    </Badge>
  );
}

function Naming() {
  const { label } = useSession();
  const [email, setEmail] = useState(label);
  const name = useChange('put /api/v1/organizations/{organization}/break-glass/{user}');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        name.mutate({ path: { user: email.trim().toLowerCase() } }, { onSuccess: () => setEmail('') });
      }}
    >
      <Stack gap="xs">
        <Group align="flex-end">
          <TextInput
            label={t.nameSomebody}
            type="email"
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
            required
            flex={1}
            maw={360}
          />
          <Button type="submit" variant="default" loading={name.isPending}>
            {t.name}
          </Button>
        </Group>
        {name.error !== null && <ProblemAlert error={name.error} />}
      </Stack>
    </form>
  );
}
