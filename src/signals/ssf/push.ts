/** Pushes a token to its receiver (RFC 8935). */
import { type MessageOutcome, retryAfter, unreachable } from '../next-try.ts';

/** Of an answer more is not read. */
const LONGEST_ANSWER = 4096;

/** Never throws. */
export async function pushToken(
  to: { readonly url: string; readonly authorization: string | undefined },
  token: string,
  send: typeof fetch,
): Promise<MessageOutcome> {
  const headers = {
    'content-type': 'application/secevent+jwt',
    accept: 'application/json',
    ...(to.authorization === undefined ? {} : { authorization: to.authorization }),
  };
  try {
    const response = await send(to.url, { method: 'POST', headers, body: token });
    const { status } = response;
    if (status >= 200 && status < 300) {
      await response.body?.cancel();
      return { state: 'delivered', proof: { status } };
    }
    const error = `the receiver answered ${status}${refusal(await beginning(response))}`;
    const retryAfterSeconds = retryAfter(response.headers.get('retry-after'), new Date());
    return { state: 'retry', status, error, retryAfterSeconds };
  } catch (error) {
    return unreachable(error);
  }
}

async function beginning(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  for (let length = 0; reader !== undefined && length < LONGEST_ANSWER; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  await reader?.cancel();
  return Buffer.concat(parts).toString('utf8', 0, LONGEST_ANSWER);
}

/** The error code of RFC 8935 that an answer names. */
function refusal(answer: string): string {
  const code = /"err"\s*:\s*"([a-z_]{1,60})"/.exec(answer)?.[1];
  return code === undefined ? '' : `: ${code}`;
}
