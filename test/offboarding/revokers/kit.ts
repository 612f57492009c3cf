/**
 * What every revoker must stand. Whoever writes one writes a double of the provider (`ProviderDouble`, on `startHttpDouble`), and says
 * `checkRevoker('my provider', { start })` in a test file of its own. Whatever a provider does, what still works there is never told as
 * ended.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outboundFetch } from '../../../src/http/outbound.ts';
import type { Outcome } from '../../../src/offboarding/next-step.ts';
import { providerInput } from '../../../src/offboarding/provider.ts';
import { openRevoker } from '../../../src/offboarding/revokers/open.ts';
import type { HttpFault } from '../../doubles/http-double.ts';
import type { ProviderDouble } from '../../doubles/providers/provider-double.ts';

export interface RevokerUnderTest<Double extends ProviderDouble> {
  start(): Promise<Double>;
  /** Names of our own secrets; with another value, the provider refuses us. None where it knows only the leaver's token. */
  readonly secrets: readonly string[];
  /** Whether the provider tells afterwards what is still there, so that a lie comes out. */
  readonly probes: boolean;
  /** How many tries it may take; more than one where the provider does it later. */
  readonly tries?: number;
  /** Whether a 401 is the provider's way to say that the token is gone. */
  readonly deniedMeansGone?: boolean;
  /** Leaves out faults of the wire, where another test of the same revoker has had them. */
  readonly briefly?: boolean;
}

const LEA = 'lea@acme.example';
const MAX = 'max@acme.example';
const FAULTS: readonly HttpFault[] = [
  'cut-off',
  'truncated',
  'login-page',
  'server-error',
  'rate-limit',
  'hang',
  'huge',
];

interface Asked {
  readonly said: Record<string, unknown>;
  readonly kind: 'access_token' | 'refresh_token';
  readonly externalId: string;
  /** How long an answer may take, in milliseconds. */
  readonly timeout: number;
}

/** Has a double end what Lea was given. */
export async function endAt(double: ProviderDouble, token: string | null, more: Partial<Asked> = {}): Promise<Outcome> {
  const { revoker, config, secrets } = providerInput.parse({ slug: 'provider', ...double.said, ...more.said });
  const send = outboundFetch({ allowPrivateNetwork: true, timeout: more.timeout ?? 5000 });
  const opened = openRevoker({ revoker, config, secrets }, send, () => new Date());
  const person = { id: '00000000-0000-4000-8000-000000000001', email: LEA, externalId: more.externalId ?? null };
  const outcome = await (token === null
    ? opened.person?.(person)
    : opened.token?.({ token, kind: more.kind ?? 'access_token' }));
  assert.ok(outcome, 'it ends what the double gives');
  for (const kept of [token, ...Object.values(secrets)])
    assert.ok(typeof kept !== 'string' || !JSON.stringify(outcome).includes(kept), 'no secret in the outcome');
  return outcome;
}

/** Declares the tests. */
export function checkRevoker<Double extends ProviderDouble>(name: string, tested: RevokerUnderTest<Double>): void {
  const within = async (work: (double: Double, token: string | null) => Promise<void>) => {
    const double = await tested.start();
    try {
      double.give(MAX);
      await work(double, double.give(LEA));
      assert.equal(double.works(MAX), true, 'nobody else is touched');
    } finally {
      await double.close();
    }
  };
  const untilDone = async (double: Double, token: string | null) => {
    let outcome = await endAt(double, token);
    for (let tries = 1; tries < (tested.tries ?? 1) && outcome.state === 'retry'; tries += 1)
      outcome = await endAt(double, token);
    return outcome;
  };
  const isDone = ({ state }: Outcome) => state === 'revoked' || state === 'already_gone';

  describe(`${name} (kit)`, () => {
    it('given something that works, then it is ended, and so far as the provider lets us, that is proven', async () => {
      await within(async (double, token) => {
        assert.equal(double.works(LEA), true);
        const outcome = await untilDone(double, token);
        assert.ok(isDone(outcome), JSON.stringify(outcome));
        assert.equal(double.works(LEA), false);
        if (outcome.state === 'revoked') assert.equal(outcome.proof['confirmed'], tested.probes);
      });
    });

    it('given it is gone already, then that counts as done', async () => {
      await within(async (double, token) => {
        double.end(LEA);
        const outcome = await endAt(double, token);
        assert.ok(isDone(outcome), JSON.stringify(outcome));
      });
    });

    it('given it is ended twice, then the second is as good as the first', async () => {
      await within(async (double, token) => {
        await untilDone(double, token);
        assert.ok(isDone(await untilDone(double, token)));
      });
    });

    for (const secret of tested.secrets) {
      it(`given our own ${secret} is wrong, then a person is asked, and nothing counts as done`, async () => {
        await within(async (double, token) => {
          const wrong = String(double.said[secret]).replace(/secret|token|key|leaving/, 'wrong');
          const outcome = await endAt(double, token, { said: { [secret]: wrong } });
          assert.equal(outcome.state, 'needs_human', JSON.stringify(outcome));
          assert.equal(double.works(LEA), true);
        });
      });
    }

    it('given 429 with Retry-After, then it is asked again no sooner, and then it ends well', async () => {
      await within(async (double, token) => {
        double.meet('rate-limit', 0, 1);
        const outcome = await endAt(double, token);
        assert.deepEqual(outcome, { state: 'retry', error: 'the server answered 429', retryAfterSeconds: 7 });
        assert.ok(isDone(await untilDone(double, token)));
        assert.equal(double.works(LEA), false);
      });
    });

    it('given it can not be reached, then it is asked again', async () => {
      const double = await tested.start();
      const token = double.give(LEA);
      await double.close();
      assert.equal((await endAt(double, token)).state, 'retry');
    });

    for (const fault of tested.briefly ? [] : [...FAULTS, ...(tested.deniedMeansGone ? [] : (['denied'] as const))]) {
      it(`given ${fault} at any of its requests, then what still works is never told as ended; later it ends well`, async () => {
        let asked = 1;
        for (let before = 0; before < asked; before += 1) {
          await within(async (double, token) => {
            double.meet(fault, before, 1);
            const outcome = await endAt(double, token, fault === 'hang' ? { timeout: 200 } : {});
            if (isDone(outcome)) assert.equal(double.works(LEA), false, JSON.stringify(outcome));
            asked = double.pages();
            double.meet(fault, 0, 0);
            assert.ok(isDone(await untilDone(double, token)), JSON.stringify(outcome));
            assert.equal(double.works(LEA), false);
          });
        }
      });
    }

    it('given a provider that says it is done and does nothing, then that is not believed further than it can be checked', async () => {
      await within(async (double, token) => {
        double.lie();
        const outcome = await endAt(double, token);
        if (tested.probes) assert.equal(outcome.state, 'retry', JSON.stringify(outcome));
        else assert.equal(outcome.state === 'revoked' && outcome.proof['confirmed'], false);
      });
    });
  });
}
