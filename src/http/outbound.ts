/**
 * Requests that leave for an address somebody configured. Private and link-local networks are out of reach, by the address that is
 * really connected to, so that neither a name nor a redirect leads inside (security: SSRF).
 */
import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Agent, fetch as undiciFetch } from 'undici';
import { Fault } from '../errors.ts';

const INSIDE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  INSIDE.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  INSIDE.addSubnet(network, prefix, 'ipv6');
}

/** Whether an IP address is of a private, local or otherwise internal network. */
export function isInside(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isInside(mapped);
  return INSIDE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** Looks a name up, and refuses one that leads inside. */
export const publicLookup: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return done(error, '');
    const inside = addresses.find(({ address }) => isInside(address));
    if (inside !== undefined) return done(refusal(hostname), '');
    if (options.all === true) return done(null, addresses);
    const [first] = addresses;
    done(null, first?.address ?? '', first?.family ?? 4);
  });
};

const publicAgent = new Agent({ connect: { lookup: publicLookup } });

/**
 * A `fetch` for configured addresses. It follows no redirects; each request ends after `timeout` milliseconds.
 * @throws Fault `upstream-failed` where the address is not to be reached
 */
export function outboundFetch(options: {
  readonly allowPrivateNetwork: boolean;
  readonly timeout?: number;
  /** The end of everything that is asked by it. */
  readonly until?: AbortSignal;
}): typeof fetch {
  const { allowPrivateNetwork, timeout = 10_000, until } = options;
  const limits = until === undefined ? [] : [until];
  const send = async (input: string | URL | Request, init: RequestInit = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    // A literal address is never looked up.
    if (!allowPrivateNetwork && (url.protocol !== 'https:' || isInsideLiteral(url.hostname)))
      throw refusal(url.hostname);
    return undiciFetch(url, {
      ...(init as unknown as Parameters<typeof undiciFetch>[1]),
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(timeout), ...limits, ...(init.signal ? [init.signal] : [])]),
      ...(allowPrivateNetwork ? {} : { dispatcher: publicAgent }),
    });
  };
  return send as unknown as typeof fetch;
}

function isInsideLiteral(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '');
  return isIP(address) !== 0 && isInside(address);
}

function refusal(hostname: string): Fault {
  return new Fault('upstream-failed', `${hostname} is not a public address reached by https.`, {
    remedy: 'Give a public https address, or set allowPrivateNetwork where the services are your own.',
  });
}
