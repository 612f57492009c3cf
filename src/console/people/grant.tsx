/** Gives a role by hand, for a reason and, if wished, until a day. */
import { Group, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useChange } from '../api/use-api.ts';
import { scopeOf } from '../mapping/scope.ts';
import { useScopes } from '../mapping/use-scopes.ts';
import { ReasonedAction } from '../parts/reasoned-action.tsx';
import { text } from '../text/text.ts';

const { people: t } = text;

export function Grant({ email }: { readonly email: string }) {
  const scopes = useScopes('manual');
  const [scope, setScope] = useState<string | null>(null);
  const [role, setRole] = useState<string | null>(null);
  const [until, setUntil] = useState('');
  const grant = useChange('post /api/v1/organizations/{organization}/memberships');
  return (
    <Group justify="flex-end">
      <ReasonedAction
        label={t.grant}
        title={t.grantTitle(email)}
        explanation={t.grantHint}
        confirm={t.grant}
        pending={grant.isPending}
        error={grant.error}
        onConfirm={(reason, done) => {
          if (scope === null || role === null) return;
          const expiresAt = until === '' ? null : new Date(until).toISOString();
          grant.mutate({ body: { user: email, scope: scopeOf(scope), role, reason, expiresAt } }, { onSuccess: done });
        }}
      >
        <Select
          label={t.where}
          data={scopes.options}
          value={scope}
          onChange={(value) => {
            setScope(value);
            setRole(null);
          }}
          required
          searchable
        />
        <Select
          label={t.role}
          data={scope === null ? [] : scopes.rolesAt(scopeOf(scope))}
          value={role}
          onChange={setRole}
          required
        />
        <TextInput
          type="datetime-local"
          label={t.until}
          description={t.untilHint}
          value={until}
          onChange={(event) => setUntil(event.currentTarget.value)}
        />
      </ReasonedAction>
    </Group>
  );
}
