/**
 * `npm run demo:tour`: the demo without a browser. Every step is done by real messages, says what it saw, and is checked; the exit code
 * is 0 only if each really happened. It uses ports and a data folder of its own, so it runs beside a started demo.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { sealAll } from '../audit/seal.ts';
import { Fault } from '../errors.ts';
import { environmentVariables } from '../settings.ts';
import * as acts from './acts.ts';
import { Browser, unescaped } from './browser.ts';
import { type Demo, startDemo } from './demo.ts';

const VIK = 'vik.viewer@acme.example';
const DORA = 'dora.developer@acme.example';
const LEA = 'lea.leaver@acme.example';

type Step = readonly [what: string, act: (tour: Tour) => Promise<string>];

interface Tour {
  readonly demo: Demo;
  readonly stage: acts.Stage;
  readonly folder: string;
  /** What Lea got before she left. */
  lea?: acts.Holdings;
}

const LET_IN: readonly Step[] = [
  [
    'Vik, unknown so far, signs in by SAML',
    async ({ stage }) => {
      const browser = new Browser();
      const page = await acts.signIn(stage, browser, 'saml', VIK);
      assert.equal(page.status, 200, page.text);
      const me = await acts.whoAmI(stage, browser);
      assert.deepEqual(
        me?.memberships.map(({ role, source }) => [role, source]),
        [['member', 'jit']],
      );
      return `${me?.user.email} was provisioned just in time as ${rolesOf(me)}`;
    },
  ],
  [
    'Vik signs in again',
    async ({ stage }) => {
      const people = await acts.countPeople(stage);
      const browser = new Browser();
      await acts.signIn(stage, browser, 'saml', VIK);
      const me = await acts.whoAmI(stage, browser);
      assert.equal(me?.memberships.length, 1);
      assert.equal(await acts.countPeople(stage), people);
      return 'the same person, with the same role; nobody was added';
    },
  ],
  [
    'Vik’s SAML response is changed to name Olivia, and posted',
    async ({ stage }) => {
      const browser = new Browser();
      const answer = await acts.samlAnswer(stage, browser, VIK);
      const xml = Buffer.from(answer.fields['SAMLResponse'] ?? '', 'base64').toString('utf8');
      const forged = xml.replaceAll(VIK, 'olivia.owner@acme.example');
      assert.notEqual(forged, xml);
      const posted = await browser.post(answer.action, {
        ...answer.fields,
        SAMLResponse: Buffer.from(forged).toString('base64'),
      });
      const page = await acts.followForms(browser, posted);
      assert.equal(page.status, 403, page.text);
      assert.equal(await acts.whoAmI(stage, browser), undefined);
      return `refused with ${page.status}: ${sentenceOf(page.text)}`;
    },
  ],
];

