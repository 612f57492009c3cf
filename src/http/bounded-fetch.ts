/** Requests to identity providers and the like: bounded in time and size, and only where outbound calls may go. */
import { Fault } from '../errors.ts';
import { outboundFetch } from './outbound.ts';

const MAX_BYTES = 1024 * 1024;

/** A `fetch` whose answers are read whole, as long as they are of a size that somebody could mean. */
export function boundedFetch(allowPrivateNetwork: boolean) {
  const send = outboundFetch({ allowPrivateNetwork });
  return async (url: string, options: object): Promise<Response> => {
    const response = await send(url, options as RequestInit);
    return new Response(await bodyOf(response), { status: response.status, headers: response.headers });
  };
}

async function bodyOf(response: Response): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Fault('upstream-failed', "The identity provider's answer is larger than 1 MiB.");
    chunks.push(chunk);
  }
  return [204, 205, 304].includes(response.status) ? null : new Uint8Array(Buffer.concat(chunks));
}
