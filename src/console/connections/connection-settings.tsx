/** What an organization decides about a connection; everything else its identity provider says. */
import { Button, Checkbox, Group, MultiSelect, Select, Stack, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import type { Given } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { DefaultRole } from '../parts/default-role.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import type { Connection } from './connection-state.tsx';

const { connections: t } = text;
const PATCH = 'patch /api/v1/organizations/{organization}/connections/{connection}';
type Patch = Given<typeof PATCH>['body'];

export function ConnectionSettings({ connection }: { readonly connection: Connection }) {
  const { slug } = connection;
  const domains = useAnswer('get /api/v1/organizations/{organization}/domains', {});
  const save = useChange(PATCH);
  const [changed, setChanged] = useState<Patch>({});
  const set = (more: Patch) => setChanged((before) => ({ ...before, ...more }));
  const [acknowledged, setAcknowledged] = useState(false);
  const role = changed.defaultRole === undefined ? connection.defaultRole : changed.defaultRole;
  const justInTime = changed.justInTime === undefined ? connection.justInTime : changed.justInTime;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const body = { ...changed, acknowledgeAdministrativeDefault: acknowledged };
        save.mutate(
          { path: { connection: slug }, body },
          {
            onSuccess: () => {
              setChanged({});
              notifications.show({ message: t.saved, color: 'teal' });
            },
          },
        );
      }}
    >
      <Stack maw={560}>
        <TextInput
          label={t.name}
          value={changed.name ?? connection.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          required
        />
        <Select
          label={t.justInTime}
          description={t.justInTimeHint}
          data={[
            { value: 'inherit', label: t.asOrganization },
            { value: 'yes', label: t.letIn },
            { value: 'no', label: t.onlyKnown },
          ]}
          allowDeselect={false}
          value={justInTime === null ? 'inherit' : justInTime ? 'yes' : 'no'}
          onChange={(value) => set({ justInTime: value === 'inherit' ? null : value === 'yes' })}
        />
        <DefaultRole
          value={role}
          saved={connection.defaultRole}
          hint={t.defaultRoleHint}
          placeholder={t.asOrganization}
          acknowledged={acknowledged}
          onChange={(defaultRole) => set({ defaultRole })}
          onAcknowledge={setAcknowledged}
        />
        <MultiSelect
          label={t.servedDomains}
          description={t.servedDomainsHint}
          placeholder={t.everyDomain}
          data={domains.data?.domains.map(({ name }) => name) ?? []}
          value={changed.domains ?? connection.domains}
          onChange={(names) => set({ domains: names })}
          clearable
        />
        {connection.kind === 'saml' && <SamlOptions connection={connection} changed={changed} set={set} />}
        {save.error !== null && <ProblemAlert error={save.error} />}
        <Group>
          <Button type="submit" loading={save.isPending} disabled={Object.keys(changed).length === 0}>
            {t.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface SamlOptionsProps {
  readonly connection: Extract<Connection, { kind: 'saml' }>;
  readonly changed: Patch;
  readonly set: (more: Patch) => void;
}

function SamlOptions({ connection, changed, set }: SamlOptionsProps) {
  const options = { ...connection.config, ...changed.saml };
  const change = (more: NonNullable<Patch['saml']>) => set({ saml: { ...changed.saml, ...more } });
  return (
    <>
      <Select
        label={t.encryption}
        data={Object.entries(t.encryptions).map(([value, label]) => ({ value, label }))}
        allowDeselect={false}
        value={options.encryption}
        onChange={(value) => change({ encryption: value as typeof options.encryption })}
      />
      <Select
        label={t.idpInitiated}
        description={t.idpInitiatedHint}
        data={Object.entries(t.idpInitiatedWays).map(([value, label]) => ({ value, label }))}
        allowDeselect={false}
        value={options.idpInitiated}
        onChange={(value) => change({ idpInitiated: value as typeof options.idpInitiated })}
      />
      <Checkbox
        label={t.forceAuthn}
        checked={options.forceAuthn}
        onChange={(event) => change({ forceAuthn: event.currentTarget.checked })}
      />
      <TextInput
        label={t.tokenRevocationIssuer}
        description={t.tokenRevocationIssuerHint}
        placeholder="https://"
        type="url"
        value={options.tokenRevocationIssuer ?? ''}
        onChange={(event) => change({ tokenRevocationIssuer: event.currentTarget.value.trim() || null })}
      />
    </>
  );
}
