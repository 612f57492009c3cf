/** "Who is this?": every combination of what may be known of a login, against the one sentence that decides it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { identify, type KnownFacts, type KnownPerson } from '../../src/sign-in/identify.ts';

const STATUSES = ['active', 'suspended', 'deprovisioned'] as const;
const persons = (userId: string): (KnownPerson | null)[] => [null, ...STATUSES.map((status) => ({ userId, status }))];
const booleans = [true, false];

function* everything(): Generator<{ email: string | null; known: KnownFacts }> {
  for (const email of [null, 'mia@acme.test'])
    for (const identity of persons('by identity'))
      for (const holderOfEmail of email === null ? [null] : persons('by e-mail'))
        for (const holderHasIdentity of booleans)
          for (const domainVerified of booleans)
            for (const domainServed of booleans)
              for (const justInTime of booleans)
                for (const invited of booleans)
                  yield {
                    email,
                    known: {
                      identity,
                      holderOfEmail,
                      holderHasIdentity,
                      domainVerified,
                      domainServed,
                      justInTime,
                      invited,
                    },
                  };
}

const cases = [...everything()];
const verdicts = cases.map(({ email, known }) => ({ email, known, verdict: identify({ email }, known) }));

describe('who is this?', () => {
  it('given any facts, then nobody but an active person, or a new one, is let in', () => {
    assert.ok(cases.length > 100);
    for (const { known, verdict } of verdicts) {
      if (verdict.kind === 'known') assert.deepEqual(known.identity, { userId: verdict.userId, status: 'active' });
      if (verdict.kind === 'link') assert.deepEqual(known.holderOfEmail, { userId: verdict.userId, status: 'active' });
      if (verdict.kind === 'create') assert.equal(known.holderOfEmail, null);
    }
  });

  it('given a known identity, then the e-mail address decides nothing', () => {
    for (const { known, verdict } of verdicts.filter((each) => each.known.identity !== null)) {
      const expected = known.identity?.status === 'active' ? 'known' : 'refuse';
      assert.equal(verdict.kind, expected);
    }
  });

  it('given no known identity and a domain that is not verified or not served, then nobody is linked or created', () => {
    const counts = ({ domainVerified, domainServed }: KnownFacts) => domainVerified && domainServed;
    const foreign = verdicts.filter(({ known }) => known.identity === null && !counts(known));
    for (const { verdict } of foreign) assert.equal(verdict.kind, 'refuse');
  });

  it('given no known identity, then only newcomers that are wanted are created', () => {
    for (const { email, known, verdict } of verdicts.filter((each) => each.known.identity === null)) {
      const domainCounts = known.domainVerified && known.domainServed;
      const newcomer =
        email !== null && domainCounts && known.holderOfEmail === null && (known.justInTime || known.invited);
      assert.equal(verdict.kind === 'create', newcomer);
    }
  });

  it('given an address whose person signs in here under another subject, then they are not linked', () => {
    for (const { known, verdict } of verdicts)
      if (verdict.kind === 'link') assert.equal(known.holderHasIdentity, false);
  });

  it('given a refusal, then it names a check, a reason and what to do', () => {
    for (const { verdict } of verdicts) {
      if (verdict.kind === 'refuse') assert.ok(verdict.check && verdict.finding.reason && verdict.finding.remedy);
    }
  });
});
