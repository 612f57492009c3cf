/** Tells an endpoint of a leaver, signed by Standard Webhooks. The message id is the step's, so that a repetition is recognised. */
import { signedHeaders } from '../http/webhook-signature.ts';
import { type Outcome, retryAfter } from './next-step.ts';

export interface WebhookMessage {
  /** The same at every try. */
  readonly id: string;
  readonly url: string;
  readonly secret: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Never throws. A 410 means that the endpoint wants no more: the outcome is `unsupported`, and it is to be disabled. */
export async function sendWebhook(message: WebhookMessage, send: typeof fetch, now: () => Date): Promise<Outcome> {
  const body = JSON.stringify(message.body);
  let response: Response;
  try {
    response = await send(message.url, { method: 'POST', headers: signedHeaders(message, body, now()), body });
    await response.body?.cancel();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return {
      state: 'retry',
      error: `the endpoint can't be reached: ${cause instanceof Error ? cause.message.slice(0, 200) : 'unknown reason'}`,
    };
  }
  const { status } = response;
  if (status >= 200 && status < 300)
    return { state: 'delivered', proof: { status, messageId: message.id, at: now().toISOString() } };
  if (status === 410)
    return { state: 'unsupported', proof: { status, messageId: message.id, at: now().toISOString() } };
  return {
    state: 'retry',
    error: `the endpoint answered ${status}`,
    retryAfterSeconds: retryAfter(response.headers.get('retry-after'), now()),
  };
}
