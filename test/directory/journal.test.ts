/** A reading in which one record may take back another: the later counts, whether both come at once or far apart. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stage } from '../../src/directory/reconcile/stage.ts';
import type { Reading, SourceRecord } from '../../src/directory/sources/source.ts';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase, TEST_ORIGIN } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const person = (id: string, displayName = id): SourceRecord => ({
  ...{ kind: 'user', sourceKey: id, externalId: null, userName: id, email: `${id}@acme.example`, displayName },
  ...{ active: true, startsOn: null, endsOn: null, groups: [], attributes: {}, where: id },
});
const group = (groupKey: string, name: string): SourceRecord => ({ kind: 'group', groupKey, name });
const gone = (what: 'user' | 'group', key: string): SourceRecord => ({ kind: 'gone', what, key });
const member = (memberKey: string): SourceRecord => ({ kind: 'member', groupKey: 'g', memberKey, memberIs: 'user' });
const noMember = (memberKey: string): SourceRecord => ({ kind: 'no-member', groupKey: 'g', memberKey });

/** What is staged of records that come at once, or each in a batch of its own. */
async function staged(records: readonly SourceRecord[], reading: Pick<Reading, 'extent' | 'journal'>, apart: boolean) {
  const company = await makeCompany(server, database);
  const { directoryId, runId } = await company.within(async ({ db, organizationId }) => {
    const { id: directoryId } = await db.selectFrom('directories').select('id').executeTakeFirstOrThrow();
    const given = {
      organization_id: organizationId,
      directory_id: directoryId,
      trigger: 'test',
      status: 'staging' as const,
    };
    const { id: runId } = await db.insertInto('sync_runs').values(given).returning('id').executeTakeFirstOrThrow();
    return { directoryId, runId };
  });
  const filler = Array.from({ length: 2000 }, (_, at) => noMember(`filler ${at}`));
  async function* said() {
    for (const record of records) {
      yield record;
      if (apart) yield* filler.slice(1);
    }
  }
  const request = { organizationId: company.id, directoryId, origin: TEST_ORIGIN };
  await stage(server.deps.store.db, request, runId, { ...reading, records: said(), cursor: () => null });
  return company.within(async ({ db }) => ({
    users: (await db.selectFrom('staged_users').select('display_name').orderBy('display_name').execute()).map(
      (row) => row.display_name,
    ),
    groups: (await db.selectFrom('staged_groups').select('name').orderBy('name').execute()).map((row) => row.name),
    members: (await db.selectFrom('staged_links').select('member_key').orderBy('member_key').execute()).map(
      (row) => row.member_key,
    ),
    gone: (
      await db
        .selectFrom('staged_gone')
        .select(['what', 'key', 'member_key'])
        .where('member_key', 'not like', 'filler%')
        .orderBy('what')
        .orderBy('key')
        .orderBy('member_key')
        .execute()
    ).map((row) => `${row.what} ${row.key} ${row.member_key}`.trim()),
    bad: (await db.selectFrom('staged_bad').select('reason').execute()).map((row) => row.reason),
  }));
}

const STORY = [
  ...[person('ana', 'Ana'), person('ana', 'Ana Second'), person('ben', 'Ben'), gone('user', 'ben')],
  ...[gone('user', 'cam'), person('cam', 'Cam')],
  ...[
    group('g', 'Alpha'),
    group('g', 'Beta'),
    group('h', 'Gone'),
    gone('group', 'h'),
    gone('group', 'i'),
    group('i', 'Back'),
  ],
  ...[member('ana'), noMember('ana'), noMember('ben'), member('ben')],
];

describe('a journal', () => {
  for (const apart of [false, true]) {
    for (const reading of [{ extent: 'changes' }, { extent: 'full', journal: true }] as const) {
      const how = `${reading.extent === 'full' ? 'everything' : 'changes'}, ${apart ? 'far apart' : 'at once'}`;
      it(`given records that take back each other (${how}), then the last word on each counts`, async () => {
        assert.deepEqual(await staged(STORY, reading, apart), {
          users: ['Ana Second', 'Cam'],
          groups: ['Back', 'Beta'],
          members: ['ben'],
          gone: ['group h', 'member g ana', 'user ben'],
          bad: [],
        });
      });
    }
  }

  it('given a whole reading that is none, then two records about the same person are told, and neither is preferred', async () => {
    for (const apart of [false, true]) {
      const { users, bad } = await staged([person('ana', 'Ana'), person('ana', 'Other')], { extent: 'full' }, apart);
      assert.deepEqual(users, ['Ana']);
      assert.equal(bad.length, 1);
    }
  });
});
