import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AccessFacts, accessWarnings } from '../../src/access/warnings.ts';
import { NOW, ref, shipped, YESTERDAY } from './models-under-test.ts';

const daysAgo = (days: number) => new Date(NOW.getTime() - days * 86_400_000);
const QUIET: AccessFacts = { owners: [], defaultRoles: [], people: [], keys: [], reviewedAt: YESTERDAY };
const codes = (model: string, facts: Partial<AccessFacts>) =>
  accessWarnings(shipped(model), { ...QUIET, ...facts }, NOW).map(({ code, about }) => `${code} ${about}`);

describe('warnings', () => {
  it('given nothing unusual, then there is none', () => assert.deepEqual(codes('magone-ai', {}), []));

  it('given more than three owners, then it warns', () => {
    const owners = (count: number) => ({ owners: [{ ...ref('org_owner@organization'), scopeId: 'org-1', count }] });
    assert.deepEqual(codes('magone-ai', owners(3)), []);
    assert.deepEqual(codes('magone-ai', owners(4)), ['too-many-owners org-1']);
  });

  it('given a default role with administrative rights, then it warns', () => {
    assert.deepEqual(codes('ai-security-gateway', { defaultRoles: [ref('admin@organization')] }), [
      'administrative-default-role admin',
    ]);
    assert.deepEqual(codes('ai-security-gateway', { defaultRoles: [ref('member@organization')] }), []);
  });

  it('given people inactive for 90 days and keys over a year old or shared, then it warns of each', () => {
    const people = [
      { id: 'idle', email: 'idle@acme.test', lastActiveAt: daysAgo(90), createdAt: daysAgo(400) },
      { id: 'never', email: 'never@acme.test', lastActiveAt: null, createdAt: daysAgo(91) },
      { id: 'busy', email: 'busy@acme.test', lastActiveAt: daysAgo(89), createdAt: daysAgo(400) },
    ];
    const keys = [
      { id: 'old', display: 'k_old', createdAt: daysAgo(366), environments: ['production'] },
      { id: 'shared', display: 'k_shared', createdAt: daysAgo(1), environments: ['production', 'development'] },
    ];
    assert.deepEqual(codes('fastn', { people, keys }), [
      'inactive idle',
      'inactive never',
      'old-key old',
      'shared-environments shared',
    ]);
  });

  it('given the last review was a quarter ago, then it is due', () => {
    assert.deepEqual(codes('magone-ai', { reviewedAt: daysAgo(80) }), []);
    assert.deepEqual(codes('magone-ai', { reviewedAt: daysAgo(100) }), ['review-due magone-ai']);
  });
});
