/** What may be said of an app: by the API, or in a manifest. */
import { z } from 'zod';
import { slug } from '../../tenancy/slug.ts';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Where a browser may be sent with an answer: https, this machine, or an installed app's own scheme (`com.example.app:/done`). */
const browserAddress = z
  .string()
  .max(2000)
  .refine(isBrowserAddress, 'must be an https address without fragment (http only for this machine)');

function isBrowserAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || text.includes('#') || text.includes('*') || url.username !== '' || url.password !== '')
    return false;
  if (url.protocol === 'https:') return true;
  return url.protocol === 'http:' ? LOOPBACK.has(url.hostname) : isOwnScheme(text);
}

function isOwnScheme(text: string): boolean {
  return /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:\//.test(text);
}

/** Of the kinds that sign; whoever hands over a private one is told, before it is kept. */
const publicKey = z
  .looseObject({ kty: z.enum(['RSA', 'EC', 'OKP']) })
  .refine((key) => !('d' in key), 'must be a public key: this one has its private part in it');

export const appInput = z
  .strictObject({
    /** Also its client_id. */
    slug,
    name: z.string().min(1).max(200),
    /** Compared as they are, letter by letter. */
    redirectUris: z.array(browserAddress).min(1).max(50),
    postLogoutRedirectUris: z.array(browserAddress).max(50).default([]),
    /** Where it is told that somebody's session has ended. */
    backchannelLogoutUri: z.url({ protocol: /^https?$/ }).optional(),
    /** Whether it runs where a secret can be kept. */
    type: z.enum(['confidential', 'public']).default('confidential'),
    /** Whose tokens it may ask about: only those issued to itself, or anybody's credentials, as a backend that serves several apps. */
    introspects: z.enum(['own', 'all']).default('own'),
    /** Left out, one is made and shown once; an app with keys has none. */
    secret: z.string().min(32, 'must be at least 32 characters').max(256).optional(),
    /** Its public keys, or where it publishes them: then it proves itself by signing (private_key_jwt). */
    jwks: z.strictObject({ keys: z.array(publicKey).min(1).max(20) }).optional(),
    jwksUri: z.url({ protocol: /^https?$/ }).optional(),
  })
  .refine(({ type, secret }) => type === 'confidential' || secret === undefined, {
    path: ['secret'],
    error: 'a public app can keep no secret',
  })
  .refine(({ type, introspects }) => type === 'confidential' || introspects === 'own', {
    path: ['introspects'],
    error: 'a public app asks about nobody else',
  })
  .refine((app) => !hasKeys(app) || (app.type === 'confidential' && app.secret === undefined), {
    path: ['jwks'],
    error: 'an app with keys is confidential and has no secret',
  })
  .refine(({ jwks, jwksUri }) => jwks === undefined || jwksUri === undefined, {
    path: ['jwksUri'],
    error: 'an app has its keys here or there, not both',
  })
  .refine((app) => !hasKeys(app) || app.introspects === 'own', {
    path: ['introspects'],
    error: 'whoever asks about all proves itself by a secret',
  });
export type AppInput = z.output<typeof appInput>;

/** Whether it proves itself by signing. */
export function hasKeys({ jwks, jwksUri }: { readonly jwks?: unknown; readonly jwksUri?: unknown }): boolean {
  return jwks !== undefined || jwksUri !== undefined;
}

/** Whether it is installed on people's devices rather than served from a site. */
export function isNative({ redirectUris }: Pick<AppInput, 'redirectUris'>): boolean {
  return redirectUris.some(isOwnScheme);
}
