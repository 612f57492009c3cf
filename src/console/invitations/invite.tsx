/** Asks somebody in, with roles. */
import { ActionIcon, Button, Group, Modal, Select, Stack, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useChange } from '../api/use-api.ts';
import { scopeOf } from '../mapping/scope.ts';
import { useScopes } from '../mapping/use-scopes.ts';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';

const { invitations: t } = text;

/** An invitation that was made just now; with its link where no mail was sent. */
export interface Sent {
  readonly email: string;
  readonly url?: string;
}

interface Wanted {
  readonly scope: string | null;
  readonly role: string | null;
}

export function Invite({ onSent }: { readonly onSent: (sent: Sent) => void }) {
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button leftSection={<IconPlus size={18} />} onClick={open}>
        {t.invite}
      </Button>
      <Modal opened={opened} onClose={close} title={t.invite} size="lg">
        <Form
          onSent={(sent) => {
            onSent(sent);
            close();
          }}
        />
      </Modal>
    </>
  );
}

function Form({ onSent }: { readonly onSent: (sent: Sent) => void }) {
  const [email, setEmail] = useState('');
  const [reason, setReason] = useState('');
  const [wanted, setWanted] = useState<readonly Wanted[]>([{ scope: null, role: null }]);
  const scopes = useScopes('invitation');
  const invite = useChange('post /api/v1/organizations/{organization}/invitations');
  const set = (at: number, more: Partial<Wanted>) =>
    setWanted((before) => before.map((each, index) => (index === at ? { ...each, ...more } : each)));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const roles = wanted.flatMap(({ scope, role }) =>
          scope === null || role === null ? [] : [{ scope: scopeOf(scope), role }],
        );
        invite.mutate({ body: { email, roles, reason } }, { onSuccess: onSent });
      }}
    >
      <Stack>
        <TextInput
          label={t.email}
          type="email"
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          required
          data-autofocus
        />
        {wanted.map(({ scope, role }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a wish has no name but its place
          <Group key={at} align="flex-end" wrap="nowrap">
            <Select
              label={t.where}
              data={scopes.options}
              value={scope}
              onChange={(value) => set(at, { scope: value, role: null })}
              required
              searchable
              flex={1}
            />
            <Select
              label={t.role}
              data={scope === null ? [] : scopes.rolesAt(scopeOf(scope))}
              value={role}
              onChange={(value) => set(at, { role: value })}
              required
              flex={1}
            />
            <ActionIcon
              variant="subtle"
              color="red"
              size="lg"
              aria-label={t.removeRole}
              disabled={wanted.length === 1}
              onClick={() => setWanted((before) => before.filter((_, index) => index !== at))}
            >
              <IconTrash size={18} />
            </ActionIcon>
          </Group>
        ))}
        <Group>
          <Button
            size="xs"
            variant="default"
            onClick={() => setWanted((before) => [...before, { scope: null, role: null }])}
          >
            {t.addRole}
          </Button>
        </Group>
        <TextInput
          label={text.parts.reason}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {invite.error !== null && <ProblemAlert error={invite.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={invite.isPending}>
            {t.invite}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