const KEEP_TRUE: readonly Step[] = [
  [
    'the HR feed is pulled, plan only',
    async ({ stage }) => {
      const before = await acts.countPeople(stage);
      const { run } = await acts.sync(stage, 'plan');
      assert.equal(run.status, 'planned');
      assert.equal(run.counts['user.create'], 200);
      assert.equal(await acts.countPeople(stage), before, 'a plan changes nothing');
      return countsOf(run);
    },
  ],
  [
    'the HR feed is pulled and applied',
    async ({ stage }) => {
      const { run } = await acts.sync(stage, 'run');
      assert.equal(run.status, 'applied');
      assert.equal(await acts.countPeople(stage), 201);
      const dora = await acts.person(stage, DORA);
      assert.ok(dora.memberships.some(({ place, role }) => place === 'production/insights' && role === 'editor'));
      return `${countsOf(run)}; Dora: ${dora.memberships.map((each) => `${each.role} of ${each.place} by rule ${each.rule}`).join(', ')}`;
    },
  ],
  [
    'Dora, whom HR told us of, signs in by OpenID Connect',
    async ({ stage }) => {
      const known = await acts.person(stage, DORA);
      const browser = new Browser();
      const page = await acts.signIn(stage, browser, 'oidc', DORA);
      assert.equal(page.status, 200, page.text);
      const me = await acts.whoAmI(stage, browser);
      assert.equal(me?.user.id, known.id, 'linked by her verified e-mail domain, not made anew');
      assert.ok(
        me?.memberships.some(({ name }) => name === 'Staging'),
        'her group at the identity provider counts too',
      );
      return `linked to the person of the HR feed; now ${rolesOf(me)}`;
    },
  ],
  [
    'Dora signs in on the platform’s site, which knows nobody but Drawbridge, and signs out there',
    async ({ stage }) => {
      const browser = new Browser();
      await acts.signIn(stage, browser, 'oidc', DORA);
      const page = await browser.get(`${stage.platform.url}/sign-in`);
      assert.match(page.text, /Hello <strong>Dora/, page.text);
      const { body } = await browser.json('GET', `${stage.platform.url}/me`);
      const [product] = body['products'] as { workspace: string; slug: string; roles: string[] }[];
      assert.deepEqual([product?.slug, product?.roles], ['insights', ['editor']]);
      const bye = await acts.signOutOnSite(stage, browser);
      assert.match(bye.text, /href="\/sign-in"/, bye.text);
      assert.equal(await acts.onSite(stage, browser), false);
      assert.equal(await acts.whoAmI(stage, browser), undefined, 'signed out at Drawbridge too');
      return `it was told ${body['email']}, ${product?.roles} of ${product?.workspace}/${product?.slug}; one sign-out ended both`;
    },
  ],
  [
    'the platform asks what Dora may do',
    async ({ stage }) => {
      const insights = await acts.may(stage, DORA, 'product.edit', 'production/insights');
      const ledger = await acts.may(stage, DORA, 'product.view', 'production/ledger');
      assert.deepEqual([insights.decision, ledger.decision], [true, false]);
      return `edit Insights: yes; see Ledger: no (${ledger.reason})`;
    },
  ],
  [
    'HR exports an empty file by mistake',
    async ({ stage }) => {
      acts.hrExports(stage, 'nobody');
      const { run } = await acts.sync(stage, 'run');
      assert.equal(run.status, 'held');
      assert.equal(await acts.countPeople(stage), 201, 'nobody was touched');
      await acts.discard(stage, run);
      return `held: ${run.guards.map(({ reason }) => reason).join('; ')}`;
    },
  ],
];

const LET_GO: readonly Step[] = [
  [
    'Lea signs in, makes an API key, gets an access token, connects her calendar',
    async (tour) => {
      tour.lea = await acts.settleIn(tour.stage, LEA);
      const now = await acts.standing(tour.stage, tour.lea);
      assert.deepEqual(withoutMemberships(now), {
        session: true,
        site: true,
        apiKey: true,
        accessToken: true,
        platformDoor: 200,
        calendarToken: true,
      });
      return `all of it works; the platform's door answers ${now.platformDoor}`;
    },
  ],
  [
    'HR exports Tuesday: Lea is terminated, and the sync runs',
    async (tour) => {
      acts.hrExports(tour.stage, 'tuesday');
      const { run, changes } = await acts.sync(tour.stage, 'run');
      assert.equal(run.status, 'applied');
      assert.deepEqual(
        changes.filter(({ kind }) => kind === 'user.deprovision').map(({ email }) => email),
        [LEA],
      );
      return `${countsOf(run)}; ${changes[0]?.email}: ${changes[0]?.reason}`;
    },
  ],
  [
    'in the same instant, everything here has ended',
    async ({ stage, lea }) => {
      assert.ok(lea);
      const now = await acts.standing(stage, lea);
      assert.deepEqual(
        {
          session: now.session,
          apiKey: now.apiKey,
          accessToken: now.accessToken,
          platformDoor: now.platformDoor,
          memberships: now.memberships,
        },
        { session: false, apiKey: false, accessToken: false, platformDoor: 401, memberships: 0 },
      );
      return `session, key and token are dead, no membership is left, the platform's door answers ${now.platformDoor}`;
    },
  ],
  [
    'elsewhere it ends too, provably',
    async ({ stage, lea }) => {
      assert.ok(lea);
      const closed = await until(async () => {
        const found = await acts.caseOf(stage, LEA);
        return found?.closedAt === null ? undefined : found;
      });
      assert.deepEqual(
        closed.steps.map(({ kind, state }) => [kind, state]),
        [
          ['oauth.revoke', 'revoked'],
          ['webhook', 'delivered'],
        ],
      );
      assert.equal(closed.steps[0]?.proof?.['confirmed'], true);
      assert.equal(await stage.platform.calendarSays(lea.calendarToken), false, 'asked at the OAuth server itself');
      assert.deepEqual(
        stage.platform.messages.map(({ type, email }) => [type, email]),
        [['user.deprovisioned', LEA]],
      );
      await until(async () => ((await acts.onSite(stage, lea.browser)) ? undefined : true));
      return `her sign-in on the platform's site is over; the calendar token is revoked and probed, the signed webhook is delivered; case closed after ${closed.totalSeconds?.toFixed(1)} s`;
    },
  ],
  [
    'the identity provider still knows Lea: she signs in again',
    async ({ stage }) => {
      const browser = new Browser();
      const page = await acts.signIn(stage, browser, 'saml', LEA);
      assert.equal(page.status, 403, page.text);
      assert.equal(await acts.whoAmI(stage, browser), undefined);
      return `refused with ${page.status}: ${sentenceOf(page.text)}`;
    },
  ],
  [
    'an auditor asks, by the command line beside the running server',
    async (tour) => {
      await sealAll(tour.demo.deps);
      const shown = await drawbridge(tour, 'offboard', 'show', LEA);
      assert.match(shown, /oauth\.revoke at calendar: revoked/);
      const verified = await drawbridge(tour, 'audit', 'verify');
      assert.match(verified, /acme: ok, [1-9]\d* sealed events verified/);
      return verified;
    },
  ],
];

