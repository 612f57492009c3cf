/** The services for which there is a preset, by doubles after their documentation, with the traps of each; and Workday's reports. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rest } from '../../../src/directory/sources/rest.ts';
import { workday } from '../../../src/directory/sources/workday.ts';
import {
  PAGE,
  startBambooHr,
  startHiBob,
  startPersonio,
  startRippling,
  startWorkday,
} from '../../doubles/hr-services.ts';
import type { HttpDouble } from '../../doubles/http-double.ts';
import { checkSource, kitContext, readAll } from './kit.ts';
import { makeWorld, shouldShow, shown, type World } from './world.ts';

type Preset = 'bamboohr' | 'hibob' | 'personio' | 'rippling';

const SECRETS = {
  bamboohr: { username: 'key-of-the-double' },
  hibob: { username: 'service-user', password: 'token-of-the-double' },
  personio: { clientId: 'client', clientSecret: 'secret-of-the-double' },
  rippling: { token: 'token-of-the-double' },
};

function open(preset: Preset, double: HttpDouble, context = kitContext().context) {
  const baseUrl = preset === 'bamboohr' ? `${double.url}/api/v1` : double.url;
  return rest.open(rest.settings.parse({ preset, baseUrl }), { ...context, secrets: SECRETS[preset] });
}

const under = (preset: Preset, start: (world: World) => Promise<HttpDouble>, pageSize: number | null) => ({
  start: async (world: World) => {
    const double = await start(world);
    return { ...double, open: (context: ReturnType<typeof kitContext>['context']) => open(preset, double, context) };
  },
  pageSize,
  groups: true,
  // One of them shows how long is waited; the others ask in the same way.
  cannot: preset === 'hibob' ? [] : (['hang', 'trickle'] as const),
});

checkSource('BambooHR', under('bamboohr', startBambooHr, PAGE));
checkSource('HiBob', under('hibob', startHiBob, null));
checkSource('Personio', under('personio', startPersonio, PAGE));
checkSource('Rippling', under('rippling', startRippling, PAGE));

const REPORT = 'ccx/service/customreport2/acme/ISU_Reports/Workers';
const REPORT_FIELDS = {
  id: 'Employee_ID',
  email: 'Email',
  name: 'Worker',
  status: 'Active',
  startsOn: 'Hire_Date',
  groups: 'Supervisory_Organizations.Name',
};

checkSource('a Workday report', {
  start: async (world) => {
    const double = await startWorkday(world);
    const said = { url: `${double.url}/${REPORT}`, fields: REPORT_FIELDS, active: ['1'], inactive: ['0'] };
    const secrets = { username: 'ISU_Reports', password: 'password-of-the-double' };
    return { ...double, open: (context) => workday.open(workday.settings.parse(said), { ...context, secrets }) };
  },
  pageSize: null,
  groups: true,
  cannot: ['hang', 'trickle'],
});

/** What a person with no end looks like, and one who has left. */
async function firstAndLeft(preset: Preset, start: (world: World) => Promise<HttpDouble>) {
  const double = await start(makeWorld(PAGE));
  try {
    const { records } = await readAll(open(preset, double));
    const users = records.filter((record) => record.kind === 'user');
    return [users[0], users.at(-1)].map((user) => [user?.active, user?.startsOn, user?.endsOn]);
  } finally {
    await double.close();
  }
}

describe('what the services say of days', () => {
  for (const [preset, start] of [
    ['bamboohr', startBambooHr],
    ['hibob', startHiBob],
    ['personio', startPersonio],
    ['rippling', startRippling],
  ] as const) {
    it(`given ${preset}, then the first and last days are read as they stand there, and no day as none`, async () => {
      assert.deepEqual(await firstAndLeft(preset, start), [
        [true, '2020-02-29', null],
        [false, '2020-02-29', '2024-01-31'],
      ]);
    });
  }
});

