/** How a connection stands, in a word: whether people sign in by it, and how long its certificate is good. */
import { Badge } from '@mantine/core';
import type { Answer } from '../api/client.ts';
import { text } from '../text/text.ts';

const { connections: t } = text;
export type Connection = Answer<'get /api/v1/organizations/{organization}/connections'>['connections'][number];

/** Whether people sign in by it now. */
export function ConnectionState({ enabled, tested }: Pick<Connection, 'enabled' | 'tested'>) {
  const [color, word] = enabled ? ['teal', t.enabled] : tested ? ['indigo', t.tested] : ['gray', t.disabled];
  return (
    <Badge variant="light" color={color}>
      {word}
    </Badge>
  );
}

/** How long the certificate that ends last is still good. */
export function CertificateDays({ connection }: { readonly connection: Connection }) {
  if (connection.kind !== 'saml') return null;
  const days = Math.max(...connection.certificates.map(({ daysLeft }) => daysLeft));
  if (!Number.isFinite(days)) return null;
  return (
    <Badge variant="light" color={days <= 7 ? 'red' : days <= 30 ? 'orange' : 'gray'}>
      {t.daysLeft(days)}
    </Badge>
  );
}
