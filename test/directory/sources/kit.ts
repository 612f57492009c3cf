/**
 * What every kind of source must stand. Whoever writes one writes a double of the system it reads, which serves a `World` page by page,
 * and says `checkSource('my kind', { start, pageSize, groups })` in a test file of its own. For systems that speak HTTP,
 * `startHttpDouble` (test/doubles/http-double.ts) brings `pages`, `meet` and `close`; `kit.test.ts` shows one whole.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { downloader } from '../../../src/directory/sources/download.ts';
import { sender } from '../../../src/directory/sources/http.ts';
import type { Source, SourceContext, SourceRecord } from '../../../src/directory/sources/source.ts';
import { Fault } from '../../../src/errors.ts';
import { outboundFetch } from '../../../src/http/outbound.ts';
import type { HttpFault } from '../../doubles/http-double.ts';
import { makeWorld, shouldShow, shown, type World } from './world.ts';

/** A made-up system with people in it. */
export interface SourceDouble {
  /** Opens the kind under test on this system, in the kit's world and with the double's own secrets. */
  open(context: Omit<SourceContext<never>, 'secrets'>): Source;
  /** How many pages of records it was asked for so far. */
  pages(): number;
  /** Once that many pages were served well, the next so many requests for a page meet this instead. */
  meet(fault: HttpFault, afterPages: number, times: number): void;
  close(): Promise<void>;
}

export interface SourceUnderTest {
  /** Starts the system; it serves what stands in `world` at the moment of each request. */
  start(world: World): Promise<SourceDouble>;
  /** How many people the double puts on a page; `null` where everything comes in one answer. */
  readonly pageSize: number | null;
  /** Whether the source says who is in which group. */
  readonly groups: boolean;
  /** Faults that this system can not have, such as `rate-limit` where it does not speak HTTP. */
  readonly cannot?: readonly HttpFault[];
  /** Where ids are given by the system itself, so that none is missing and none comes twice. */
  readonly soundIds?: boolean;
  /** Whether the source can be asked for one person. */
  readonly onePerson?: boolean;
  /** Where its readings of changes do not tell of people who were erased. */
  readonly erasedUnseen?: boolean;
}

/** How long the kit's source waits for an answer. */
const TIMEOUT_MS = 1000;

/** Makes what a source is given of the world: pauses are written down instead of made, and an answer must come in a second. */
export function kitContext() {
  const waits: number[] = [];
  const fetch = outboundFetch({ allowPrivateNetwork: true, timeout: TIMEOUT_MS });
  const wait = async (ms: number) => waits.push(ms);
  const asking = { fetch, wait, tries: 3 };
  const ways = { send: sender(asking), download: downloader(asking) };
  const context = { ...ways, now: () => new Date(), allowPrivateNetwork: true };
  return { context, waits };
}

/** Reads everything. */
export async function readAll(source: Source, since: string | null = null) {
  const reading = await source.read(since);
  const records: SourceRecord[] = [];
  for await (const record of reading.records) records.push(record);
  return { extent: reading.extent, records, cursor: reading.cursor() };
}

