/** Makes a role of the organization's own, from nothing or like another; or changes one, and says who would lose what. */
import { Alert, Button, Group, List, Modal, MultiSelect, Stack, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { useAnswer, useChange } from '../api/use-api.ts';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import type { Role } from './screen.tsx';

const { roles: t } = text;
const PATCH = 'patch /api/v1/organizations/{organization}/roles/{role}';

interface RoleFormProps {
  readonly label: string;
  /** The role that is changed, where it is the organization's own; else the one that is duplicated. */
  readonly of?: Role;
  readonly small?: boolean;
}

export function RoleForm({ label, of, small = false }: RoleFormProps) {
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button {...(small ? { size: 'xs', variant: 'subtle' } : {})} onClick={open}>
        {label}
      </Button>
      <Modal opened={opened} onClose={close} title={label} size="lg">
        {of?.custom ? <Change role={of} onDone={close} /> : <Make {...(of && { like: of })} onDone={close} />}
      </Modal>
    </>
  );
}

function Make({ like, onDone }: { readonly like?: Role; readonly onDone: () => void }) {
  const [role, setRole] = useState('');
  const [label, setLabel] = useState(like === undefined ? '' : t.copyOf(like.label));
  const [permissions, setPermissions] = useState<string[]>(like?.permissions ?? []);
  const make = useChange('post /api/v1/organizations/{organization}/roles');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate({ body: { role, label, permissions } }, { onSuccess: onDone });
      }}
    >
      <Stack>
        <TextInput
          label={t.slug}
          value={role}
          onChange={(event) => setRole(event.currentTarget.value)}
          pattern="[a-z][a-z0-9_\-]*"
          required
          data-autofocus
        />
        <TextInput label={t.label} value={label} onChange={(event) => setLabel(event.currentTarget.value)} required />
        <Permissions value={permissions} onChange={setPermissions} />
        {make.error !== null && <ProblemAlert error={make.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={make.isPending}>
            {t.add}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Change({ role, onDone }: { readonly role: Role; readonly onDone: () => void }) {
  const [permissions, setPermissions] = useState<string[]>(role.permissions);
  const preview = useChange(PATCH);
  const save = useChange(PATCH);
  const path = { role: role.role };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        preview.mutate({ path, query: { preview: 'true' }, body: { permissions } });
      }}
    >
      <Stack>
        <Permissions value={permissions} onChange={setPermissions} />
        {(preview.error ?? save.error) !== null && <ProblemAlert error={(preview.error ?? save.error) as Error} />}
        {preview.data !== undefined && (
          <Alert color="indigo" title={t.concerns(preview.data.holders)}>
            <List size="sm">
              {preview.data.people.slice(0, 20).map(({ userId, email, place, loses, gains }) => (
                <List.Item key={`${userId} ${place}`}>{t.effect(email, place, loses, gains)}</List.Item>
              ))}
            </List>
          </Alert>
        )}
        <Group justify="flex-end">
          <Button type="submit" variant="default" loading={preview.isPending}>
            {t.showEffect}
          </Button>
          <Button
            loading={save.isPending}
            disabled={preview.data === undefined}
            onClick={() => save.mutate({ path, body: { permissions } }, { onSuccess: onDone })}
          >
            {text.connections.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Permissions({ value, onChange }: { readonly value: string[]; readonly onChange: (value: string[]) => void }) {
  const matrix = useAnswer('get /api/v1/organizations/{organization}/roles/matrix', {});
  return (
    <MultiSelect
      label={t.permissions}
      data={matrix.data?.permissions.map(({ permission }) => permission) ?? []}
      value={value}
      onChange={onChange}
      searchable
      required={value.length === 0}
    />
  );
}
