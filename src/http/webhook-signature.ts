/** Signatures of webhooks, after Standard Webhooks. */
import { createHmac } from 'node:crypto';

/**
 * The headers that prove a message: `v1,` HMAC-SHA256 of `id.timestamp.body`.
 * @param message `secrets` are `whsec_` and the key in base64; several while one takes another's place, each with its signature
 */
export function signedHeaders(
  message: { readonly id: string; readonly secrets: readonly string[] },
  body: string,
  now: Date,
): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const signatures = message.secrets.map((secret) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${message.id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'content-type': 'application/json',
    'user-agent': 'Drawbridge',
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}