const CHAPTERS: readonly [title: string, steps: readonly Step[]][] = [
  ['Let in', LET_IN],
  ['Keep true', KEEP_TRUE],
  ['Let go', LET_GO],
];

process.exitCode = await walk();

async function walk(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-tour-'));
  let demo: Demo | undefined;
  try {
    demo = await startDemo({ log: 'error', http: { port: await freePorts(4) }, database: { dataFolder: folder } });
    const tour: Tour = { demo, stage: demo.stage, folder };
    for (const [title, steps] of CHAPTERS) {
      say(`\n${title}`);
      for (const [what, act] of steps) {
        say(`  ${what}`);
        say(`    ✔ ${await act(tour)}`);
      }
    }
    say('\nLet in, kept true, let go: every step really happened.');
    return 0;
  } catch (error) {
    say(`    ✖ ${error instanceof Fault ? error.toLine() : error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await demo?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function drawbridge({ folder }: Tour, ...args: string[]): Promise<string> {
  const cli = resolve(import.meta.dirname, '../cli.ts');
  const env = { ...environmentVariables(), DRAWBRIDGE_DATA: folder };
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args], { env });
  return stdout.trim();
}

/** The first of `count` ports in a row that are free now. */
async function freePorts(count: number): Promise<number> {
  for (let first = 20_000 + Math.floor(Math.random() * 20_000); ; first += count) {
    const free = await Promise.all(Array.from({ length: count }, (_, at) => isFree(first + at)));
    if (free.every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}

async function until<T>(look: () => Promise<T | undefined>, seconds = 30): Promise<T> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await new Promise((wake) => setTimeout(wake, 200));
  }
  throw new Error(`it did not happen within ${seconds} s`);
}

function countsOf({ counts }: acts.Run): string {
  return Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}

function rolesOf(me: acts.Me | undefined): string {
  return (me?.memberships ?? []).map(({ role, name, source }) => `${role} of ${name} (${source})`).join(', ');
}

function withoutMemberships({ memberships: _, ...rest }: acts.Standing) {
  return rest;
}

/** The sentence of an error page. */
function sentenceOf(page: string): string {
  const paragraph = /<p class="bad"[^>]*>(.*?)<\/p>/s.exec(page)?.[1] ?? /<h1>(.*?)<\/h1>/s.exec(page)?.[1] ?? '';
  return unescaped(paragraph.replace(/<[^>]+>/g, '')).trim();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
