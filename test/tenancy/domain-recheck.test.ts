/** Proofs of domains are looked up again: what becomes of a domain whose record goes, comes back, or whose DNS is silent. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { recheckDueDomains } from '../../src/tenancy/domain-recheck.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { type Arranged, organization, within } from '../sign-in/arrange.ts';
import { hostileIdp } from '../sign-in/hostile-idp.ts';

const database = await openTestDatabase();
/** What the DNS of this test says; what it doesn't know is gone. */
const dns = new Map<string, string | Error>();
const asked: string[] = [];
const resolveTxt = async (name: string): Promise<string[][]> => {
  asked.push(name);
  await sleep(20);
  const found = dns.get(name) ?? problem('ENOTFOUND');
  if (found instanceof Error) throw found;
  return [[found]];
};
const server = await startTestServer(database, { resolveTxt });
const { deps: twin } = await startTestServer(database, { resolveTxt });

function problem(code: string): Error {
  return Object.assign(new Error(code), { code });
}

interface Shown {
  readonly name: string;
  readonly verifiedAt: string | null;
  readonly verifiedHow: string | null;
  readonly failingSince: string | null;
  readonly graceEndsAt: string | null;
  readonly proof: { readonly name: string; readonly value: string };
}

const show = async ({ slug }: Arranged, name: string) =>
  (await server.api('get', `/organizations/${slug}/domains/${name}`).expect(200)).body as Shown;
const verify = ({ slug }: Arranged, name: string, how = 'dns') =>
  server.api('post', `/organizations/${slug}/domains/${name}/verify`).send({ how });

/** An organization that has proven a domain by DNS. */
async function proven(slug: string, name = `${slug}.example`): Promise<{ where: Arranged; name: string; at: string }> {
  const where = await organization(server, slug, {}, []);
  const { body } = await server.api('put', `/organizations/${slug}/domains/${name}`).send({}).expect(200);
  dns.set(body.proof.name, body.proof.value);
  await verify(where, name).expect(200);
  return { where, name, at: body.proof.name };
}

/** As if so much time had gone by. */
const later = (where: Arranged, interval: string) =>
  within(
    server.deps,
    where,
    sql`UPDATE domains SET next_check_at = next_check_at - ${interval}::interval, failing_since = failing_since - ${interval}::interval`,
  );

const recheck = () => recheckDueDomains({ ...server.deps, resolveTxt });

/** Lets a day go by, and looks. */
async function nextDay(where: Arranged): Promise<void> {
  await later(where, '1 day 2 hours');
  await recheck();
}

const told = async (where: Arranged) =>
  (
    await within<{ told: string }>(
      server.deps,
      where,
      sql`SELECT action || ' ' || outcome AS told FROM audit_events WHERE action LIKE 'domain.%' ORDER BY id`,
    )
  )
    .map((row) => row.told)
    .slice(2);

