/** Starts the sample company: Drawbridge, its identity providers, its HR feed and its platform, each on a port of its own. */
import { createHmac } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { catalogOf } from '../access/catalog.ts';
import { Fault } from '../errors.ts';
import { listen, type OpenDependencies, openDependencies, startServer } from '../main.ts';
import { applyManifest } from '../manifest/apply.ts';
import { readManifest } from '../manifest/read.ts';
import { loadSettings, type Settings, type SettingsInput } from '../settings.ts';
import { listConnections } from '../sign-in/connection.ts';
import { inTenant, type Origin } from '../store/tenant.ts';
import type { Stage } from './acts.ts';
import { startOidcIdp } from './idp/oidc-idp.ts';
import { DEMO_PEOPLE } from './idp/people.ts';
import { startSamlIdp } from './idp/saml-idp.ts';
import { withLanding } from './landing.ts';
import { startPlatform } from './platform.ts';

export interface Demo {
  readonly stage: Stage;
  readonly deps: OpenDependencies;
  /** What to tell whoever started it. */
  readonly welcome: readonly string[];
  close(): Promise<void>;
}

const MANIFEST = resolve(import.meta.dirname, '../../config/demo/acme.yaml');
const FEEDS = resolve(import.meta.dirname, '../../config/demo');
const DEMO: Origin = { actor: { kind: 'operator', id: 'demo', label: 'demo' } };

/**
 * Starts everything; whatever was started is closed again if a later piece fails.
 * @param overrides settings that win over file and environment
 * @throws Fault `unavailable` where a port is taken, `invalid-settings`
 */
export async function startDemo(overrides: SettingsInput = {}): Promise<Demo> {
  const settings = loadSettings({ log: 'warn', allowPrivateNetwork: true, ...overrides });
  const closing: (() => Promise<unknown>)[] = [];
  const closeAll = async () => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    return await startPieces(settings, (close) => void closing.push(close), closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function startPieces(
  settings: Settings,
  onClose: (close: () => Promise<unknown>) => void,
  close: () => Promise<void>,
): Promise<Demo> {
  const { port } = settings.http;
  const ports = { drawbridge: port, saml: port + 1, oidc: port + 2, platform: port + 3 };
  for (const each of Object.values(ports)) await requireFree(each, settings.http.host);
  const secret = (purpose: string) =>
    createHmac('sha256', settings.secrets.sealingKeys.current.secret).update(`demo ${purpose}`).digest();
  const feed = feedIn(settings);
  const { baseUrl } = settings.http;

  const saml = await startSamlIdp({ port: ports.saml, name: 'Acme sign-in (SAML)', people: DEMO_PEOPLE });
  onClose(saml.close);
  const oidc = await startOidcIdp({ port: ports.oidc, name: 'Acme sign-in (OpenID)', people: DEMO_PEOPLE });
  onClose(oidc.close);
  const platformClient = { id: 'sample-platform', secret: secret('platform').toString('hex') };
  oidc.addClient({ ...platformClient, redirectUris: [`http://localhost:${ports.platform}/calendar/callback`] });
  const appSecret = secret('app').toString('hex');
  const webhookSecret = `whsec_${secret('webhook').toString('base64')}`;

  const deps = await openDependencies(settings);
  onClose(deps.close);
  const manifest = readManifest(readFileSync(MANIFEST, 'utf8'), MANIFEST, {
    DEMO_SAML_METADATA: saml.metadata,
    DEMO_OIDC_ISSUER: oidc.url,
    DEMO_OIDC_SECRET: secret('oidc').toString('hex'),
    DEMO_HR_FEED: feed,
    DEMO_PLATFORM_SECRET: platformClient.secret,
    DEMO_PLATFORM_URL: `http://localhost:${ports.platform}`,
    DEMO_WEBHOOK_SECRET: webhookSecret,
    DEMO_APP_SECRET: appSecret,
  });
  const { organizationId } = await applyManifest({ ...deps, catalog: catalogOf(deps.models) }, DEMO, manifest, 'apply');
  const operatorToken = settings.secrets.operatorToken;
  const platform = await startPlatform({
    port: ports.platform,
    drawbridge: baseUrl,
    operatorToken,
    organization: 'acme',
    webhookSecret,
    appSecret,
    calendar: { issuer: oidc.url, clientId: platformClient.id, clientSecret: platformClient.secret },
  });
  onClose(platform.close);

  const connections = await connectionIds(deps, organizationId);
  const stage: Stage = {
    drawbridge: baseUrl,
    operatorToken,
    organization: 'acme',
    platform,
    feed,
    feeds: FEEDS,
    connections,
    providers: { saml: saml.url, oidc: oidc.url },
  };
  const server = await startServer(deps, (app) => withLanding(app, stage));
  onClose(server.close);
  oidc.addClient({
    id: 'drawbridge',
    secret: secret('oidc').toString('hex'),
    redirectUris: [`${baseUrl}/oidc/${connections.oidc}/callback`],
  });
  const metadata = await fetch(`${baseUrl}/saml/${connections.saml}/metadata`);
  saml.trust(await metadata.text());
  return {
    stage,
    deps,
    close,
    welcome: welcomeTo(settings, { saml: saml.url, oidc: oidc.url, platform: platform.url }),
  };
}

/** The feed that the demo's HR writes; it begins with Monday's. */
function feedIn(settings: Settings): string {
  const folder = join(resolve(settings.database.dataFolder), 'demo');
  const feed = join(folder, 'hr.csv');
  try {
    mkdirSync(folder, { recursive: true });
    if (!existsSync(feed)) copyFileSync(join(FEEDS, 'hr-monday.csv'), feed);
  } catch (cause) {
    throw new Fault('invalid-settings', `The demo can't write its HR feed into ${folder}.`, {
      cause,
      remedy: 'Give another folder with DRAWBRIDGE_DATA.',
    });
  }
  return feed;
}

/** Says which port is taken before anything has been started. */
async function requireFree(port: number, host: string): Promise<void> {
  const server = createServer();
  await listen(server, port, host);
  await new Promise((done) => server.close(done));
}

async function connectionIds(deps: OpenDependencies, organizationId: string): Promise<Stage['connections']> {
  const connections = await inTenant(deps.store.db, organizationId, DEMO, listConnections, 'reader');
  const idOf = (slug: string) => connections.find((each) => each.slug === slug)?.id ?? '';
  return { saml: idOf('acme-saml'), oidc: idOf('acme-oidc') };
}

function welcomeTo(
  { http, secrets }: Settings,
  urls: Readonly<Record<'saml' | 'oidc' | 'platform', string>>,
): string[] {
  return [
    '',
    `  Drawbridge's demo is ready: open ${http.baseUrl}`,
    '',
    `  console                  ${http.baseUrl}/console  (sign in as adam.admin@acme.example)`,
    `  SAML identity provider   ${urls.saml}`,
    `  OpenID provider          ${urls.oidc}`,
    `  sample platform          ${urls.platform}`,
    `  administration API       ${http.baseUrl}/api/v1/openapi.json`,
    `  operator's token         ${secrets.operatorToken}`,
    '',
    '  The command line works beside it, for example: npm run drawbridge -- sync plan hr',
    '  Stop it with Ctrl+C; what happened stays in the data folder.',
    '',
  ];
}
