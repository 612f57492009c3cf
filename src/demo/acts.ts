/** What can be done on the demo's stage, each act through public HTTP, as people, HR and the platform would do it. */
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Browser, formOf, type Page } from './browser.ts';
import { DEMO_PEOPLE } from './idp/people.ts';
import type { Platform } from './platform.ts';

export interface Stage {
  readonly drawbridge: string;
  readonly operatorToken: string;
  readonly organization: string;
  readonly platform: Platform;
  /** The file that HR writes, and the folder of what it may write. */
  readonly feed: string;
  readonly feeds: string;
  /** Ids of the connections. */
  readonly connections: { readonly saml: string; readonly oidc: string };
  /** Where the identity providers are administrated. */
  readonly providers: { readonly saml: string; readonly oidc: string };
}

export interface Me {
  readonly user: { readonly id: string; readonly email: string };
  readonly memberships: readonly { readonly name: string; readonly role: string; readonly source: string }[];
}

export interface Run {
  readonly id: string;
  readonly status: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly guards: readonly { readonly guard: string; readonly reason: string }[];
}

export interface Change {
  readonly kind: string;
  readonly email: string | null;
  readonly scope: string | null;
  readonly role: string | null;
  readonly oldRole: string | null;
  readonly reason: string;
}

/** What somebody holds, to be asked after again when they have gone. */
export interface Holdings {
  readonly email: string;
  readonly userId: string;
  readonly browser: Browser;
  readonly apiKey: string;
  readonly accessToken: string;
  readonly calendarToken: string;
}

export interface Case {
  readonly id: string;
  readonly openedAt: string;
  readonly closedAt: string | null;
  readonly totalSeconds: number | null;
  readonly reason: string;
  readonly ended: {
    readonly sessions: number;
    readonly grants: number;
    readonly memberships: readonly unknown[];
    readonly apiKeys: readonly unknown[];
  };
  readonly steps: readonly {
    readonly kind: string;
    readonly target: string;
    readonly state: string;
    readonly proof: Readonly<Record<string, unknown>> | null;
  }[];
}

/** Signs somebody in as a browser does: to the identity provider, choose the person, and back. @returns the page where it ended */
export async function signIn(stage: Stage, browser: Browser, way: 'saml' | 'oidc', email: string): Promise<Page> {
  const choice = formOf(await browser.get(`${stage.drawbridge}/${way}/${stage.connections[way]}/login?returnTo=/me`));
  const arrived = await browser.post(choice.action, { ...choice.fields, person: personId(email) });
  return way === 'oidc' ? arrived : followForms(browser, arrived);
}

/** The SAML answer for somebody, as the identity provider hands it to the browser: where it goes, and its fields. */
export async function samlAnswer(stage: Stage, browser: Browser, email: string) {
  const choice = formOf(await browser.get(`${stage.drawbridge}/saml/${stage.connections.saml}/login?returnTo=/me`));
  return formOf(await browser.post(choice.action, { ...choice.fields, person: personId(email) }));
}

/** Sends forms on that a browser would send by itself, until a page is there to stay. */
export async function followForms(browser: Browser, page: Page): Promise<Page> {
  let current = page;
  while (/submit\(\)|submit\.js/.test(current.text)) {
    const form = formOf(current);
    current = await browser.post(form.action, form.fields);
  }
  return current;
}

/** Who is signed in; undefined where nobody is. */
export async function whoAmI(stage: Stage, browser: Browser): Promise<Me | undefined> {
  const { status, body } = await browser.json('GET', `${stage.drawbridge}/me`);
  return status === 200 ? (body as unknown as Me) : undefined;
}

/** Signs out on the platform's site, and so at Drawbridge too. @returns the page where it ended */
export async function signOutOnSite(stage: Stage, browser: Browser): Promise<Page> {
  const page = await browser.submit(await browser.get(stage.platform.url));
  return /submit\.js/.test(page.text) ? browser.submit(page) : page;
}

/** Whether the platform's site knows who this is. */
export async function onSite(stage: Stage, browser: Browser): Promise<boolean> {
  return (await browser.json('GET', `${stage.platform.url}/me`)).status === 200;
}

/** What HR exports: Monday's or Tuesday's people, or by mistake nobody. Moved into place whole, as a feed should be. */
export function hrExports(stage: Stage, day: 'monday' | 'tuesday' | 'nobody'): void {
  const draft = `${stage.feed}.new`;
  if (day === 'nobody') writeFileSync(draft, 'employee_id,email,name,department,title,status,last_day\n');
  else copyFileSync(join(stage.feeds, `hr-${day}.csv`), draft);
  renameSync(draft, stage.feed);
}

/** What the feed holds now: Monday's people, Tuesday's, or something else. */
export function feedNow(stage: Stage): string {
  const feed = readFileSync(stage.feed, 'utf8');
  const day = ['monday', 'tuesday'].find((each) => readFileSync(join(stage.feeds, `hr-${each}.csv`), 'utf8') === feed);
  if (day !== undefined) return `${day.charAt(0).toUpperCase()}${day.slice(1)}'s people`;
  return `${feed.trim().split('\n').length - 1} people`;
}

/** Pulls the HR feed: only plans, or plans and applies. */
export async function sync(stage: Stage, mode: 'plan' | 'run'): Promise<{ run: Run; changes: Change[] }> {
  const run = await api<Run>(stage, 'POST', '/directories/hr/runs', { mode });
  const { changes } = await api<{ changes: Change[] }>(stage, 'GET', `/runs/${run.id}/changes?limit=1000`);
  return { run, changes };
}

