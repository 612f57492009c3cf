/** What the claims of a verified ID token, and of userinfo, say of a person. Pure. */
import { type Attributes, emailAddress, groupNames, type Login, valuesOf } from '../attributes.ts';
import { printable } from '../refusal.ts';
import type { OidcConfig } from './config.ts';
import { presetOf } from './presets.ts';
import { subjectOf } from './tenant.ts';
import { vouchedEmail } from './vouching.ts';

export type Claims = Readonly<Record<string, unknown>>;

/** Claims about the token, not about the person; most differ at every login. */
const ABOUT_THE_TOKEN = new Set([
  ...[
    'iss',
    'sub',
    'aud',
    'exp',
    'iat',
    'nbf',
    'jti',
    'nonce',
    'auth_time',
    'acr',
    'amr',
    'azp',
    'sid',
    'at_hash',
    'c_hash',
    's_hash',
  ],
  ...['uti', 'rh', 'aio', 'ver', 'updated_at', 'session_state', 'hasgroups'],
]);

/** What vouches for an address beside it. */
const VOUCHING = ['email_verified', 'xms_edov', 'verified_primary_email'];

/** Entra's userinfo repeats an address of which it does not say whose it is. */
function vouchesInTokenOnly({ preset }: OidcConfig): boolean {
  return presetOf(preset).vouching === 'entra';
}

/** Whether userinfo has to be asked for what the ID token leaves out. Neither Google nor Entra tells groups there. */
export function lacks(claims: Claims, config: OidcConfig): boolean {
  const states = (names: readonly string[]) => names.some((name) => Object.hasOwn(claims, name));
  const { email, name, groups } = config.claims;
  if (vouchesInTokenOnly(config)) return !states(name);
  const saysAll = states(name) && states(email) && claims['email_verified'] !== undefined;
  return !saysAll || (presetOf(config.preset).vouching === 'email_verified' && !states(groups));
}

/**
 * The claims of the ID token, and those of userinfo that it leaves out. An e-mail address and the word that it is verified are taken
 * from the same document: neither vouches for the other's.
 */
export function together(idToken: Claims, userinfo: Claims, config: OidcConfig): Claims {
  const names = config.claims.email;
  const paired = [...VOUCHING, ...names];
  const stated = idToken['email_verified'] !== undefined && names.some((name) => Object.hasOwn(idToken, name));
  const complete = stated || vouchesInTokenOnly(config);
  const unpaired = (all: Claims) => Object.fromEntries(Object.entries(all).filter(([name]) => !paired.includes(name)));
  return complete ? { ...unpaired(userinfo), ...idToken } : { ...userinfo, ...unpaired(idToken) };
}

/** Reads a login from claims. An e-mail address that the provider has not verified is none. */
export function loginOf(claims: Claims, config: OidcConfig): Login {
  const attributes = attributesOf(claims);
  const subject = subjectOf(config, claims);
  const email = emailAddress(vouchedEmail(claims, attributes, config));
  const groups = groupNames(valuesOf(attributes, config.claims.groups));
  return {
    subject,
    email,
    name: valuesOf(attributes, config.claims.name)?.[0]?.trim().slice(0, 200) || email || subject,
    groups,
    attributes,
    silentOn: groups === undefined ? config.claims.groups : [],
  };
}

function attributesOf(claims: Claims): Attributes {
  const entries = Object.entries(claims)
    .filter(([name]) => !ABOUT_THE_TOKEN.has(name))
    .map(([name, value]): [string, string[]] => [
      printable(name),
      [value].flat().filter(isPlain).map(String).map(printable),
    ])
    .filter(([name, values]) => values.length > 0 || Array.isArray(claims[name]));
  return Object.fromEntries(entries);
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
