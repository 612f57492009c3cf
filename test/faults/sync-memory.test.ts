/** A large feed in a small process: what is read is held a batch at a time. `MEMORY_ROWS=1000000` says of how many people. */
import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { run, until } from '../harness/command.ts';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const ROWS = Number(process.env['MEMORY_ROWS'] ?? 60_000);
/** Held at once, 60,000 of these rows would take more than twice as much. */
const HEAP_MEGABYTES = 96;
const NOTES = 'said by the source and kept as it is. '.repeat(10);

const database = await openTestDatabase();
const server = await startTestServer(database);

function* feed() {
  yield 'id,email,name,department,title,status,notes\n';
  for (let at = 0; at < ROWS; at++) yield `E${at},p${at}@acme.example,Person ${at},Sales,Agent,active,${at} ${NOTES}\n`;
}

describe('a large feed', () => {
  it(`given ${ROWS} people and ${HEAP_MEGABYTES} MB of heap, then they are all planned, and how far it has got is seen on the way`, async () => {
    const acme = await makeCompany(server, database);
    await pipeline(feed, createWriteStream(acme.feed));
    let ended = false;
    const command = run(database, ['sync', 'plan', 'hr', '--organization', acme.slug], {
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MEGABYTES}`,
    }).finally(() => {
      ended = true;
    });
    const seen = new Set<number>();
    const look = async () => {
      const { body } = await acme.api('get', '/runs?limit=1');
      const { progress } = body.runs[0] ?? {};
      if (progress?.phase === 'reading') seen.add(progress.records);
      return ended;
    };
    await until(look, ROWS / 100, 'the end of the run');
    const { code, stdout, stderr } = await command;
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`: ${ROWS} user\\.create`));
    const onTheWay = [...seen].filter((records) => records > 0 && records < ROWS);
    assert.ok(onTheWay.length > 0, [...seen].join(' '));
  });
});