describe('the proof of a domain', () => {
  it('given a day has not gone by, then it is not looked up; given it has, then it is, and nothing changes', async () => {
    const { where, name, at } = await proven('steady');
    const before = await show(where, name);
    asked.length = 0;
    await recheck();
    await later(where, '22 hours');
    await recheck();
    assert.deepEqual(asked, []);
    await nextDay(where);
    assert.deepEqual(asked, [at]);
    assert.deepEqual(await show(where, name), before);
    await recheck();
    assert.deepEqual(asked, [at], 'not again on the same day');
    assert.deepEqual(await told(where), []);
  });

  it('given it is gone, then that is told every day, the domain counts for seven days more, and then no longer', async () => {
    const { where, name, at } = await proven('leaving');
    dns.delete(at);
    await nextDay(where);
    const failing = await show(where, name);
    assert.ok(failing.verifiedAt, 'it still counts');
    assert.equal(Date.parse(failing.graceEndsAt!) - Date.parse(failing.failingSince!), 7 * 86_400_000);
    for (let day = 1; day <= 6; day += 1) await nextDay(where);
    assert.deepEqual(
      await told(where),
      Array.from({ length: 7 }, () => 'domain.proof_missing failure'),
    );
    assert.ok((await show(where, name)).verifiedAt);
    await nextDay(where);
    assert.partialDeepStrictEqual(await show(where, name), { verifiedAt: null, verifiedHow: null, failingSince: null });
    assert.equal((await told(where)).at(-1), 'domain.verification_lost failure');
    asked.length = 0;
    await nextDay(where);
    assert.deepEqual(asked, [], 'what is not verified is not looked up');
  });

  it('given it was lost, then another organization can prove the domain, or the same one again', async () => {
    const { where, name, at } = await proven('former');
    dns.delete(at);
    for (let day = 0; day <= 8; day += 1) await nextDay(where);
    assert.equal((await show(where, name)).verifiedAt, null);
    const heir = await organization(server, 'heir', {}, []);
    const { body } = await server.api('put', `/organizations/heir/domains/${name}`).send({}).expect(200);
    dns.set(at, body.proof.value);
    await verify(heir, name).expect(200);
    dns.set(at, (await show(where, name)).proof.value);
    await verify(where, name).expect(409);
  });

  it('given it comes back within the time, then nothing is held against the domain any more', async () => {
    const { where, name, at } = await proven('returning');
    const value = String(dns.get(at));
    dns.set(at, 'drawbridge-verification=something-else');
    await nextDay(where);
    assert.ok((await show(where, name)).failingSince);
    dns.set(at, value);
    await nextDay(where);
    assert.equal((await show(where, name)).failingSince, null);
    assert.deepEqual(await told(where), ['domain.proof_missing failure', 'domain.verification_restored success']);
    dns.delete(at);
    for (let day = 0; day < 6; day += 1) await nextDay(where);
    assert.ok((await show(where, name)).verifiedAt, 'the seven days begin anew');
  });

  it('given somebody mends it and asks at once, then they need not wait for the next day', async () => {
    const { where, name, at } = await proven('mended');
    const value = String(dns.get(at));
    dns.delete(at);
    await nextDay(where);
    dns.set(at, value);
    await verify(where, name).expect(200);
    assert.equal((await show(where, name)).failingSince, null);
    assert.equal((await told(where)).at(-1), 'domain.verification_restored success');
  });

  for (const code of ['ESERVFAIL', 'ETIMEOUT', 'ECONNREFUSED', 'EREFUSED']) {
    it(`given DNS answers ${code} however long, then the domain is not held to fail; it is asked every hour`, async () => {
      const { where, name, at } = await proven(code.toLowerCase());
      dns.set(at, problem(code));
      await nextDay(where);
      asked.length = 0;
      for (let hour = 0; hour < 3; hour += 1) {
        await recheck();
        await later(where, '61 minutes');
        await recheck();
      }
      assert.equal(asked.length, 3);
      for (let day = 0; day < 9; day += 1) await nextDay(where);
      assert.partialDeepStrictEqual(await show(where, name), { verifiedHow: 'dns', failingSince: null });
      assert.deepEqual(await told(where), []);
    });
  }

  it('given the time is over while DNS is silent, then the domain counts until DNS says that the proof is gone', async () => {
    const { where, name, at } = await proven('silent');
    dns.delete(at);
    await nextDay(where);
    dns.set(at, problem('ETIMEOUT'));
    for (let day = 0; day < 9; day += 1) await nextDay(where);
    assert.ok((await show(where, name)).verifiedAt);
    dns.delete(at);
    await nextDay(where);
    assert.equal((await show(where, name)).verifiedAt, null);
  });

  it('given the operator vouches for the domain, from the start or later, then DNS is not asked', async () => {
    const vouched = await organization(server, 'vouched');
    const { where, name, at } = await proven('taken-over');
    dns.delete(at);
    await nextDay(where);
    await verify(where, name, 'operator').expect(200);
    assert.partialDeepStrictEqual(await show(where, name), { verifiedHow: 'operator', failingSince: null });
    asked.length = 0;
    for (let day = 0; day < 9; day += 1) {
      await nextDay(vouched);
      await nextDay(where);
    }
    assert.deepEqual(asked, []);
    assert.ok((await show(vouched, 'vouched.test')).verifiedAt);
  });

  it('given two instances look at once, again and again, then each domain is asked for once', async () => {
    const many = await Promise.all(Array.from({ length: 40 }, (_, at) => proven(`many-${at}`)));
    for (const { where } of many) await later(where, '1 day 2 hours');
    asked.length = 0;
    await Promise.all([1, 2].flatMap(() => [recheck(), recheckDueDomains({ ...twin, resolveTxt })]));
    const names = many.map(({ at }) => at);
    const ours = asked.filter((name) => names.includes(name));
    assert.deepEqual(ours.sort(), names.sort());
  });

  it('given the domain was given up and claimed anew while DNS was asked, then the new claim is left alone', async () => {
    const { where, name, at } = await proven('anew');
    dns.delete(at);
    await later(where, '1 day 2 hours');
    const path = `/organizations/anew/domains/${name}`;
    const claimAnew = async (asking: string) => {
      await server.api('delete', path).expect(204);
      await server.api('put', path).send({ verified: true }).expect(200);
      return resolveTxt(asking);
    };
    await recheckDueDomains({ ...server.deps, resolveTxt: claimAnew });
    assert.partialDeepStrictEqual(await show(where, name), { verifiedHow: 'operator', failingSince: null });
  });
});

describe('a domain that is no longer verified', async () => {
  const { where, name, at } = await proven('gone');
  const other = await proven('staying');
  const idp = await hostileIdp(server, where, 'idp');
  await idp.signIn(`known@${name}`);
  const policy = async (email: string) => (await server.http.get(`/api/v1/sign-in-policy?email=${email}`)).body.sso;
  const ways = async (email: string) =>
    (await server.http.get(`/sign-in?email=${email}`).set('Accept', 'application/json')).body.ways.length;

  it('given the time of grace runs, then people come in as ever', async () => {
    dns.delete(at);
    await nextDay(where);
    await idp.signIn(`in-time@${name}`);
    assert.deepEqual([await policy(`x@${name}`), await ways(`x@${name}`)], ['available', 1]);
  });

  it('given it is over, then nobody new is let in by it, and neither policy nor discovery name it', async () => {
    for (let day = 0; day <= 7; day += 1) await nextDay(where);
    await idp.refuses('domain', (begun) => idp.signed(idp.good(begun, `late@${name}`)));
    assert.deepEqual([await policy(`x@${name}`), await ways(`x@${name}`)], ['none', 0]);
  });

  it('given somebody who has signed in before, then they still do', async () => {
    await idp.signIn(`known@${name}`);
  });

  it('TEN: given another organization’s domain, then it is as it was', async () => {
    assert.partialDeepStrictEqual(await show(other.where, other.name), { verifiedHow: 'dns', failingSince: null });
    assert.deepEqual(await told(other.where), []);
    await server.api('get', `/organizations/staying/domains/${name}`).expect(404);
  });
});
