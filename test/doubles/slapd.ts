/** OpenLDAP's server of Debian's, as a customer's own directory: a third party's code, not a double of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'ldapts';
import { selfSigned } from '../../src/demo/idp/certificate.ts';

const SLAPD = '/usr/sbin/slapd';

/** False: it is here. Otherwise why a test that needs it is skipped; in CI it must be here. */
export const lacksSlapd: string | false =
  existsSync(SLAPD) || process.env['CI'] ? false : 'slapd is not installed here (see .ci/run)';

export const SUFFIX = 'dc=acme,dc=example';
export const ADMIN = { dn: `cn=admin,${SUFFIX}`, password: 'password-of-the-double' } as const;

export type Attributes = Readonly<Record<string, string | string[]>>;

export interface Slapd {
  /** Without TLS, and with StartTLS. */
  readonly url: string;
  /** With TLS from the first byte. */
  readonly secureUrl: string;
  /** PEM of its certificate, which names `localhost`. */
  readonly certificate: string;
  /** The administrator's client, which may change everything. */
  readonly admin: Client;
  /** Adds entries in this order, below the suffix: `uid=ana,ou=people` and what it says. */
  add(entries: Readonly<Record<string, Attributes>>): Promise<void>;
  close(): Promise<void>;
}

/** Further lines of `slapd.conf`. */
export interface Directives {
  readonly server?: readonly string[];
  readonly database?: readonly string[];
}

/** Starts it on free ports, with everything it keeps in a folder that goes with it, and with `ou=people` and `ou=groups`. */
export async function startSlapd(directives: Directives = {}): Promise<Slapd> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-slapd-'));
  const { certificate, privateKey } = await selfSigned('localhost');
  writeFileSync(join(folder, 'server.crt'), certificate);
  writeFileSync(join(folder, 'server.key'), privateKey, { mode: 0o600 });
  mkdirSync(join(folder, 'db'));
  writeFileSync(join(folder, 'slapd.conf'), config(folder, directives));
  const [url, secureUrl] = [`ldap://localhost:${await freePort()}`, `ldaps://localhost:${await freePort()}`];
  const server = spawn(SLAPD, ['-d', '0', '-f', join(folder, 'slapd.conf'), '-h', `${url} ${secureUrl}`], {
    stdio: 'ignore',
  });
  const admin = await signedIn(url, server);
  const add: Slapd['add'] = async (entries) => {
    for (const [dn, attributes] of Object.entries(entries)) await admin.add(`${dn},${SUFFIX}`, { ...attributes });
  };
  await admin.add(SUFFIX, { objectClass: ['dcObject', 'organization'], o: 'Acme', dc: 'acme' });
  const unit = { objectClass: 'organizationalUnit' };
  await add({ 'ou=people': { ...unit, ou: 'people' }, 'ou=groups': { ...unit, ou: 'groups' } });
  return {
    url,
    secureUrl,
    certificate,
    admin,
    add,
    close: async () => {
      await admin.unbind();
      const ended = new Promise((done) => server.once('exit', done));
      server.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function config(folder: string, { server = [], database = [] }: Directives): string {
  return `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
# As 389 Directory Server has it, which FreeIPA is built on.
attributetype ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 2.16.840.1.113730.3.2.900 NAME 'nsLockable' SUP top AUXILIARY MAY nsAccountLock )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile ${folder}/slapd.pid
argsfile ${folder}/slapd.args
TLSCertificateFile ${folder}/server.crt
TLSCertificateKeyFile ${folder}/server.key
${server.join('\n')}
database mdb
suffix "${SUFFIX}"
rootdn "${ADMIN.dn}"
rootpw ${ADMIN.password}
directory ${folder}/db
dbnosync
maxsize 268435456
index objectClass eq
${database.join('\n')}
overlay ppolicy
`;
}

async function signedIn(url: string, server: ChildProcess): Promise<Client> {
  const client = new Client({ url, timeout: 10_000 });
  for (let attempt = 0; attempt < 100 && server.exitCode === null; attempt++) {
    const done = await client.bind(ADMIN.dn, ADMIN.password).then(
      () => true,
      () => false,
    );
    if (done) return client;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error('slapd did not start');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
