/** Sends one message to an endpoint, signed by Standard Webhooks. Its id is the same at every try, so that a repetition is recognised. */
import { signedHeaders } from '../http/webhook-signature.ts';
import { type MessageOutcome, retryAfter, unreachable } from './next-try.ts';

export interface WebhookMessage {
  readonly id: string;
  readonly url: string;
  readonly secrets: readonly string[];
  readonly body: Readonly<Record<string, unknown>>;
}

/** Never throws. A 410 means that the endpoint wants no more: the outcome is `unsupported`, and it is to be disabled. */
export async function sendWebhook(
  message: WebhookMessage,
  send: typeof fetch,
  now: () => Date,
): Promise<MessageOutcome> {
  const body = JSON.stringify(message.body);
  let response: Response;
  try {
    response = await send(message.url, { method: 'POST', headers: signedHeaders(message, body, now()), body });
    // What it says is not read: an answer can be as long as it likes.
    await response.body?.cancel();
  } catch (error) {
    return unreachable(error);
  }
  const { status } = response;
  const proof = { status, messageId: message.id, at: now().toISOString() };
  if (status >= 200 && status < 300) return { state: 'delivered', proof };
  if (status === 410) return { state: 'unsupported', proof };
  return {
    state: 'retry',
    status,
    error: `the endpoint answered ${status}`,
    retryAfterSeconds: retryAfter(response.headers.get('retry-after'), now()),
  };
}
