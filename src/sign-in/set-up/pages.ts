/** The pages behind a set-up link, and their forms. Programs get the same as JSON. */
import express, { type Request, type Response, Router } from 'express';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import { asFault, faultOf } from '../../http/problem.ts';
import { requestIdOf } from '../../http/request-context.ts';
import { inTenant, type TenantTransaction } from '../../store/tenant.ts';
import { domainName, putDomain } from '../../tenancy/domain.ts';
import { proveDomain, type ResolveTxt } from '../../tenancy/domain-proof.ts';
import { type Connection, connectionInput, listConnections, putConnection, readAhead } from '../connection.ts';
import { readCookie } from '../cookies.ts';
import type { SignInDependencies } from '../door.ts';
import { wantsPage } from '../page.ts';
import { requireSameOrigin } from '../same-origin.ts';
import { samlConnection } from '../saml/administration.ts';
import { type CheckedResponse, checkResponse, responseToCheck } from '../saml/check-response.ts';
import { samlOptionsOf } from '../saml/config.ts';
import { sessionTokenOf } from '../session-cookie.ts';
import { SCRIPT, STYLE } from './assets.ts';
import { cardOf } from './gallery.ts';
import { chooseProvider, type OpenLink, openSetUpLink } from './link.ts';
import { oidcSaid } from './oidc-form.ts';
import { progressOf } from './progress.ts';
import { type LastStep, showProgress } from './set-up-page.ts';
import { WORDINGS, type Wording } from './wording.ts';

export interface SetUpDependencies extends SignInDependencies {
  readonly resolveTxt: ResolveTxt;
}

const COOKIE = 'drawbridge-set-up';
const TOKEN = /^[\w-]{43}$/;

/** `/set-up/...`. */
export function setUpPages(deps: SetUpDependencies): Router {
  const router = Router();
  const { baseUrl } = deps.settings.http;
  const form = express.urlencoded({ extended: false, limit: '1mb', parameterLimit: 30 });

  router.get('/set-up/page.js', (_request, response) => void response.type('js').send(SCRIPT));
  router.get('/set-up/style.css', (_request, response) => void response.type('css').send(STYLE));

  router.get('/set-up', async (request, response) => {
    const link = await linkOf(deps, request);
    await show(deps, link, request, response);
  });

  // The token leaves the address bar at once: it must not stay in histories and referrers.
  router.get('/set-up/:token', async (request, response) => {
    const token = String(request.params.token);
    if (!TOKEN.test(token))
      throw new Fault('not-found', 'This is not a set-up link.', { remedy: 'Copy the whole link.' });
    await openSetUpLink(deps.store.db, token, { requestId: requestIdOf(request), address: request.ip });
    response.cookie(COOKIE, token, {
      httpOnly: true,
      sameSite: 'lax',
      path: '/set-up',
      secure: baseUrl.startsWith('https:'),
    });
    response.redirect(303, '/set-up');
  });

  for (const [step, take] of Object.entries(STEPS)) {
    router.post(`/set-up/${step}`, form, async (request, response) => {
      requireSameOrigin(request, baseUrl);
      const link = await linkOf(deps, request);
      const typed = (request.body ?? {}) as Record<string, string>;
      try {
        await take(deps, link, typed);
      } catch (error) {
        const fault = asFault(error);
        if (fault === undefined || !wantsPage(request)) throw error;
        return show(deps, await linkOf(deps, request), request, response, { refused: { step, fault, typed } });
      }
      response.redirect(303, `/set-up#${step}`);
    });
  }

  // What it comes to is shown at once, for nothing of it is kept.
  router.post('/set-up/check-response', form, async (request, response) => {
    requireSameOrigin(request, baseUrl);
    const link = await linkOf(deps, request);
    const checked = await checkPasted(deps, link, (request.body ?? {}) as Record<string, string>);
    if (wantsPage(request)) return show(deps, link, request, response, { checked });
    response.set('Cache-Control', 'no-store').json(checked);
  });
  return router;
}

type Step = (deps: SetUpDependencies, link: OpenLink, body: Record<string, string>) => Promise<unknown>;

const STEPS: Readonly<Record<string, Step>> = {
  provider: async (deps, link, { provider = '' }) => {
    if (!Object.hasOwn(WORDINGS, provider))
      throw new Fault('invalid-input', 'Choose one of the list.', { where: 'provider' });
    return within(deps, link, (tx) => chooseProvider(tx, link.id, provider));
  },
  connection: writeConnection,
  domain: async (deps, link, { name }) => {
    const parsed = domainName.safeParse(name);
    if (!parsed.success)
      throw new Fault('invalid-input', 'This is not a domain name such as example.com.', { where: 'name' });
    return within(deps, link, (tx) => putDomain(tx, { name: parsed.data, verified: false }));
  },
  verify: (deps, link, { name = '' }) => proveDomain(deps, link.organizationId, link.origin, name.toLowerCase()),
  enable: (deps, link) => within(deps, link, (tx) => turnOn(tx, link)),
};