/** Drops a plan that waits. */
export async function discard(stage: Stage, run: Run): Promise<void> {
  await api(stage, 'POST', `/runs/${run.id}/discard`);
}

/** Somebody signs in, makes an API key, gets an access token, and connects their calendar to the platform. */
export async function settleIn(stage: Stage, email: string): Promise<Holdings> {
  const browser = new Browser();
  await signIn(stage, browser, 'saml', email);
  const me = await whoAmI(stage, browser);
  if (me === undefined) throw new Error(`${email} could not sign in`);
  const base = `${stage.drawbridge}/api/v1/organizations/${stage.organization}`;
  const key = await browser.json('POST', `${base}/api-keys`, {
    name: 'my laptop',
    kind: 'personal',
    scopes: ['product.view'],
    workspace: 'production',
    product: 'insights',
  });
  await browser.get(`${stage.platform.url}/sign-in`);
  if (key.status !== 201) throw new Error(`no key was made: ${JSON.stringify(key.body)}`);
  const token = await browser.json('POST', `${base}/access-tokens`, { client: 'sample-platform' });
  const accessToken = String(token.body['access_token']);
  const choice = formOf(await browser.post(`${stage.platform.url}/calendar`, { access_token: accessToken }));
  await browser.post(choice.action, { ...choice.fields, person: personId(email) });
  const calendarToken = stage.platform.calendarTokens.get(me.user.id);
  if (calendarToken === undefined) throw new Error('the calendar was not connected');
  return { email, userId: me.user.id, browser, apiKey: String(key.body['key']), accessToken, calendarToken };
}

export interface Standing {
  readonly session: boolean;
  /** Whether the platform's site knows them. */
  readonly site: boolean;
  readonly apiKey: boolean;
  readonly accessToken: boolean;
  /** The HTTP status with which the platform answers the key. */
  readonly platformDoor: number;
  readonly calendarToken: boolean;
  readonly memberships: number;
}

/** What of somebody's holdings works at this moment; everyone concerned is asked. */
export async function standing(stage: Stage, held: Holdings): Promise<Standing> {
  const door = await fetch(`${stage.platform.url}/insights`, { headers: { authorization: `Bearer ${held.apiKey}` } });
  const person = await api<{ memberships: unknown[] }>(stage, 'GET', `/people/${held.userId}`);
  return {
    session: (await whoAmI(stage, held.browser)) !== undefined,
    site: await onSite(stage, held.browser),
    apiKey: await introspect(stage, held.apiKey),
    accessToken: await introspect(stage, held.accessToken),
    platformDoor: door.status,
    calendarToken: await stage.platform.calendarSays(held.calendarToken),
    memberships: person.memberships.length,
  };
}

/** An administrator lets somebody go. */
export async function letGo(stage: Stage, email: string, reason: string): Promise<Case> {
  return api<Case>(stage, 'POST', `/people/${email}/offboard`, { reason });
}

/** The latest case of somebody; undefined where they have not left. */
export async function caseOf(stage: Stage, email: string): Promise<Case | undefined> {
  const { cases } = await api<{ cases: Case[] }>(stage, 'GET', `/offboarding-cases?user=${email}`);
  return cases[0];
}

/** Whether somebody may do something, as the platform asks it. */
export async function may(
  stage: Stage,
  email: string,
  action: string,
  product: string,
): Promise<{ decision: boolean; reason: string }> {
  const asked = {
    subject: { type: 'user', id: email },
    action: { name: action },
    resource: { type: 'product', id: product },
  };
  const answer = (await call(stage, 'POST', '/access/v1/evaluation', asked)) as {
    decision: boolean;
    context: { reason: string };
  };
  return { decision: answer.decision, reason: answer.context.reason };
}

/** One person as administrators see them. */
export function person(stage: Stage, email: string) {
  return api<{
    id: string;
    status: string;
    memberships: { role: string; place: string; source: string; rule: string | null; reason: string }[];
  }>(stage, 'GET', `/people/${email}`);
}

/** How many people there are. */
export async function countPeople(stage: Stage): Promise<number> {
  return (await api<{ people: unknown[] }>(stage, 'GET', '/people?limit=500&status=active')).people.length;
}

async function introspect(stage: Stage, token: string): Promise<boolean> {
  return ((await call(stage, 'POST', '/oauth/introspect', new URLSearchParams({ token }))) as { active: boolean })
    .active;
}

function api<T>(stage: Stage, method: string, path: string, body?: unknown): Promise<T> {
  return call(stage, method, `/api/v1/organizations/${stage.organization}${path}`, body) as Promise<T>;
}

async function call(stage: Stage, method: string, path: string, body?: unknown): Promise<unknown> {
  const form = body instanceof URLSearchParams;
  const answer = await fetch(`${stage.drawbridge}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${stage.operatorToken}`,
      'x-drawbridge-organization': stage.organization,
      ...(form || body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const told: unknown = text === '' ? undefined : JSON.parse(text);
  if (!answer.ok) {
    const { detail } = (told ?? {}) as { detail?: string };
    throw new Error(`${method} ${path} was answered ${answer.status}: ${detail ?? text}`);
  }
  return told;
}

function personId(email: string): string {
  const found = DEMO_PEOPLE.find((each) => each.email === email);
  if (found === undefined) throw new Error(`the demo's identity providers don't know ${email}`);
  return found.id;
}
