/** Roles: the model's, which are fixed, and the organization's own; and the matrix of what each may. */
import { Badge, Checkbox, Group, Stack, Table, Tabs, Text } from '@mantine/core';
import type { Answer } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Page } from '../parts/page.tsx';
import { ReasonedAction } from '../parts/reasoned-action.tsx';
import { text } from '../text/text.ts';
import { RoleForm } from './role-form.tsx';

const { roles: t } = text;
export type Role = Answer<'get /api/v1/organizations/{organization}/roles'>['roles'][number];

export default function RolesScreen() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/roles', {});
  return (
    <Page title={t.title} lead={t.lead} actions={<RoleForm label={t.add} />}>
      <Tabs defaultValue="list" keepMounted={false}>
        <Tabs.List mb="lg">
          <Tabs.Tab value="list">{t.list}</Tabs.Tab>
          <Tabs.Tab value="matrix">{t.matrix}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="list">
          <Answered of={answer}>
            {({ roles }) => (
              <DataTable
                label={t.title}
                columns={COLUMNS}
                rows={roles}
                rowKey={({ scope, role }) => `${scope} ${role}`}
                minWidth={760}
              />
            )}
          </Answered>
        </Tabs.Panel>
        <Tabs.Panel value="matrix">
          <Matrix />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

const COLUMNS: readonly Column<Role>[] = [
  {
    key: 'role',
    title: t.role,
    width: '1.6fr',
    cell: ({ role, label, custom, administrative }) => (
      <Group gap="xs" wrap="nowrap">
        <Stack gap={0} miw={0}>
          <Text size="sm" truncate>
            {label}
          </Text>
          <Text size="xs" c="dimmed" ff="monospace" truncate>
            {role}
          </Text>
        </Stack>
        {custom && <Badge variant="light">{t.own}</Badge>}
        {administrative && (
          <Badge variant="light" color="orange">
            {t.administrative}
          </Badge>
        )}
      </Group>
    ),
  },
  { key: 'scope', title: t.scope, width: '1fr', cell: ({ scope }) => text.people.scopes[scope] },
  { key: 'permissions', title: t.permissions, width: '110px', cell: ({ permissions }) => permissions.length },
  { key: 'holders', title: t.holders, width: '90px', cell: ({ holders }) => holders.toLocaleString('en') },
  {
    key: 'do',
    title: '',
    width: '190px',
    cell: (role) => (
      <Group gap={4} wrap="nowrap" justify="flex-end">
        <RoleForm label={role.custom ? t.edit : t.duplicate} of={role} small />
        {role.custom && <Delete role={role} />}
      </Group>
    ),
  },
];

function Delete({ role: { role, label, holders } }: { readonly role: Role }) {
  const remove = useChange('delete /api/v1/organizations/{organization}/roles/{role}');
  return (
    <ReasonedAction
      label={t.remove}
      title={t.removeTitle(label)}
      explanation={t.removeHint(holders)}
      confirm={t.remove}
      button={{ size: 'xs', variant: 'subtle', color: 'red' }}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={(_reason, done) => remove.mutate({ path: { role } }, { onSuccess: done })}
    />
  );
}

function Matrix() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/roles/matrix', {});
  return (
    <Answered of={answer} lines={10}>
      {({ roles, permissions }) => (
        <Table.ScrollContainer minWidth={640}>
          <Table striped stickyHeader>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t.permission}</Table.Th>
                {roles.map(({ scope, role, label }) => (
                  <Table.Th key={`${scope} ${role}`} ta="center" title={text.people.scopes[scope]}>
                    {label}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {permissions.map(({ permission, held }) => (
                <Table.Tr key={permission}>
                  <Table.Th fw={400} ff="monospace" fz="sm">
                    {permission}
                  </Table.Th>
                  {roles.map(({ scope, role, label }) => (
                    <Table.Td key={`${scope} ${role}`} ta="center">
                      <Checkbox
                        checked={held[`${scope}/${role}`] ?? false}
                        readOnly
                        tabIndex={-1}
                        aria-label={t.cell(label, permission)}
                        display="inline-block"
                      />
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Answered>
  );
}