/** Writes what the form says; what it doesn't mention stays as the connection has it. */
async function writeConnection(deps: SetUpDependencies, link: OpenLink, body: Record<string, string>): Promise<void> {
  const wording = link.provider === null ? undefined : WORDINGS[link.provider];
  if (wording === undefined) throw new Fault('conflict', 'Choose the identity provider first.');
  const all = await within(deps, link, listConnections);
  const before = all.find(({ id }) => id === link.connectionId);
  const parsed = connectionInput.safeParse({
    ...keptOf(before, link.provider),
    ...definedOf(saidIn(wording, body, before)),
    slug: link.connectionSlug,
    kind: wording.kind,
  });
  if (!parsed.success) throw faultOf(parsed.error, 'form');
  const fetched = await readAhead(deps, parsed.data);
  await within(deps, link, (tx) => putConnection(tx, deps, parsed.data, { fetched, newId: link.connectionId }));
}

function saidIn(
  wording: Wording,
  body: Record<string, string>,
  before: Connection | undefined,
): Record<string, unknown> {
  const names = (field: string) => (body[field] ?? '').split(/[\s,]+/).filter(Boolean);
  const attributes = Object.fromEntries(
    ['email', 'name', 'groups'].flatMap((field) => (names(field).length > 0 ? [[field, names(field)]] : [])),
  );
  const filled = Object.fromEntries(
    Object.entries(body).flatMap(([name, value]) => (value.trim() === '' ? [] : [[name, value.trim()]])),
  );
  if (wording.kind === 'oidc') return oidcSaid(wording, filled, attributes, before);
  const { metadata, metadataUrl } = filled;
  if (metadata === undefined && metadataUrl === undefined)
    throw new Fault('invalid-input', 'There is no metadata yet.', { remedy: 'Give its address, a file, or its text.' });
  const kept = before?.kind === 'saml' ? samlOptionsOf(before.config) : {};
  return { ...kept, preset: wording.preset, metadata, metadataUrl, attributes };
}

async function checkPasted(
  deps: SetUpDependencies,
  link: OpenLink,
  { samlResponse, at }: Record<string, string>,
): Promise<CheckedResponse> {
  const parsed = responseToCheck.safeParse({ samlResponse, ...(at ? { at } : {}) });
  if (!parsed.success) throw faultOf(parsed.error, 'form');
  const find = (tx: TenantTransaction) => samlConnection(tx, link.connectionId);
  const connection = await inTenant(deps.store.db, link.organizationId, link.origin, find, 'reader');
  return checkResponse(deps, connection, link.origin, parsed.data);
}

/** What no form asks is the organization's to say. */
function keptOf(before: Connection | undefined, provider: string | null): Record<string, unknown> {
  const card = cardOf(provider ?? '');
  if (before === undefined) return { enabled: false, ...(card && !card.any ? { name: card.title } : {}) };
  const { name, enabled, domains, priority, defaultRole, justInTime, config } = before;
  return { name, enabled, domains, priority, defaultRole, justInTime, defaultWorkspace: config.defaultWorkspace };
}

/** Only what has been seen to work is turned on. */
async function turnOn(tx: TenantTransaction, link: OpenLink): Promise<void> {
  const tested = await tx.db
    .selectFrom('sign_in_traces')
    .select('id')
    .where('connection_id', '=', link.connectionId)
    .where('outcome', 'in', ['tested', 'signed_in'])
    .limit(1)
    .executeTakeFirst();
  if (tested === undefined)
    throw new Fault('conflict', 'No test sign-in has succeeded yet.', { remedy: 'Test it first.' });
  await tx.db.updateTable('connections').set({ enabled: true }).where('id', '=', link.connectionId).execute();
  await record(tx, { action: 'connection.enabled', resource: { type: 'connection', id: link.connectionId } });
}

async function linkOf(deps: SetUpDependencies, request: Request): Promise<OpenLink> {
  const token = readCookie(request, COOKIE);
  if (token === undefined || !TOKEN.test(token)) {
    throw new Fault('not-found', 'Nothing is being set up here.', { remedy: 'Open the link that you were sent.' });
  }
  return openSetUpLink(deps.store.db, token, { requestId: requestIdOf(request), address: request.ip });
}

async function show(
  deps: SetUpDependencies,
  link: OpenLink,
  request: Request,
  response: Response,
  last: LastStep = {},
): Promise<void> {
  const { baseUrl } = deps.settings.http;
  const progress = await inTenant(
    deps.store.db,
    link.organizationId,
    link.origin,
    (tx) => progressOf(tx, link, baseUrl),
    'reader',
  );
  response.set('Cache-Control', 'no-store');
  if (wantsPage(request))
    showProgress(response, baseUrl, progress, last, sessionTokenOf(request, baseUrl) !== undefined);
  else response.json(shownToPrograms(progress));
}

function shownToPrograms({ connection, ...progress }: Awaited<ReturnType<typeof progressOf>>) {
  if (connection === null) return { ...progress, connection: null };
  const { slug, kind, name, enabled } = connection;
  return { ...progress, connection: { slug, kind, name, enabled } };
}

function within<T>(deps: SetUpDependencies, link: OpenLink, work: (tx: TenantTransaction) => Promise<T>): Promise<T> {
  return inTenant(deps.store.db, link.organizationId, link.origin, work);
}

function definedOf(partial: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(partial).filter(([, value]) => value !== undefined));
}
