/** Sets a provider up: which revoker, and what that takes. */
import { Select, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import type { Answer } from '../api/client.ts';
import { useChange } from '../api/use-api.ts';
import { FormModal } from '../parts/form-modal.tsx';
import { SchemaForm, type Values } from '../parts/schema-form.tsx';
import { text } from '../text/text.ts';
import type { Provider } from './providers.tsx';

const { providers: t } = text.integrations;
type Kind = Answer<'get /api/v1/organizations/{organization}/oauth-provider-kinds'>['kinds'][number];

interface ProviderFormProps {
  readonly kinds: readonly Kind[];
  readonly provider?: Provider;
}

export function ProviderForm({ kinds, provider }: ProviderFormProps) {
  const [slug, setSlug] = useState(provider?.slug ?? '');
  const [revoker, setRevoker] = useState<string>(provider?.revoker ?? 'rfc7009');
  const [config, setConfig] = useState<Values>(provider?.config ?? {});
  const [secrets, setSecrets] = useState<Values>({});
  const put = useChange('put /api/v1/organizations/{organization}/oauth-providers/{provider}');
  const kind = kinds.find((each) => each.kind === revoker);
  const label = provider === undefined ? t.add : t.change;
  const refresh = provider?.refresh ? { refresh: provider.refresh } : {};
  return (
    <FormModal
      label={label}
      title={label}
      submit={provider === undefined ? t.add : text.integrations.webhooks.save}
      button={provider === undefined ? { leftSection: <IconPlus size={18} /> } : { variant: 'default' }}
      pending={put.isPending}
      error={put.error}
      onSubmit={(done) =>
        put.mutate(
          { path: { provider: slug }, body: { revoker, ...refresh, ...config, ...secrets } },
          { onSuccess: done },
        )
      }
    >
      {provider === undefined && (
        <>
          <TextInput
            label={t.slug}
            description={text.integrations.slugHint}
            value={slug}
            onChange={(event) => setSlug(event.currentTarget.value)}
            pattern="[a-z0-9][a-z0-9\-]*"
            required
            data-autofocus
          />
          <Select
            label={t.kind}
            data={kinds.map((each) => ({ value: each.kind, label: t.kinds[each.kind as keyof typeof t.kinds] }))}
            value={revoker}
            onChange={(value) => {
              setRevoker(value ?? 'rfc7009');
              setConfig({});
              setSecrets({});
            }}
            allowDeselect={false}
            searchable
          />
        </>
      )}
      {kind !== undefined && (
        <>
          <SchemaForm schema={kind.config} values={config} onChange={setConfig} labels={t.fields} />
          <SchemaForm
            schema={provider === undefined ? kind.secrets : allOptional(kind.secrets)}
            values={secrets}
            onChange={setSecrets}
            labels={t.fields}
            secret
          />
        </>
      )}
    </FormModal>
  );
}

/** What is left out stays as it is. */
function allOptional(schema: Kind['secrets']): Kind['secrets'] {
  return { ...schema, required: [] };
}
