/** The e-mail domains that the organization has proven to be its own: only their people are let in. */
import { Badge, Button, Card, Group, Stack, Text, TextInput, Title } from '@mantine/core';
import { IconWorld } from '@tabler/icons-react';
import { useState } from 'react';
import type { Answer } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { ConfirmedAction } from '../parts/confirmed-action.tsx';
import { Copy } from '../parts/copy.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { inWords } from '../parts/moment.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';

const { connections: t } = text;
type Domain = Answer<'get /api/v1/organizations/{organization}/domains'>['domains'][number];

export function Domains() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/domains', {});
  return (
    <Stack>
      <Claim />
      <Answered of={answer}>
        {({ domains }) =>
          domains.length === 0 ? (
            <EmptyState icon={IconWorld} title={t.noDomains} hint={t.noDomainsHint} />
          ) : (
            domains.map((domain) => <DomainCard key={domain.name} domain={domain} />)
          )
        }
      </Answered>
    </Stack>
  );
}

function Claim() {
  const [name, setName] = useState('');
  const claim = useChange('put /api/v1/organizations/{organization}/domains/{domain}');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        claim.mutate({ path: { domain: name.trim().toLowerCase() }, body: {} }, { onSuccess: () => setName('') });
      }}
    >
      <Stack gap="xs">
        <Group align="flex-end">
          <TextInput
            label={t.claim}
            placeholder="example.com"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            required
            flex={1}
            maw={360}
          />
          <Button type="submit" loading={claim.isPending}>
            {t.add}
          </Button>
        </Group>
        {claim.error !== null && <ProblemAlert error={claim.error} />}
      </Stack>
    </form>
  );
}

function DomainCard({ domain }: { readonly domain: Domain }) {
  const { name, verifiedAt, failingSince, graceEndsAt, proof } = domain;
  const path = { domain: name };
  const verify = useChange('post /api/v1/organizations/{organization}/domains/{domain}/verify');
  const remove = useChange('delete /api/v1/organizations/{organization}/domains/{domain}');
  const proven = verifiedAt !== null && failingSince === null;
  const [color, state] = proven
    ? ['teal', t.verified]
    : verifiedAt === null
      ? ['gray', t.unproven]
      : ['orange', t.failing];
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Group justify="space-between">
          <Group>
            <Title order={3} size="h5">
              {name}
            </Title>
            <Badge variant="light" color={color}>
              {state}
            </Badge>
          </Group>
          <ConfirmedAction
            label={t.giveUp}
            title={t.giveUpTitle(name)}
            explanation={t.giveUpHint}
            pending={remove.isPending}
            error={remove.error}
            onConfirm={(done) => remove.mutate({ path }, { onSuccess: done })}
            button={{ size: 'xs', variant: 'subtle' }}
          />
        </Group>
        {graceEndsAt !== null && <Text c="orange">{t.graceEnds(inWords(new Date(graceEndsAt)))}</Text>}
        {!proven && (
          <>
            <Text size="sm">{t.publish}</Text>
            <Copy label={`${proof.type} · ${t.recordName}`} value={proof.name} />
            <Copy label={t.recordValue} value={proof.value} />
            <Group>
              <Button size="xs" onClick={() => verify.mutate({ path, body: {} })} loading={verify.isPending}>
                {t.checkNow}
              </Button>
            </Group>
          </>
        )}
        {verify.error !== null && <ProblemAlert error={verify.error} />}
      </Stack>
    </Card>
  );
}
