/** What tests of the transmitter need: a company that tells, receivers that it tells, and something to tell. */
import assert from 'node:assert/strict';
import { startSsfReceiver, verifyToken } from '../doubles/ssf-receiver.ts';
import type { Company } from '../harness/company.ts';
import type { TestDatabase } from '../harness/database.ts';
import type { TestServer } from '../harness/server.ts';
import { companyWithPeople } from '../offboarding/arrange.ts';

export const CAEP = 'https://schemas.openid.net/secevent/caep/event-type';
export const RISC = 'https://schemas.openid.net/secevent/risc/event-type';
export const PUSH = 'urn:ietf:rfc:8935';
export const POLL = 'urn:ietf:rfc:8936';

/** Of a server: makes companies that tell. */
export function transmitting(server: TestServer, database: TestDatabase) {
  /** A company, and a receiver that has a key of it and has read its configuration. */
  async function arrange() {
    const company = await companyWithPeople(server, database);
    const { key } = (
      await company
        .api('post', '/api-keys')
        .send({ name: 'receiver', kind: 'service', scopes: ['signals:receive'] })
        .expect(201)
    ).body;
    const { body: configuration } = await server.http
      .get(`/.well-known/ssf-configuration/ssf/${company.id}`)
      .expect(200);
    const ask = (method: 'get' | 'post' | 'put' | 'patch' | 'delete', url: string, body?: object) => {
      const request = server.http[method](url.replace(server.url, '')).set('Authorization', `Bearer ${key}`);
      return body === undefined ? request : request.send(body);
    };
    const create = async (body: object) => {
      const made = await ask('post', configuration.configuration_endpoint, body);
      assert.equal(made.status, 201, made.text);
      return made.body;
    };
    const verify = (token: string, stream: { aud: string }) =>
      verifyToken(token, configuration.issuer, stream.aud, configuration.jwks_uri);
    return { company, configuration, ask, create, verify };
  }

  async function pushed(made: Awaited<ReturnType<typeof arrange>>, more: object = {}) {
    const receiver = await startSsfReceiver();
    database.onEnd(receiver.close);
    const delivery = { method: PUSH, endpoint_url: receiver.url, authorization_header: 'Bearer of-the-receiver' };
    const stream = await made.create({ delivery, ...more });
    receiver.trust(made.configuration.issuer, stream.aud, made.configuration.jwks_uri);
    const types = () => receiver.received.map(({ claims }) => Object.keys(claims.events).join());
    return { ...receiver, stream, types };
  }

  return { arrange, pushed };
}

export const suspend = (company: Company, name: string) =>
  company.api('post', `/people/${name}@acme.example/suspend`).send({ reason: 'looked into' }).expect(204);
export const reactivate = (company: Company, name: string) =>
  company.api('post', `/people/${name}@acme.example/reactivate`).send({ reason: 'all is well' }).expect(204);
