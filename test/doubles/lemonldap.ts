/** A LemonLDAP::NG of Debian's, as a customer's own OpenID provider: a third party's code, not a double of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const INSTALLED = existsSync('/usr/share/lemonldap-ng/portal/templates') && existsSync('/usr/bin/plackup');

/** False: it is here. Otherwise why a test that needs it is skipped; in CI it must be here. */
export const lacksLemonLdap: string | false =
  INSTALLED || process.env['CI'] ? false : 'lemonldap-ng is not installed here (see .ci/run)';

export interface LemonClient {
  readonly id: string;
  readonly secret: string;
  readonly redirectUri: string;
  readonly postLogoutRedirectUri: string;
}

export interface LemonLdap {
  /** With its final slash, as it spells it. */
  readonly issuer: string;
  /** Starts it for one client, whose addresses are known only once the connection is. */
  serve(client: LemonClient): Promise<void>;
  close(): Promise<void>;
}

/** Settles its address; it answers from `serve` on. It keeps everything in a folder that goes with it. */
export async function startLemonLdap(): Promise<LemonLdap> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-llng-'));
  for (const each of ['conf', 'sessions', 'psessions', 'cache']) mkdirSync(join(folder, each));
  const port = await freePort();
  const issuer = `http://localhost:${port}/`;
  let server: ChildProcess | undefined;
  return {
    issuer,
    serve: async (client) => {
      server?.kill('SIGKILL');
      writeFileSync(join(folder, 'lemonldap-ng.ini'), settings(folder));
      writeFileSync(join(folder, 'conf/lmConf-1.json'), JSON.stringify(configuration(folder, issuer, client)));
      const program = 'use Lemonldap::NG::Portal; Lemonldap::NG::Portal->run({})';
      const env = { ...process.env, LLNG_DEFAULTCONFFILE: join(folder, 'lemonldap-ng.ini') };
      server = spawn('plackup', ['--port', String(port), '--host', '127.0.0.1', '-e', program], {
        env,
        stdio: 'ignore',
      });
      await answers(`${issuer}.well-known/openid-configuration`, server);
    },
    close: async () => {
      server?.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function settings(folder: string): string {
  return `[all]
logLevel = warn
[configuration]
type=File
dirName = ${folder}/conf
localStorage=Cache::FileCache
localStorageOptions={'namespace' => 'conf', 'default_expires_in' => 600, 'cache_root' => '${folder}/cache', 'cache_depth' => 3}
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
requireToken = 0
`;
}

function configuration(folder: string, issuer: string, client: LemonClient) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const files = (name: string) => ({ Directory: join(folder, name), LockDirectory: join(folder, name) });
  const option = (name: string) => `oidcRPMetaDataOptions${name}`;
  return {
    ...{ cfgNum: 1, cfgVersion: '2.16.1', cfgAuthor: 'test', cfgDate: 1_700_000_000, key: 'a-key-of-this-test' },
    ...{ portal: issuer, domain: 'localhost', cookieName: 'lemonldap', securedCookie: 0, whatToTrace: 'uid' },
    ...{ authentication: 'Demo', userDB: 'Same', passwordDB: 'Null', registerDB: 'Null', requireToken: 0 },
    ...{ captcha_mail_enabled: 0, captcha_register_enabled: 0, captcha_login_enabled: 0 },
    ...{ globalStorage: 'Apache::Session::File', globalStorageOptions: files('sessions') },
    ...{ persistentStorage: 'Apache::Session::File', persistentStorageOptions: files('psessions') },
    ...{ demoExportedVars: { cn: 'cn', mail: 'mail', uid: 'uid' }, macros: { confirmed: '1' }, groups: {} },
    ...{ locationRules: {}, exportedHeaders: {}, csp: {}, oidcRPMetaDataNode: {} },
    ...{ issuerDBOpenIDConnectActivation: 1, issuerDBOpenIDConnectPath: '^/oauth2/', issuerDBOpenIDConnectRule: 1 },
    oidcServiceMetaDataIssuer: issuer,
    oidcServiceMetaDataAuthorizeURI: 'authorize',
    oidcServiceMetaDataTokenURI: 'token',
    oidcServiceMetaDataUserInfoURI: 'userinfo',
    oidcServiceMetaDataJWKSURI: 'jwks',
    oidcServiceMetaDataEndSessionURI: 'logout',
    oidcServiceMetaDataAuthnContext: { 'loa-1': 1 },
    oidcServiceAllowAuthorizationCodeFlow: 1,
    oidcServicePrivateKeySig: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    oidcServicePublicKeySig: publicKey.export({ type: 'spki', format: 'pem' }),
    oidcServiceKeyIdSig: 'lemon',
    oidcServiceAuthorizationCodeExpiration: 60,
    oidcServiceAccessTokenExpiration: 3600,
    oidcServiceIDTokenExpiration: 3600,
    oidcRPMetaDataExportedVars: {
      drawbridge: { email: 'mail;string;auto', name: 'cn;string;auto', email_verified: 'confirmed;bool;auto' },
    },
    oidcRPMetaDataOptions: {
      drawbridge: {
        [option('ClientID')]: client.id,
        [option('ClientSecret')]: client.secret,
        [option('RedirectUris')]: client.redirectUri,
        [option('IDTokenSignAlg')]: 'RS256',
        [option('UserIDAttr')]: 'uid',
        [option('PostLogoutRedirectUris')]: client.postLogoutRedirectUri,
        [option('BypassConsent')]: 1,
        [option('LogoutBypassConfirm')]: 1,
        [option('RequirePKCE')]: 1,
      },
    },
  };
}

async function answers(url: string, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200 && server.exitCode === null; attempt++) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error('LemonLDAP::NG did not start');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
