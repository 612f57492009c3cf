/** A SimpleSAMLphp of Debian's, as a customer's own SAML identity provider: a third party's code, not a double of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selfSigned } from '../../src/demo/idp/certificate.ts';

const HOME = '/usr/share/simplesamlphp';

/** False: it is here. Otherwise why a test that needs it is skipped; in CI it must be here. */
export const lacksSimpleSamlPhp: string | false =
  existsSync(`${HOME}/www`) || process.env['CI'] ? false : 'simplesamlphp is not installed here (see .ci/run)';

export interface SimpleSamlPhp {
  readonly url: string;
  /** Its metadata, as it publishes it. */
  metadata(): Promise<string>;
  /** Trusts a service provider from now on. */
  trust(provider: {
    readonly entityId: string;
    readonly acsUrl: string;
    readonly sloUrl?: string;
    /** PEM; encrypts assertions to it. */
    readonly encryptTo?: string;
    /** Signs the response instead of the assertion. */
    readonly signsResponseOnly?: boolean;
    /** PEM; every request and logout message must be signed by it. */
    readonly signedBy?: string;
  }): void;
  close(): Promise<void>;
}

export interface SspPerson {
  readonly uid: string;
  readonly password: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

/** Starts it under PHP's own server, with everything it keeps in a folder that goes with it. */
export async function startSimpleSamlPhp(people: readonly SspPerson[]): Promise<SimpleSamlPhp> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-ssp-'));
  for (const each of ['config', 'metadata', 'cert', 'log', 'data', 'tmp', 'sessions']) mkdirSync(join(folder, each));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const key = await selfSigned('SimpleSAMLphp');
  writeFileSync(join(folder, 'cert/idp.crt'), key.certificate);
  writeFileSync(join(folder, 'cert/idp.pem'), key.privateKey);
  writeFileSync(join(folder, 'config/config.php'), config(folder, url));
  writeFileSync(join(folder, 'config/authsources.php'), authSources(people));
  writeFileSync(join(folder, 'metadata/saml20-idp-hosted.php'), HOSTED);
  const remote = join(folder, 'metadata/saml20-sp-remote.php');
  writeFileSync(remote, '<?php\n');
  const env = { ...process.env, SIMPLESAMLPHP_CONFIG_DIR: join(folder, 'config') };
  const php = spawn(
    'php',
    ['-d', 'error_reporting=E_ALL & ~E_DEPRECATED', '-S', `127.0.0.1:${port}`, '-t', `${HOME}/www`],
    { env, stdio: 'ignore' },
  );
  await answers(url, php);
  const trusted: string[] = [];
  return {
    url,
    metadata: async () => (await fetch(`${url}/saml2/idp/metadata.php`)).text(),
    trust: (provider) => {
      trusted.push(remoteProvider(provider));
      writeFileSync(remote, `<?php\n${trusted.join('\n')}`);
    },
    close: async () => {
      php.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function config(folder: string, url: string): string {
  return `<?php
$config = [
  'baseurlpath' => '${url}/',
  'certdir' => '${folder}/cert/', 'loggingdir' => '${folder}/log/', 'datadir' => '${folder}/data/', 'tempdir' => '${folder}/tmp',
  'metadatadir' => '${folder}/metadata', 'metadata.sources' => [['type' => 'flatfile', 'directory' => '${folder}/metadata']],
  'secretsalt' => '${randomBytes(16).toString('hex')}', 'auth.adminpassword' => '${randomBytes(16).toString('hex')}',
  'technicalcontact_email' => 'na@example.org', 'timezone' => 'UTC', 'language.default' => 'en',
  'enable.saml20-idp' => true, 'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
  'store.type' => 'sql', 'store.sql.dsn' => 'sqlite:${folder}/data/store.sq3',
  'session.cookie.secure' => false, 'session.cookie.name' => 'SspSession', 'session.authtoken.cookiename' => 'SspAuth',
  'logging.handler' => 'file', 'logging.level' => 7, 'showerrors' => true, 'errorreporting' => false,
];
`;
}

function authSources(people: readonly SspPerson[]): string {
  const entries = people.map(
    ({ uid, password, attributes }) => `'${uid}:${password}' => ${php({ uid: [uid], ...attributes })},`,
  );
  return `<?php\n$config = ['people' => ['exampleauth:UserPass', ${entries.join('\n')}]];\n`;
}

const HOSTED = `<?php
$metadata['__DYNAMIC:1__'] = [
  'host' => '__DEFAULT__', 'privatekey' => 'idp.pem', 'certificate' => 'idp.crt', 'auth' => 'people',
  'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  'authproc' => [3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'uid', 'Format' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent']],
];
`;

function remoteProvider({
  entityId,
  acsUrl,
  sloUrl,
  encryptTo,
  signsResponseOnly = false,
  signedBy,
}: Parameters<SimpleSamlPhp['trust']>[0]): string {
  const certificate = (encryptTo ?? signedBy)?.replace(/-----[^-]+-----|\s/g, '');
  return `$metadata['${entityId}'] = [
  'AssertionConsumerService' => '${acsUrl}', ${sloUrl === undefined ? '' : `'SingleLogoutService' => '${sloUrl}',`}
  'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent', 'simplesaml.nameidattribute' => 'uid',
  'saml20.sign.assertion' => ${!signsResponseOnly}, 'saml20.sign.response' => ${signsResponseOnly},
  ${certificate === undefined ? '' : `'certData' => '${certificate}',`}
  ${encryptTo === undefined ? '' : `'assertion.encryption' => true,`}
  ${signedBy === undefined ? '' : `'validate.authnrequest' => true, 'validate.logout' => true, 'sign.logout' => true,`}
];`;
}

function php(value: Readonly<Record<string, readonly string[]>>): string {
  const entries = Object.entries(value).map(
    ([name, values]) => `'${name}' => [${values.map((each) => `'${each}'`).join(', ')}]`,
  );
  return `[${entries.join(', ')}]`;
}

async function answers(url: string, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (server.exitCode !== null) break;
    const answer = await fetch(`${url}/saml2/idp/metadata.php`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error('SimpleSAMLphp did not start');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
