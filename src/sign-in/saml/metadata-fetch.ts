/** Reads an identity provider's metadata from the address where it publishes it. */
import { Fault } from '../../errors.ts';
import { outboundFetch } from '../../http/outbound.ts';
import { type Freshness, type IdpDescription, METADATA_MAX_BYTES, readIdpMetadata } from './metadata.ts';

/** What came of an attempt; a failure is told, not thrown, for what is known already may do. */
export type FetchedMetadata = { readonly description: IdpDescription & Freshness } | { readonly fault: Fault };

const TIMEOUT_MS = 10_000;

/** Asks once; no redirect is followed, and no more than a mebibyte is read. */
export async function fetchMetadata(url: string, allowPrivateNetwork: boolean, now: Date): Promise<FetchedMetadata> {
  try {
    const send = outboundFetch({ allowPrivateNetwork, timeout: TIMEOUT_MS });
    const response = await send(url, {
      headers: { accept: 'application/samlmetadata+xml, application/xml, text/xml' },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw failed(`it answers ${response.status}`);
    }
    return { description: readIdpMetadata(await textOf(response), now) };
  } catch (error) {
    if (error instanceof Fault) return { fault: error.where === 'metadata' ? failed(error.message, error) : error };
    return { fault: failed('it can not be reached', error) };
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > METADATA_MAX_BYTES) throw failed('it is larger than 1 MiB');
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw failed('it is not UTF-8 text', cause);
  }
}

function failed(why: string, cause?: unknown): Fault {
  return new Fault('upstream-failed', `The metadata address gives none that can be used: ${why.replace(/\.$/, '')}.`, {
    where: 'metadataUrl',
    remedy: "Open it in a browser: it must show the identity provider's EntityDescriptor, without asking who you are.",
    ...(cause === undefined ? {} : { cause }),
  });
}
