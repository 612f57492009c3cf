/** A run is watched while it goes: over the API and as events. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const row = (at: number) => `E${at},p${at}@acme.example,Person ${at}\n`;

/** A feed that stops after its first 3,000 people until it is told to go on. */
async function startSlowFeed(people: number) {
  const { promise: goOn, resolve } = Promise.withResolvers<void>();
  const feed = createServer(async (_, response) => {
    response.write('id,email,name\n');
    for (let at = 0; at < people; at++) {
      if (at === 3000) await goOn;
      response.write(row(at));
    }
    response.end();
  });
  await new Promise<void>((done) => feed.listen(0, '127.0.0.1', done));
  database.onEnd(async () => {
    feed.close();
  });
  return { url: `http://127.0.0.1:${(feed.address() as AddressInfo).port}/people.csv`, goOn: resolve };
}

async function companyReading(url: string): Promise<Company> {
  const acme = await makeCompany(server, database);
  await acme.api('put', '/directories/hr').send({ kind: 'csv', config: { url } }).expect(200);
  return acme;
}

/** Each event of a stream as it comes: its name, and the run. */
async function* eventsOf(acme: Company, run: string) {
  const url = `${server.url}/api/v1/organizations/${acme.slug}/runs/${run}/events`;
  const answer = await fetch(url, { headers: { authorization: server.operator } });
  assert.equal(answer.headers.get('content-type'), 'text/event-stream');
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += new TextDecoder().decode(chunk);
    const whole = text.split('\n\n');
    text = whole.pop() ?? '';
    for (const event of whole) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
      if (name !== undefined) yield { name, run: JSON.parse(data ?? '') };
    }
  }
}

async function allEvents(acme: Company, run: string) {
  const events: { name: string; run: { status: string; error: string } }[] = [];
  for await (const event of eventsOf(acme, run)) events.push(event);
  return events;
}

describe('a run under way', () => {
  it('given a long feed, then its phase and number are told while it goes, and the events end with what has become of it', async () => {
    const feed = await startSlowFeed(5000);
    const acme = await companyReading(feed.url);
    const begun = await acme.api('post', '/directories/hr/runs').send({ wait: false }).expect(202);
    assert.deepEqual([begun.body.status, begun.body.progress.phase], ['staging', 'reading']);

    const told: string[] = [];
    for await (const { name, run } of eventsOf(acme, begun.body.id)) {
      told.push(`${name} ${run.status} ${run.progress?.records ?? ''}`.trim());
      if (run.progress?.records === 1000) {
        const { body } = await acme.api('get', `/runs/${run.id}`).expect(200);
        assert.partialDeepStrictEqual(body.progress, { phase: 'reading', records: 1000, expected: 0 });
        assert.ok(Date.now() - Date.parse(body.progress.since) < 60_000);
        const { lastRun } = (await acme.api('get', '/directories/hr').expect(200)).body;
        assert.deepEqual([lastRun.id, lastRun.status], [run.id, 'staging']);
        feed.goOn();
      }
    }
    assert.ok(told.includes('progress staging 1000'), told.join(', '));
    assert.equal(told.at(-1), 'end applied');
    const { body } = await acme.api('get', `/runs/${begun.body.id}`).expect(200);
    assert.deepEqual([body.progress, body.counts], [null, { 'user.create': 5000 }]);
  });

  it('given a run that has ended, then its events say so at once', async () => {
    const acme = await makeCompany(server, database);
    acme.write('E1,ana@acme.example,Ana,Sales,Manager,active');
    const { id } = await acme.sync();
    const events = await allEvents(acme, id);
    assert.deepEqual(
      events.map(({ name, run }) => [name, run.status]),
      [['end', 'applied']],
    );
  });

  it('given a run that can not even begin, or fails later, then whoever does not wait learns it', async () => {
    const acme = await companyReading('http://127.0.0.1:1/people.csv');
    await acme.api('post', '/directories/nowhere/runs').send({ wait: false }).expect(404);
    await acme.api('put', '/directories/idp').send({ kind: 'scim' }).expect(200);
    await acme.api('post', '/directories/idp/runs').send({ wait: false }).expect(409);

    acme.write();
    await acme
      .api('put', '/directories/file')
      .send({ kind: 'csv', config: { file: `${acme.feed}.not` } })
      .expect(200);
    const { body } = await acme.api('post', '/directories/file/runs').send({ wait: false }).expect(202);
    const [last] = (await allEvents(acme, body.id)).slice(-1);
    assert.deepEqual([last?.name, last?.run.status], ['end', 'failed']);
    assert.match(last?.run.error ?? '', /no such file/i);
  });

  it('given another organization’s run, then there are no events to see', async () => {
    const [acme, other] = [await makeCompany(server, database), await makeCompany(server, database)];
    acme.write('E1,ana@acme.example,Ana,Sales,Manager,active');
    const { id } = await acme.sync();
    await other.api('get', `/runs/${id}/events`).expect(404);
  });
});
