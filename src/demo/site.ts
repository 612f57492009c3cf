/**
 * The sample platform's site, as an engineer would write it: passport, with the strategy of openid-client, signs people in through
 * Drawbridge. Signing out ends both; whoever signs out elsewhere, or leaves, is signed out here by back-channel logout.
 */
import { randomBytes } from 'node:crypto';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oauth from 'openid-client';
import { Strategy } from 'openid-client/passport';
import passport from 'passport';
import { type SiteClaims, sitePage } from './site-page.ts';

export interface SiteOptions {
  /** Its own address. */
  readonly url: string;
  readonly drawbridge: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Lines that its first page shows. */
  readonly news: () => readonly string[];
}

interface Person {
  readonly claims: SiteClaims;
  readonly idToken: string;
}

/** One browser's visit. */
interface Visit {
  /** What the strategy remembers between asking and being answered. */
  readonly session: Record<string, unknown>;
  person?: Person;
}

const COOKIE = 'sample-platform';
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** Its routes, to be mounted at its root. */
export function siteRoutes(options: SiteOptions): Router {
  const visits = new Map<string, Visit>();
  const router = Router();
  const config = once(() => discover(options));
  const signIn = signingIn(options, config);

  router.get('/', (request, response) => {
    const person = visitOf(visits, request)?.person;
    response.type('html').send(sitePage(options.drawbridge, person?.claims, options.news()));
  });
  router.get('/me', (request, response) => {
    const person = visitOf(visits, request)?.person;
    if (person === undefined) response.status(401).json({ error: 'nobody is signed in' });
    else response.json(person.claims);
  });
  router.get('/sign-in', begin(visits), signIn);
  router.get('/sign-in/callback', begin(visits), signIn, (request, response) => {
    // A new visit, so that nobody can have left theirs in this browser before.
    const person = request.user as Person;
    forget(visits, request);
    keep(visits, response, { session: {}, person });
    response.redirect(303, '/');
  });
  router.post('/sign-out', async (request, response) => {
    const person = visitOf(visits, request)?.person;
    forget(visits, request);
    if (person === undefined) return response.redirect(303, '/');
    const onward = { id_token_hint: person.idToken, post_logout_redirect_uri: `${options.url}/` };
    response.redirect(303, oauth.buildEndSessionUrl(await config(), onward).href);
  });
  router.post('/backchannel-logout', express.urlencoded({ extended: false }), hearLogout(options, visits));
  return router;
}

function discover({ drawbridge, clientId, clientSecret }: SiteOptions): Promise<oauth.Configuration> {
  const issuer = new URL(`${drawbridge}/oauth`);
  return oauth.discovery(issuer, clientId, undefined, oauth.ClientSecretBasic(clientSecret), {
    execute: [oauth.allowInsecureRequests],
  });
}

function signingIn({ url }: SiteOptions, config: () => Promise<oauth.Configuration>): RequestHandler {
  const strategy = once(async () => {
    const options = {
      config: await config(),
      scope: 'openid email profile roles',
      callbackURL: `${url}/sign-in/callback`,
    };
    return new Strategy(options, (tokens, done) => {
      const person = { claims: tokens.claims() as unknown as SiteClaims, idToken: tokens.id_token ?? '' };
      done(null, person);
    });
  });
  return async (request, response, next) => {
    const authenticate: RequestHandler = passport.authenticate(await strategy(), { session: false });
    await authenticate(request, response, next);
  };
}

/** Signs out whom Drawbridge says has signed out, if Drawbridge says it. */
function hearLogout({ drawbridge, clientId }: SiteOptions, visits: Map<string, Visit>): RequestHandler {
  const keys = createRemoteJWKSet(new URL(`${drawbridge}/oauth/jwks`));
  const options = { issuer: `${drawbridge}/oauth`, audience: clientId, typ: 'logout+jwt', algorithms: ['RS256'] };
  return async (request, response) => {
    const told = String((request.body as Record<string, unknown>)['logout_token']);
    const token = await jwtVerify(told, keys, options).catch(() => undefined);
    const events = token?.payload['events'];
    if (token === undefined || typeof events !== 'object' || events === null || !(LOGOUT_EVENT in events)) {
      return void response.status(400).json({ error: 'invalid_request' });
    }
    for (const [id, { person }] of visits) if (person?.claims.sid === token.payload['sid']) visits.delete(id);
    response.set('Cache-Control', 'no-store').status(204).end();
  };
}

/** Lets the strategy remember something of this browser, as express-session would. */
function begin(visits: Map<string, Visit>): RequestHandler {
  return (request, response, next) => {
    const visit = visitOf(visits, request) ?? keep(visits, response, { session: {} });
    Object.assign(request, { session: visit.session });
    next();
  };
}

function keep(visits: Map<string, Visit>, response: Response, visit: Visit): Visit {
  const id = randomBytes(32).toString('base64url');
  visits.set(id, visit);
  response.cookie(COOKIE, id, { httpOnly: true, sameSite: 'lax' });
  return visit;
}

function visitOf(visits: Map<string, Visit>, request: Request): Visit | undefined {
  return visits.get(idOf(request));
}

function forget(visits: Map<string, Visit>, request: Request): void {
  visits.delete(idOf(request));
}

function idOf(request: Request): string {
  return new RegExp(`(?:^|; )${COOKIE}=([\\w-]+)`).exec(request.get('cookie') ?? '')?.[1] ?? '';
}

/** Does something at its first use and not again, unless it failed: Drawbridge starts after its platform. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return () => {
    done ??= work().catch((error: unknown) => {
      done = undefined;
      throw error;
    });
    return done;
  };
}
