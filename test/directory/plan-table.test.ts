/** A plan as a person reads it at a terminal. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PlanGroup, planTable } from '../../src/directory/plan-table.ts';
import type { PlannedChange } from '../../src/directory/runs.ts';

const change = (more: Partial<PlannedChange>): PlannedChange => ({
  ...{ kind: 'user.deprovision', userId: null, email: 'ana@acme.example', scope: null, role: null, oldRole: null },
  ...{ rule: null, reason: 'missing from a complete feed' },
  ...more,
});

const given = (email: string, reason: string): PlannedChange =>
  change({ kind: 'membership.add', email, scope: 'production/insights', role: 'editor', reason });

const plan: PlanGroup[] = [
  {
    kind: 'user.deprovision',
    count: 2,
    shown: [change({}), change({ email: 'maximilian.featherstonehaugh@research.acme.example' })],
  },
  {
    kind: 'membership.change',
    count: 1,
    shown: [
      change({
        kind: 'membership.change',
        scope: 'main',
        role: 'member',
        oldRole: 'admin',
        reason: 'rule team: group Team',
      }),
    ],
  },
  {
    kind: 'membership.add',
    count: 1340,
    shown: [
      given('ana@acme.example', 'rule engineering: ($."department" == "Engineering")'),
      given('ben@acme.example', 'rule engineering: ($."department" == "Engineering")'),
    ],
  },
];

describe('a plan at a terminal', () => {
  it('given 80 columns, then no line is longer, columns stand under each other, and what is cut says so', () => {
    const lines = planTable(plan, 80);
    assert.ok(
      lines.every((line) => line.length <= 80),
      lines.join('\n'),
    );
    assert.deepEqual(lines, [
      '- Leave (2)',
      '  ana@acme.example                                  missing from a complete feed',
      '  maximilian.featherstonehaugh@research.acme.ex...  missing from a complete feed',
      '',
      '~ Memberships changed (1)',
      '  ana@acme.example  main: admin -> member  rule team: group Team',
      '',
      '+ Memberships given (1,340)',
      '  ana@acme.example  production/insights: editor  rule engineering: ($."depart...',
      '  ben@acme.example  production/insights: editor  rule engineering: ($."depart...',
      '  ... and 1,338 more; --all shows all',
    ]);
  });

  it('given a wide terminal, or none, then nothing is cut', () => {
    for (const width of [160, undefined]) {
      const text = planTable(plan, width).join('\n');
      assert.match(text, /maximilian\.featherstonehaugh@research\.acme\.example {2}missing/);
      assert.match(text, /rule engineering: \(\$\."department" == "Engineering"\)/);
    }
  });

  it('given hardly any width, then it is laid out for sixty columns', () => {
    for (const width of [0, 20, 60]) {
      const rows = planTable(plan, width).filter((line) => line.startsWith('  ') && !line.includes('more;'));
      assert.ok(
        rows.every((line) => line.length <= 60),
        rows.join('\n'),
      );
    }
  });

  it('given nothing changes, then it says so', () => {
    assert.match(planTable([]).join(), /No changes/);
  });
});