describe('traps of their own', () => {
  it('BambooHR: given a field that the key may not read, then nobody is changed by its absence', async () => {
    const double = await startBambooHr(makeWorld(3), { restricted: ['status', 'birthDate'] });
    const { records } = await readAll(open('bamboohr', double));
    await double.close();
    assert.deepEqual(
      records.map((record) => (record.kind === 'bad' ? [record.sourceKey, record.reason] : record)),
      ['p1', 'p2', 'p3'].map((id) => [id, 'status may not be read']),
    );
  });

  it('BambooHR: given no company and no address, then the settings say what is missing', () => {
    const { error } = rest.settings.safeParse({ preset: 'bamboohr' });
    assert.deepEqual(error?.issues[0]?.path, ['baseUrl']);
    assert.ok(rest.settings.safeParse({ preset: 'bamboohr', company: 'acme' }).success);
  });

  for (const [permitted, missing] of [
    [['root', 'work'], 'internal.status'],
    [['root', 'internal'], 'humanReadable.work.department'],
  ] as const) {
    it(`HiBob: given a service user who may not see ${missing}, then that is an error, and nobody loses anything`, async () => {
      const double = await startHiBob(makeWorld(5), { permitted });
      await assert.rejects(readAll(open('hibob', double)), (error: { code: string; message: string }) => {
        assert.equal(error.code, 'invalid-feed');
        return error.message.includes(missing) || /neither known as active/.test(error.message);
      });
      await double.close();
    });
  }

  it('HiBob: given somebody who has left, then that is told, for it is asked for', async () => {
    const double = await startHiBob(makeWorld(20));
    const { records } = await readAll(open('hibob', double));
    await double.close();
    assert.equal(records.filter((record) => record.kind === 'user' && !record.active).length, 2);
  });

  it('Personio: given a token that ends midway, then a new one is fetched once, and everybody is read', async () => {
    const world = makeWorld(PAGE * 3);
    const double = await startPersonio(world);
    const read = [];
    for await (const record of (await open('personio', double).read(null)).records) {
      if (read.push(record) === 1) double.revoke();
    }
    await double.close();
    assert.deepEqual(shown(read), shouldShow(world, true));
    assert.equal(double.issued(), 2);
  });

  it('Personio: given somebody leaves and another comes while pages are read, then that is seen, though the total is the same', async () => {
    const world = makeWorld(PAGE * 3);
    const double = await startPersonio(world);
    await assert.rejects(async () => {
      let count = 0;
      for await (const _ of (await open('personio', double).read(null)).records) {
        count += 1;
        if (count === 1) world.people = [...world.people.slice(1), { ...makeWorld(1).people[0]!, id: 'new' }];
      }
    }, /does not begin where the one before ended/);
    await double.close();
  });

  it('Workday: given an API client with a refresh token, then it is asked by an access token', async () => {
    const world = makeWorld(4);
    const double = await startWorkday(world);
    const said = {
      url: `${double.url}/${REPORT}`,
      tokenUrl: `${double.url}/ccx/oauth2/acme/token`,
      fields: REPORT_FIELDS,
      active: ['1'],
      inactive: ['0'],
    };
    const secrets = { clientId: 'client', clientSecret: 'secret-of-the-double', refreshToken: 'refresh-of-the-double' };
    const source = workday.open(workday.settings.parse(said), { ...kitContext().context, secrets });
    assert.deepEqual(shown((await readAll(source)).records), shouldShow(world, true));
    await double.close();
  });

  it('Workday: given 200,000 workers in one answer, then no more of it is read than is asked for', async () => {
    const entry = (at: number) =>
      JSON.stringify({ Employee_ID: `E${at}`, Email: `e${at}@acme.example`, Worker: 'Ana', Active: '1' });
    let [sent, read] = [0, 0];
    async function* report() {
      yield Buffer.from('{"Report_Entry":[');
      for (; sent < 200_000; sent += 1000) {
        const entries = Array.from({ length: 1000 }, (_, more) => entry(sent + more)).join(',');
        yield Buffer.from(sent === 0 ? entries : `,${entries}`);
      }
      yield Buffer.from(']}');
    }
    const said = { url: 'https://workday.test/report', fields: { id: 'Employee_ID', email: 'Email', name: 'Worker' } };
    const secrets = { username: 'a', password: 'b' };
    const context = { ...kitContext().context, download: async () => report(), secrets };
    for await (const record of (await workday.open(workday.settings.parse(said), context).read(null)).records) {
      assert.equal(record.kind, 'user');
      read += 1;
      assert.ok(sent - read <= 1000, `${sent} were sent when ${read} were read`);
    }
    assert.equal(read, 200_000);
  });
});
