/**
 * The sample platform, as an engineer would write it: it asks Drawbridge who a token is and whether its bearer may, keeps a person's
 * calendar token in Drawbridge's vault, and hears of leavers by webhook. Its site is in site.ts.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import express, { type Express, type Request, type Response } from 'express';
import * as oauth from 'openid-client';
import { listen } from '../main.ts';
import { siteRoutes } from './site.ts';

export interface PlatformOptions {
  readonly port: number;
  /** Drawbridge's address, and the operator's token that the platform's backend holds. */
  readonly drawbridge: string;
  readonly operatorToken: string;
  readonly organization: string;
  readonly webhookSecret: string;
  /** The secret of its site's app at Drawbridge. */
  readonly appSecret: string;
  /** The calendar's OAuth server, and the platform's client there. */
  readonly calendar: { readonly issuer: string; readonly clientId: string; readonly clientSecret: string };
}

export interface WebhookMessage {
  readonly id: string;
  readonly type: string;
  readonly email: string;
  readonly receivedAt: Date;
}

export interface Platform {
  readonly url: string;
  /** Messages with a true signature, oldest first. */
  readonly messages: readonly WebhookMessage[];
  /** Refresh tokens of the calendar, by user: kept so that the demo can show that they die. A real platform would forget them. */
  readonly calendarTokens: ReadonlyMap<string, string>;
  /** What the calendar's server says of a token. */
  calendarSays(token: string): Promise<boolean>;
  close(): Promise<void>;
}

interface State {
  readonly options: PlatformOptions;
  readonly url: string;
  readonly calendar: oauth.Configuration;
  readonly messages: WebhookMessage[];
  readonly calendarTokens: Map<string, string>;
  /** Calendar connections under way, by OAuth state. */
  readonly connecting: Map<string, { readonly userId: string; readonly verifier: string }>;
}

/** Starts it. @throws Fault `unavailable` where its port is taken */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const server = createServer();
  const url = `http://localhost:${await listen(server, options.port, '127.0.0.1')}`;
  const { issuer, clientId, clientSecret } = options.calendar;
  const calendar = await oauth.discovery(new URL(issuer), clientId, undefined, oauth.ClientSecretBasic(clientSecret), {
    execute: [oauth.allowInsecureRequests],
  });
  const state: State = { options, url, calendar, messages: [], calendarTokens: new Map(), connecting: new Map() };
  server.on('request', application(state));
  return {
    url,
    messages: state.messages,
    calendarTokens: state.calendarTokens,
    calendarSays: async (token) => (await oauth.tokenIntrospection(calendar, token)).active,
    close: () => closeNow(server),
  };
}

function application(state: State): Express {
  const app = express();
  app.get('/insights', (request, response) => serveInsights(state, request, response));
  app.post('/calendar', express.urlencoded({ extended: false }), (request, response) =>
    connectCalendar(state, request, response),
  );
  app.get('/calendar/callback', (request, response) => keepCalendar(state, request, response));
  app.post('/webhooks', express.text({ type: '*/*' }), (request, response) => receive(state, request, response));
  const { drawbridge, appSecret: clientSecret } = state.options;
  const news = () =>
    state.messages.map(({ receivedAt, type, email }) => `${receivedAt.toISOString()} ${type} ${email}`);
  app.use(siteRoutes({ url: state.url, drawbridge, clientId: 'sample-platform', clientSecret, news }));
  return app;
}

/** A door: opens for an API key that is live and whose bearer may see the product. */
async function serveInsights(state: State, request: Request, response: Response): Promise<void> {
  const key = request.get('authorization')?.replace(/^Bearer /i, '') ?? '';
  const who = await introspect(state, key);
  if (!who.active) return void response.status(401).json({ error: 'this key is not (any more) valid' });
  const asked = {
    subject: { type: 'api_key', id: who['client_id'] },
    action: { name: 'product.view' },
    resource: { type: 'product', id: 'production/insights' },
  };
  const { decision, context } = (await ask(state, '/access/v1/evaluation', asked)) as {
    decision: boolean;
    context: { reason: string };
  };
  if (!decision) return void response.status(403).json({ error: context.reason });
  response.json({ insights: ['sales are up'] });
}

async function connectCalendar(state: State, request: Request, response: Response): Promise<void> {
  const who = await introspect(state, String((request.body as Record<string, unknown>)['access_token']));
  if (!who.active) return void response.status(401).send('Sign in first.');
  const oauthState = oauth.randomState();
  const verifier = oauth.randomPKCECodeVerifier();
  state.connecting.set(oauthState, { userId: String(who['sub']), verifier });
  const onward = oauth.buildAuthorizationUrl(state.calendar, {
    redirect_uri: `${state.url}/calendar/callback`,
    scope: 'openid email offline_access',
    prompt: 'login',
    state: oauthState,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  response.redirect(303, onward.toString());
}

async function keepCalendar(state: State, request: Request, response: Response): Promise<void> {
  const oauthState = String(request.query['state']);
  const waiting = state.connecting.get(oauthState);
  if (waiting === undefined) return void response.status(400).send('Nobody is connecting a calendar.');
  state.connecting.delete(oauthState);
  const tokens = await oauth.authorizationCodeGrant(state.calendar, new URL(request.originalUrl, state.url), {
    expectedState: oauthState,
    pkceCodeVerifier: waiting.verifier,
  });
  const token = tokens.refresh_token ?? '';
  const path = `/api/v1/organizations/${state.options.organization}/oauth-tokens`;
  await ask(state, path, { provider: 'calendar', user: waiting.userId, kind: 'refresh_token', token });
  state.calendarTokens.set(waiting.userId, token);
  response.send('The calendar is connected.');
}

/** Takes a message only with a true signature of the last five minutes (Standard Webhooks). */
function receive({ options, messages }: State, request: Request, response: Response): void {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
    (name) => request.get(name) ?? '',
  );
  const body = String(request.body);
  const key = Buffer.from(options.webhookSecret.slice('whsec_'.length), 'base64');
  const expected = Buffer.from(`v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`);
  const given = (signatures ?? '').split(' ').map((each) => Buffer.from(each));
  const genuine = given.some((each) => each.length === expected.length && timingSafeEqual(each, expected));
  if (!genuine || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return void response.status(401).end();
  const message = JSON.parse(body) as { type: string; data: { user: { email: string } } };
  if (!messages.some((each) => each.id === id)) {
    messages.push({ id: id ?? '', type: message.type, email: message.data.user.email, receivedAt: new Date() });
  }
  response.status(204).end();
}

async function introspect(
  state: State,
  token: string,
): Promise<{ readonly active: boolean; readonly [member: string]: unknown }> {
  return (await ask(state, '/oauth/introspect', new URLSearchParams({ token }))) as { active: boolean };
}

async function ask({ options }: State, path: string, body: unknown): Promise<unknown> {
  const form = body instanceof URLSearchParams;
  const answer = await fetch(`${options.drawbridge}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${options.operatorToken}`,
      'x-drawbridge-organization': options.organization,
      ...(form ? {} : { 'content-type': 'application/json' }),
    },
    body: form ? body : JSON.stringify(body),
  });
  const told: unknown = await answer.json();
  if (!answer.ok) throw new Error(`Drawbridge answered ${answer.status}: ${JSON.stringify(told)}`);
  return told;
}

async function closeNow(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((done) => server.close(() => done()));
}
