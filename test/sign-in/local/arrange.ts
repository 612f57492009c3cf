/** A person with a password, and a visitor who signs in: each at an address of their own, so that no test waits for another's guesses. */
import assert from 'node:assert/strict';
import supertest from 'supertest';
import { codeAt, stepOf } from '../../../src/sign-in/local/totp.ts';
import type { TestServer } from '../../harness/server.ts';
import type { Arranged } from '../arrange.ts';

export const PASSWORD = 'seven quiet herons at dusk';

let addresses = 0;

/** A browser with cookies at a fresh address, sending from our own pages. */
export function visitor(server: TestServer, address?: string) {
  addresses += 1;
  const from = address ?? `203.0.113.${addresses % 250}`;
  const agent = supertest.agent(server.url);
  const send = (method: 'get' | 'post', path: string) =>
    agent[method](path).set('X-Forwarded-For', from).set('Origin', server.url).set('Accept', 'application/json');
  return {
    send,
    page: (method: 'get' | 'post', path: string) => send(method, path).set('Accept', 'text/html').redirects(0),
    signIn: (email: string, password = PASSWORD, more: Record<string, string> = {}) =>
      send('post', '/sign-in/password').send({ email, password, ...more }),
  };
}
export type Visitor = ReturnType<typeof visitor>;

/** The path of a fresh link with which a person sets their password. */
export async function passwordLink(server: TestServer, { slug }: Arranged, user: string): Promise<string> {
  const made = await server.api('post', `/organizations/${slug}/people/${user}/password-links`).send({});
  assert.equal(made.status, 201, made.text);
  return new URL(made.body.url).pathname;
}

/** Gives a person a password, as they would set it. */
export async function givePassword(server: TestServer, where: Arranged, user: string, password = PASSWORD) {
  const path = await passwordLink(server, where, user);
  const set = await visitor(server).send('post', path).send({ password });
  assert.equal(set.status, 204, set.text);
}

/** Who is signed in; undefined where nobody is. */
export async function whoIs(one: Visitor): Promise<string | undefined> {
  const me = await one.send('get', '/me');
  return me.status === 200 ? me.body.user.email : undefined;
}

/** Signs in with the second factor's proof, after the password. */
export function prove(one: Visitor, proof: Record<string, unknown>) {
  return one.send('post', '/sign-in/second-factor').send(proof);
}

export interface App {
  readonly id: string;
  readonly secret: string;
}

/** Enrols an authenticator app for whoever is signed in; its present code is used up by that. */
export async function enrolApp(one: Visitor, name = 'phone'): Promise<App> {
  const begun = await one.send('post', '/me/security/totp').send({ name });
  assert.equal(begun.status, 201, begun.text);
  const { id, secret } = begun.body as App;
  const confirmed = await one
    .send('post', `/me/security/totp/${id}/confirm`)
    .send({ code: codeAt(secret, stepOf(Date.now()) - 1) });
  assert.equal(confirmed.status, 204, confirmed.text);
  return { id, secret };
}

/** The code of this moment. */
export function codeNow({ secret }: App): string {
  return codeAt(secret, stepOf(Date.now()));
}
