/** How sources ask by HTTP: again where that may help, after the pause that is asked for, and never taking an error for an answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jsonOf, sender } from '../../../src/directory/sources/http.ts';

const URL = 'https://hr.test/people?token=secret';

/** A sender whose server answers these, one after the other, and the last again and again; one that throws is no answer. */
function asking(...answers: (() => Response)[]) {
  const waits: number[] = [];
  let asked = 0;
  const send = sender({
    fetch: async () => {
      const answer = answers[Math.min(asked, answers.length - 1)]!;
      asked += 1;
      return answer();
    },
    wait: async (ms) => waits.push(ms),
    random: () => 0.5,
    maxBytes: 1000,
  });
  return { send, waits, count: () => asked };
}

const ok = () => new Response('{"a":1}');
const status =
  (code: number, headers: Record<string, string> = {}) =>
  () =>
    new Response('', { status: code, headers });
const nothing = () => {
  throw new TypeError('terminated');
};

describe('a source that is asked by HTTP', () => {
  it('given it answers, then it is asked once', async () => {
    const { send, count } = asking(ok);
    assert.deepEqual(jsonOf(URL, await send(URL)), { a: 1 });
    assert.equal(count(), 1);
  });

  it('given it breaks off and answers 500 and 503, then it is asked again after growing pauses', async () => {
    const { send, waits } = asking(nothing, status(500), status(503), ok);
    assert.equal((await send(URL)).status, 200);
    assert.deepEqual(waits, [500, 1000, 2000]);
  });

  it('given it answers 429 with Retry-After, then just that pause is made, in seconds or until a time', async () => {
    const { send, waits } = asking(
      status(429, { 'retry-after': '7' }),
      status(429, { 'retry-after': new Date(Date.now() + 30_000).toUTCString() }),
      ok,
    );
    await send(URL);
    assert.equal(waits[0], 7000);
    assert.ok(waits[1]! > 25_000 && waits[1]! <= 30_000, String(waits[1]));
  });

  it('given 429 with the time at which the limit is reset, then it waits until then', async () => {
    const { send, waits } = asking(
      status(429, { 'x-rate-limit-reset': String(Math.ceil(Date.now() / 1000) + 20) }),
      ok,
    );
    await send(URL);
    assert.ok(waits[0]! > 15_000 && waits[0]! <= 21_000, String(waits[0]));
  });

  it('given it never answers otherwise, then it is given up, and the address is told without its query', async () => {
    for (const answer of [status(500), nothing]) {
      const { send, count } = asking(answer);
      await assert.rejects(send(URL), (error: { code: string; where: string }) => {
        assert.deepEqual([error.code, error.where], ['upstream-failed', 'https://hr.test/people']);
        return true;
      });
      assert.equal(count(), 6);
    }
  });

  it('given a pause that is longer than all patience, then it is given up at once', async () => {
    const { send, count } = asking(status(429, { 'retry-after': '86400' }));
    await assert.rejects(send(URL), { code: 'upstream-failed' });
    assert.equal(count(), 1);
  });

  it('given 401 or something that is no JSON, then that is an error, not nobody', async () => {
    const denied = asking(status(401));
    const answer = await denied.send(URL);
    assert.throws(() => jsonOf(URL, answer), { code: 'upstream-failed', message: /401/ });
    const page = await asking(() => new Response('<html>')).send(URL);
    assert.throws(() => jsonOf(URL, page), { code: 'upstream-failed' });
  });

  it('given more than it may answer at once, or bytes that are no text, then it is refused', async () => {
    await assert.rejects(asking(() => new Response('x'.repeat(1001))).send(URL), { code: 'invalid-feed' });
    await assert.rejects(asking(() => new Response(Buffer.from([0xff, 0xfe]))).send(URL), { code: 'upstream-failed' });
  });
});
