/** The role of whoever is let in for the first time; one that administrates wants to be known as such before it is saved. */
import { Alert, Checkbox, Select } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useAnswer } from '../api/use-api.ts';
import { text } from '../text/text.ts';

const { parts: t } = text;

interface DefaultRoleProps {
  readonly value: string | null;
  /** As it is saved. */
  readonly saved: string | null;
  readonly hint: string;
  readonly placeholder?: string;
  readonly acknowledged: boolean;
  readonly onChange: (role: string | null) => void;
  readonly onAcknowledge: (acknowledged: boolean) => void;
}

export function DefaultRole(props: DefaultRoleProps) {
  const { value, saved, hint, placeholder, acknowledged, onChange, onAcknowledge } = props;
  const roles = useAnswer('get /api/v1/organizations/{organization}/roles', {}).data?.roles ?? [];
  const given = roles.filter(({ forNewcomers }) => forNewcomers);
  const labels = new Map(given.map(({ role, label }) => [role, label]));
  // Who may not read the roles sees at least which one it is.
  if (value !== null && !labels.has(value)) labels.set(value, value);
  const administrates = value !== saved && given.some(({ role, administrative }) => role === value && administrative);
  return (
    <>
      <Select
        label={t.defaultRole}
        description={hint}
        placeholder={placeholder ?? ''}
        data={[...labels].map(([role, label]) => ({ value: role, label }))}
        value={value}
        onChange={(role) => {
          onAcknowledge(false);
          onChange(role);
        }}
        clearable
        searchable
      />
      {administrates && (
        <Alert color="orange" icon={<IconAlertTriangle aria-hidden />} title={t.administrativeTitle} role="alert">
          <Checkbox
            label={t.acknowledge}
            checked={acknowledged}
            onChange={(event) => onAcknowledge(event.currentTarget.checked)}
            required
          />
        </Alert>
      )}
    </>
  );
}
