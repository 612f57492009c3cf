/**
 * The reconcile against a model of it that a child could check: random companies, rules and days. After each day everybody has just what
 * the plain model says, and running again changes nothing.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { type ArrangedCompany, arrangeCompany } from './model/arrange.ts';
import { PlainModel } from './model/plain-model.ts';
import { company, type Event } from './model/world.ts';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 25);
const SEED = process.env['PROPERTY_SEED'];
const database = await openTestDatabase();
const server = await startTestServer(database);

async function happen(arranged: ArrangedCompany, model: PlainModel, what: Event): Promise<void> {
  if (what.kind === 'hr' || what.kind === 'it') {
    const told = what.kind === 'hr' ? arranged.tellHr(what) : arranged.tellIt(what);
    await arranged.run(what.kind, what.mode);
    if (what.mode === 'run') model.read(what.kind, told);
  } else if (what.kind === 'rule') {
    if (what.rule === null && !model.rules.has(what.slug)) return;
    model.changeRule(what.slug, what.rule);
    await arranged.putRule(what.slug, what.rule);
  } else if (what.kind === 'wait') {
    model.wait(what.days);
    await arranged.wait(what.days);
  } else {
    const account = model.account(what.id);
    if (account === undefined) return;
    if (what.kind === 'protect') {
      account.isProtected = what.isProtected;
      return arranged.protect(what.id, what.isProtected);
    }
    if (what.kind === 'by hand' && !account.byHand) {
      account.byHand = true;
      await arranged.grant(what.id);
    }
    // What a hand gives may let a rule's product follow, with the next look at the person.
    model.settle(what.id);
    await arranged.settle(what.id);
  }
}

describe('the one reconcile', () => {
  it('given any company, rules and days, then everybody has what the plain model says, and again changes nothing', async () => {
    let sequences = 0;
    await fc.assert(
      fc.asyncProperty(company, async ({ events, seats, verified, grace, again }) => {
        sequences += 1;
        const arranged = await arrangeCompany(server, seats, verified, grace);
        try {
          const model = new PlainModel(seats, verified, grace);
          const compare = async (when: unknown) =>
            assert.deepEqual(
              await arranged.state(),
              { accounts: model.accounts(), memberships: model.memberships() },
              JSON.stringify(when),
            );
          for (const what of events) {
            await happen(arranged, model, what);
            await compare(what);
          }
          await arranged.run(again, 'run');
          model.read(again, arranged.told(again));
          await compare(`${again} read once more`);
          assert.deepEqual(await arranged.run(again, 'run'), {}, `${again} read again`);
        } finally {
          await arranged.close();
        }
      }),
      { numRuns: RUNS, ...(SEED === undefined ? {} : { seed: Number(SEED) }) },
    );
    assert.ok(sequences >= RUNS);
  });
});