/** Declares the tests. */
export function checkSource(name: string, tested: SourceUnderTest): void {
  const { pageSize, groups, cannot = [], soundIds = false } = tested;
  const page = pageSize ?? 10;
  const can = (fault: HttpFault) => !cannot.includes(fault);
  const within = async (
    count: number,
    work: (given: { world: World; double: SourceDouble; source: Source; waits: number[] }) => Promise<void>,
  ) => {
    const world = makeWorld(count);
    const double = await tested.start(world);
    const { context, waits } = kitContext();
    try {
      await work({ world, double, source: double.open(context), waits });
    } finally {
      await double.close();
    }
  };

  describe(`${name} (kit)`, () => {
    it('given several pages, then everybody and every membership is read', async () => {
      await within(page * 3 + 2, async ({ world, source }) => {
        const { records } = await readAll(source);
        assert.deepEqual(
          records.filter(({ kind }) => kind === 'bad'),
          [],
        );
        assert.deepEqual(shown(records), shouldShow(world, groups));
        const keys = records.flatMap((record) => (record.kind === 'user' ? [record.sourceKey] : []));
        assert.equal(new Set(keys).size, keys.length, 'nobody is said twice');
      });
    });

    it('given exactly full pages, or a single person, then nobody is missed', async () => {
      for (const count of [1, page, page * 2]) {
        await within(count, async ({ world, source }) => {
          assert.deepEqual(shown((await readAll(source)).records), shouldShow(world, groups));
        });
      }
    });

    it('given one person is asked for, then what a whole reading says of them is told, or that there is nobody', async () => {
      await within(page + 2, async ({ source, double }) => {
        assert.equal(source.readPerson !== undefined, tested.onePerson === true);
        if (source.readPerson === undefined) return;
        const { records } = await readAll(source);
        const people = records.filter((record) => record.kind === 'user');
        for (const person of [people[0], people.at(-1)]) {
          assert.deepEqual(await source.readPerson(person?.sourceKey ?? ''), person);
        }
        assert.equal(await source.readPerson('nobody(*)'), null);
        if (can('denied')) {
          double.meet('denied', 0, Number.POSITIVE_INFINITY);
          await assert.rejects(readAll(source), isRefusal);
        }
      });
    });

    it('given it is read again, then it says the same', async () => {
      await within(page + 1, async ({ source }) => {
        const [first, second] = [await readAll(source), await readAll(source)];
        assert.deepEqual(second.records, first.records);
      });
    });

    it('FEED-1: given nobody, then it says nobody, and ends well', async () => {
      await within(0, async ({ source }) => {
        const { records } = await readAll(source);
        assert.deepEqual(
          records.filter(({ kind }) => kind !== 'group'),
          [],
        );
      });
    });

    it('given the reader takes one record and stops, then no further page was asked for', {
      skip: pageSize === null && 'everything comes in one answer',
    }, async () => {
      await within(page * 5, async ({ source, double }) => {
        const { records } = await source.read(null);
        for await (const record of records) {
          assert.notEqual(record.kind, 'bad');
          await pause(50);
          break;
        }
        assert.equal(double.pages(), 1);
      });
    });

    for (const fault of (['cut-off', 'truncated', 'login-page', 'hang', 'trickle', 'denied'] as const).filter(can)) {
      for (const afterPages of pageSize === null ? [0] : [0, 1]) {
        const when = afterPages === 0 ? 'at once' : 'on the second page';
        it(`FEED-3, FEED-19: given ${fault} ${when}, however often it asks, then that is an error, not the end`, async () => {
          await within(page * 3, async ({ source, double }) => {
            double.meet(fault, afterPages, Number.POSITIVE_INFINITY);
            await assert.rejects(readAll(source), isRefusal);
          });
        });
      }
    }

    it('FEED-18: given a page that comes again and again, then that is an error, and it ends', {
      skip: (pageSize === null || !can('repeat')) && 'no page can come again',
    }, async () => {
      await within(page * 3, async ({ source, double }) => {
        double.meet('repeat', 1, Number.POSITIVE_INFINITY);
        await assert.rejects(readAll(source), isRefusal);
      });
    });

    for (const fault of (['server-error', 'rate-limit'] as const).filter(can)) {
      it(`given ${fault} twice and then an answer, then it asks again and reads everybody once`, async () => {
        await within(page * 3, async ({ world, source, double, waits }) => {
          double.meet(fault, pageSize === null ? 0 : 1, 2);
          assert.deepEqual(shown((await readAll(source)).records), shouldShow(world, groups));
          assert.equal(waits.length, 2);
          if (fault === 'rate-limit') assert.deepEqual(waits, [7000, 7000], 'the pause that was asked for');
        });
      });
    }

    it('given a record without an id, then it is told as bad and the others are read', { skip: soundIds }, async () => {
      await within(page + 5, async ({ world, source }) => {
        const [nameless] = world.people.splice(0, 1, { ...world.people[0], id: '' } as World['people'][0]);
        const { records } = await readAll(source);
        const bad = records.filter((record) => record.kind === 'bad');
        assert.deepEqual(
          bad.map(({ sourceKey }) => sourceKey),
          [null],
        );
        world.people = world.people.filter(({ id }) => id !== '');
        assert.deepEqual(shown(records).people, shouldShow(world, groups).people, nameless?.email);
      });
    });

    it('FEED-4: given the same id twice, then both are told, or it is refused', { skip: soundIds }, async () => {
      await within(page + 5, async ({ world, source }) => {
        world.people.push({ ...world.people[2], email: 'twin@acme.example' } as World['people'][0]);
        const outcome = await readAll(source).catch(refusalOnly);
        if (outcome === null) return;
        const twins = outcome.records.filter(
          (record) => record.kind === 'bad' || (record.kind === 'user' && record.externalId === world.people[2]?.id),
        );
        assert.equal(twins.length, 2);
      });
    });

    it('FEED-16: given somebody leaves while it is read, then nobody who stays is missed, or it is refused', {
      skip: pageSize === null && 'everything comes in one answer',
    }, async () => {
      await within(page * 4, async ({ world, source }) => {
        const read: SourceRecord[] = [];
        const reading = async () => {
          for await (const record of (await source.read(null)).records) {
            if (read.push(record) === 1) world.people.splice(0, 1);
          }
          return read;
        };
        const outcome = await reading().catch(refusalOnly);
        if (outcome === null) return;
        const seen = shown(outcome).people;
        assert.deepEqual(
          Object.keys(shouldShow(world, groups).people).filter((email) => !(email in seen)),
          [],
        );
      });
    });

    it('given changes since a reading, then that reading and the next, from its cursor, give what is there now', async () => {
      await within(page * 2, async ({ world, source }) => {
        const first = await readAll(source);
        change(world, tested.erasedUnseen === true);
        const next = await readAll(source, first.cursor);
        const all = next.extent === 'full' ? next.records : [...first.records, ...next.records];
        assert.deepEqual(shown(all), shouldShow(world, groups));
      });
    });
  });
}

/** Somebody is renamed, somebody leaves, somebody is new, and each group has a member more or less. */
function change(world: World, keepAll: boolean): void {
  const [renamed] = world.people;
  if (renamed !== undefined) renamed.family = 'Renamed';
  const suspended = world.people[3];
  if (suspended !== undefined) suspended.active = false;
  if (!keepAll) {
    const [gone] = world.people.splice(1, 1);
    for (const group of world.groups) group.members = group.members.filter((id) => id !== gone?.id);
  }
  world.people.push({ id: 'new', email: 'new@acme.example', given: 'New', family: 'Person', active: true });
  world.groups[0]?.members.shift();
  world.groups[1]?.members.push('new');
}

function isRefusal(error: unknown): boolean {
  assert.ok(error instanceof Fault, String(error));
  assert.ok(['invalid-feed', 'upstream-failed'].includes(error.code), error.code);
  return true;
}

function refusalOnly(error: unknown): null {
  isRefusal(error);
  return null;
}
