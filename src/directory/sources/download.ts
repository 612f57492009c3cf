/**
 * How sources read one long answer without holding it: asked again as `http.ts` does until it begins, and from then on whole or not at
 * all. It must be as long as it said, and may neither pause too long nor never end.
 */
import { Fault } from '../../errors.ts';
import { asking, brokeOff, failed, placeOf, type SendSettings } from './http.ts';

/** @throws Fault `upstream-failed`; while it is read, `invalid-feed` too */
export type Download = (url: string | URL, init?: RequestInit) => Promise<AsyncIterable<Uint8Array>>;

export interface DownloadSettings extends SendSettings {
  /** How long the source may pause, in milliseconds. */
  readonly idle?: number;
}

interface Begun {
  readonly status: number;
  readonly headers: Headers;
  readonly chunks: AsyncIterator<Uint8Array>;
  readonly first: IteratorResult<Uint8Array>;
  readonly rest: () => Promise<IteratorResult<Uint8Array>>;
}

const GIB = 1024 ** 3;

/** Makes one; the limit of time of its `fetch` is that of the whole download. */
export function downloader(settings: DownloadSettings): Download {
  return async (url, init) => {
    const begun = await asking(settings, url, () => begin(settings, url, init));
    if (begun.status !== 200) {
      await begun.chunks.return?.();
      throw failed(url, begun);
    }
    return whole(begun, url, settings.maxBytes ?? 4 * GIB);
  };
}

async function begin({ fetch, idle = 60_000 }: DownloadSettings, url: string | URL, init: RequestInit = {}) {
  const ending = new AbortController();
  const inTime = async <T>(work: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => ending.abort(new Error('no byte for too long')), idle);
    return work.finally(() => clearTimeout(timer));
  };
  try {
    const response = await inTime(fetch(url, { ...init, signal: ending.signal }));
    const chunks = (response.body ?? new Blob([]).stream())[Symbol.asyncIterator]();
    const rest = () => inTime(chunks.next());
    return { status: response.status, headers: response.headers, chunks, first: await rest(), rest } satisfies Begun;
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    return brokeOff(url, cause);
  }
}

async function* whole({ headers, chunks, first, rest }: Begun, url: string | URL, maxBytes: number) {
  const where = placeOf(url);
  let size = 0;
  try {
    for (let next = first; !next.done; next = await rest()) {
      size += next.value.length;
      if (size > maxBytes) throw new Fault('invalid-feed', `It is longer than ${maxBytes} bytes.`, { where });
      yield next.value;
    }
  } catch (cause) {
    throw cause instanceof Fault ? cause : brokeOff(url, cause);
  } finally {
    await chunks.return?.();
  }
  // A length is that of what was sent; what was packed is longer here.
  const said = headers.get('content-encoding') === null ? headers.get('content-length') : null;
  if (said !== null && Number(said) !== size) {
    const reason = `It has ${size} bytes, and was to have ${said}; nothing was changed.`;
    throw new Fault('invalid-feed', reason, { where });
  }
}
