/** Calls the administration API with a person's session cookie, as a page of the same origin does. */
import type supertest from 'supertest';
import type { TestServer } from './server.ts';

/** @param token of a session made by a sign-in, or by `startSession` where the sign-in itself is not the story */
export function signedIn(server: TestServer, token: string) {
  return (method: 'get' | 'post' | 'put' | 'patch' | 'delete', path: string): supertest.Test =>
    server.http[method](`/api/v1${path}`).set('Cookie', `drawbridge=${token}`).set('Origin', server.url);
}
