/**
 * People and groups from an LDAP server (RFC 4511). Active Directory tells changes; of any other server everything is read each time, for
 * by `modifyTimestamp` nobody sees who was deleted, moved away, or no longer fits the filter.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { FilterParser } from 'ldapts';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { connect, type LdapAddress, type LdapConnection } from './ldap/connection.ts';
import { mayPass } from './ldap/faults.ts';
import { PRESETS } from './ldap/presets.ts';
import { type LdapReading, readActiveDirectory, readNamed, readOne } from './ldap/reading.ts';
import { bind } from './ldap/search.ts';
import { sourceKind } from './source.ts';

const SECRET = /password|passwd|pwd|nthash|lmhash|principalkey/i;

const attribute = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9-]*(;[A-Za-z0-9-]+)*$/, 'is not the name of an attribute')
  .refine((name) => !SECRET.test(name), 'is kept secret by servers, and is never asked for');
const filter = z.string().refine(isFilter, 'is not an LDAP filter such as (objectClass=person)');
const baseDns = z.array(z.string().trim().min(1)).min(1).max(20);

const connectionSettings = {
  /** `ldaps://` or `ldap://`, with a port where it is not the usual one. */
  url: z.string().refine(isLdapUrl, 'is not an address such as ldaps://ldap.example.com'),
  /** Whether an `ldap://` connection is secured before the password goes over it; false only where private addresses are allowed. */
  startTls: z.boolean().default(true),
  /** PEM of who vouches for the server's certificate, in place of the public authorities. */
  caCertificate: z
    .string()
    .regex(/^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*$/, 'is not a certificate in PEM')
    .optional(),
  /** The name in the certificate, where it is not the one in the address. */
  serverName: z.string().min(1).optional(),
  bindDn: z.string().min(1),
};

export const ldapSettings = z
  .strictObject({
    ...connectionSettings,
    preset: z.enum(['active-directory', 'openldap', 'freeipa']),
    /** What is left out is as the preset says; where several attributes are named, the first with a value counts. */
    users: z.strictObject({
      baseDns,
      filter: filter.optional(),
      /** Tells one from another for ever. Of Active Directory it is always `objectGUID`. */
      key: attribute.optional(),
      externalId: attribute.optional(),
      userName: z.array(attribute).min(1).optional(),
      email: z.array(attribute).min(1).optional(),
      displayName: z.array(attribute).min(1).optional(),
      startsOn: z.array(attribute).optional(),
      endsOn: z.array(attribute).optional(),
      /** Kept for the conditions of mapping rules. */
      attributes: z.array(attribute).max(100).optional(),
      /** Who is no longer here, besides those whom the server itself calls disabled. */
      inactive: z.strictObject({ attribute, values: z.array(z.string().min(1)).min(1) }).optional(),
    }),
    /** Left out: no groups. */
    groups: z
      .strictObject({
        baseDns,
        filter: filter.optional(),
        key: attribute.optional(),
        name: z.array(attribute).min(1).optional(),
        members: z.array(attribute).min(1).optional(),
      })
      .optional(),
    pageSize: z.int().min(1).max(10_000).default(500),
    /** For one page. */
    timeoutSeconds: z.int().min(1).max(600).default(60),
  })
  .refine(
    ({ preset, users, groups }) =>
      preset !== 'active-directory' || (users.key === undefined && groups?.key === undefined),
    { path: ['users', 'key'], error: 'is always objectGUID in Active Directory; externalId may be chosen' },
  );

export type LdapSettings = z.output<typeof ldapSettings>;

/** An LDAP server. */
export const ldap = sourceKind({
  settings: ldapSettings,
  // With an empty one nobody is signed in, which many servers take for success (RFC 4513, section 5.1.2).
  secrets: z.strictObject({ password: z.string().min(1) }),
  open: (settings, { secrets, allowPrivateNetwork, now }) => ({
    // Active Directory's keys are bytes, which a filter says in another way.
    ...(settings.preset === 'active-directory'
      ? {}
      : {
          readPerson: async (key: string) =>
            readOne(readingOf(settings, await signedIn(settings, secrets.password, allowPrivateNetwork)), key),
        }),
    read: async (since) => {
      const connection = await signedIn(settings, secrets.password, allowPrivateNetwork);
      const reading = readingOf(settings, connection);
      if (settings.preset !== 'active-directory') return readNamed(reading);
      return readActiveDirectory(reading, since, now()).catch((error: unknown) => {
        connection.close();
        throw error;
      });
    },
  }),
});

async function signedIn(
  settings: LdapSettings,
  password: string,
  allowPrivateNetwork: boolean,
): Promise<LdapConnection> {
  const { url, startTls, caCertificate, serverName, bindDn } = settings;
  if (url.startsWith('ldap:') && !startTls && !allowPrivateNetwork) {
    throw new Fault('upstream-failed', 'The password would go over the network in the clear.', {
      where: 'startTls',
      remedy: 'Use ldaps:// or startTls, or set allowPrivateNetwork where the network is your own.',
    });
  }
  const patience = settings.timeoutSeconds * 1000;
  const address = { url, startTls, caCertificate, serverName, allowPrivateNetwork, patience };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await signIn(address, bindDn, password);
    } catch (error) {
      if (attempt === TRIES || !mayPass(error)) throw error;
      await pause(500 * 2 ** attempt);
    }
  }
}

const TRIES = 3;

async function signIn(address: LdapAddress, bindDn: string, password: string): Promise<LdapConnection> {
  const connection = await connect(address);
  try {
    await bind(connection, bindDn, password);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** With what the settings leave out as the preset says. */
function readingOf({ preset, users, groups, pageSize }: LdapSettings, connection: LdapConnection): LdapReading {
  const { baseDns: userBases, inactive, ...ofUsers } = users;
  const { baseDns: groupBases = [], ...ofGroups } = groups ?? {};
  return {
    connection,
    pageSize,
    userBases,
    groupBases,
    people: { ...PRESETS[preset].users, ...said(ofUsers), inactive },
    group: { ...PRESETS[preset].groups, ...said(ofGroups) },
  };
}

type Said<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function said<T extends object>(given: T): Said<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Said<T>;
}

function isFilter(text: string): boolean {
  try {
    FilterParser.parseString(text);
    return text.startsWith('(');
  } catch {
    return false;
  }
}

function isLdapUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    /^ldaps?:$/.test(url.protocol) &&
    url.hostname !== '' &&
    /^\/?$/.test(url.pathname + url.search + url.username)
  );
}
