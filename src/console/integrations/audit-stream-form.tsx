/** Begins a stream of audit events, or changes where it goes. */
import { NumberInput, PasswordInput, Select, Switch, Textarea, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import type { Given } from '../api/client.ts';
import { useChange } from '../api/use-api.ts';
import { FormModal } from '../parts/form-modal.tsx';
import { text } from '../text/text.ts';
import type { AuditStream } from './audit-streams.tsx';

const { auditStreams: t } = text.integrations;
const PUT = 'put /api/v1/organizations/{organization}/audit-streams/{stream}';
type Body = Given<typeof PUT>['body'];
type Syslog = Extract<Body, { kind: 'syslog' }>;

const choices = (words: Readonly<Record<string, string>>) =>
  Object.entries(words).map(([value, label]) => ({ value, label }));

interface AuditStreamFormProps {
  readonly stream?: AuditStream;
  readonly onSaved: (slug: string, secret: string | undefined) => void;
}

export function AuditStreamForm({ stream, onSaved }: AuditStreamFormProps) {
  const isNew = stream === undefined;
  const [slug, setSlug] = useState(stream?.slug ?? '');
  const [kind, setKind] = useState<AuditStream['kind']>(stream?.kind ?? 'webhook');
  const [common, setCommon] = useState<Pick<Body, 'format' | 'enabled' | 'from'>>({
    format: stream?.format ?? 'ocsf',
    enabled: stream?.enabled ?? true,
    from: 'now',
  });
  const [url, setUrl] = useState(stream !== undefined && 'url' in stream.config ? stream.config.url : '');
  const [syslog, setSyslog] = useState<Omit<Syslog, 'kind'>>(
    stream !== undefined && 'host' in stream.config ? stream.config : { host: '', port: 6514, tls: true },
  );
  const put = useChange(PUT);
  const label = isNew ? t.add : t.change;
  return (
    <FormModal
      label={label}
      title={label}
      submit={isNew ? t.add : text.integrations.webhooks.save}
      button={isNew ? { leftSection: <IconPlus size={18} /> } : { variant: 'default' }}
      pending={put.isPending}
      error={put.error}
      onSubmit={(done) => {
        const body: Body = kind === 'webhook' ? { ...common, kind, url } : { ...common, ...syslog, kind };
        put.mutate(
          { path: { stream: slug }, body },
          {
            onSuccess: ({ secret }) => {
              onSaved(slug, secret);
              done();
            },
          },
        );
      }}
    >
      {isNew && (
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
            data={choices(t.kinds)}
            value={kind}
            onChange={(value) => setKind(value as AuditStream['kind'])}
            allowDeselect={false}
          />
        </>
      )}
      {kind === 'webhook' ? (
        <TextInput
          label={t.url}
          type="url"
          placeholder="https://"
          value={url}
          onChange={(event) => setUrl(event.currentTarget.value)}
          required
        />
      ) : (
        <SyslogFields value={syslog} onChange={setSyslog} />
      )}
      <Select
        label={t.format}
        data={choices(t.formats)}
        value={common.format ?? null}
        onChange={(value) => setCommon({ ...common, format: value as AuditStream['format'] })}
        allowDeselect={false}
      />
      {isNew ? (
        <Select
          label={t.from}
          data={choices(t.fromWays)}
          value={common.from ?? null}
          onChange={(value) => setCommon({ ...common, from: value as 'now' | 'beginning' })}
          allowDeselect={false}
        />
      ) : (
        <Switch
          label={t.on}
          checked={common.enabled ?? true}
          onChange={(event) => setCommon({ ...common, enabled: event.currentTarget.checked })}
        />
      )}
    </FormModal>
  );
}

const PEM = { autosize: true, maxRows: 6, styles: { input: { fontFamily: 'monospace' } } };

interface SyslogFieldsProps {
  readonly value: Omit<Syslog, 'kind'>;
  readonly onChange: (value: Omit<Syslog, 'kind'>) => void;
}

function SyslogFields({ value, onChange }: SyslogFieldsProps) {
  const { host, port = 6514, tls = true, caCertificate = '', clientCertificate = '', secret = '' } = value;
  const set = (more: Partial<Omit<Syslog, 'kind'>>) => onChange({ ...value, ...more });
  return (
    <>
      <TextInput label={t.host} value={host} onChange={(event) => set({ host: event.currentTarget.value })} required />
      <NumberInput
        label={t.port}
        min={1}
        max={65_535}
        value={port}
        onChange={(next) => set({ port: Number(next) })}
        required
      />
      <Switch label={t.tls} checked={tls} onChange={(event) => set({ tls: event.currentTarget.checked })} />
      {tls && (
        <>
          <Textarea
            label={t.caCertificate}
            description={t.caCertificateHint}
            value={caCertificate}
            onChange={(event) => set(given('caCertificate', event.currentTarget.value))}
            {...PEM}
          />
          <Textarea
            label={t.clientCertificate}
            value={clientCertificate}
            onChange={(event) => set(given('clientCertificate', event.currentTarget.value))}
            {...PEM}
          />
          {clientCertificate !== '' && (
            <PasswordInput
              label={t.clientKey}
              value={secret}
              onChange={(event) => set(given('secret', event.currentTarget.value))}
              autoComplete="off"
            />
          )}
        </>
      )}
    </>
  );
}

function given<K extends 'caCertificate' | 'clientCertificate' | 'secret'>(name: K, value: string) {
  return { [name]: value === '' ? undefined : value } as Partial<Omit<Syslog, 'kind'>>;
}
