/** Signatures of webhooks, after Standard Webhooks. */
import { createHmac } from 'node:crypto';

/**
 * The headers that prove a message: `v1,` HMAC-SHA256 of `id.timestamp.body`.
 * @param message `secret` is `whsec_` and the key in base64
 */
export function signedHeaders(
  message: { readonly id: string; readonly secret: string },
  body: string,
  now: Date,
): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const key = Buffer.from(message.secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${message.id}.${timestamp}.${body}`).digest('base64');
  return {
    'content-type': 'application/json',
    'user-agent': 'Drawbridge',
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}
