/**
 * What metadata that was read again means for what is trusted already: new certificates join the old until these expire, so that a key may
 * change while people sign in; another entityID waits for a person to approve it. Pure.
 */
import { certificateOf } from './certificate.ts';
import type { IdpDescription } from './metadata.ts';

export interface Settled {
  readonly description: IdpDescription;
  /** Of another entity than the one that is trusted. */
  readonly waiting: IdpDescription | null;
}

/** As many certificates as are kept at once; the oldest go first. */
const MOST = 20;

/** @param known undefined where nothing was read from this address before */
export function settle(known: IdpDescription | undefined, read: IdpDescription, now: Date): Settled {
  const description = plain(read);
  if (known === undefined) return { description, waiting: null };
  if (known.entityId !== read.entityId) return { description: plain(known), waiting: description };
  const former = known.certificates.filter(
    (body) => !read.certificates.includes(body) && certificateOf(body).notAfter > now,
  );
  return {
    description: { ...description, certificates: [...read.certificates, ...former].slice(0, MOST) },
    waiting: null,
  };
}

function plain(description: IdpDescription): IdpDescription {
  const { entityId, ssoUrl, ssoPostUrl, logoutUrl, logoutResponseUrl, wantsSignedRequests, certificates } = description;
  return { entityId, ssoUrl, ssoPostUrl, logoutUrl, logoutResponseUrl, wantsSignedRequests, certificates };
}
