import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { customRoleProblems, duplicateRole, withCustomRoles } from '../../src/access/custom-roles.ts';
import { decide, permittedActions } from '../../src/access/decide.ts';
import { HERE, IN_ORGANIZATION, NOW, person, ref, shipped } from './models-under-test.ts';

const fastn = shipped('fastn');
const ofAdmin = new Set(permittedActions(fastn, person('admin@organization'), IN_ORGANIZATION, NOW));
const ofDeveloper = new Set(permittedActions(fastn, person('developer@organization'), IN_ORGANIZATION, NOW));
const reasons = (...asked: Parameters<typeof customRoleProblems>) =>
  customRoleProblems(...asked)
    .map(({ reason }) => reason)
    .join(' ');
const auditor = { role: 'auditor', label: 'Auditor', permissions: ['audit.read', 'people.read'] };

describe('custom roles (fastn)', () => {
  it('given a role of the model’s own permissions, then whoever manages roles may make it, and it gives just these', () => {
    assert.deepEqual(customRoleProblems(fastn, auditor, ofAdmin), []);
    const model = withCustomRoles(fastn, [auditor]);
    assert.deepEqual(permittedActions(model, person('auditor@organization'), HERE, NOW).sort(), [
      'audit.read',
      'people.read',
    ]);
    assert.equal(
      decide(fastn, person('auditor@organization'), 'audit.read', HERE, NOW).decision,
      false,
      'not in the bare model',
    );
  });

  it('given a system role, then it is duplicated under another name, and itself stays fixed', () => {
    const copy = duplicateRole(fastn, ref('viewer@organization'), { role: 'reader', label: 'Reader' });
    assert.ok(copy);
    assert.deepEqual(customRoleProblems(fastn, copy, ofAdmin), []);
    assert.match(reasons(fastn, { ...copy, role: 'viewer' }, ofAdmin), /fixed/);
    const model = withCustomRoles(fastn, [{ ...auditor, role: 'owner' }]);
    assert.deepEqual(model.roles.get('organization/owner'), fastn.roles.get('organization/owner'));
  });

  it('given more than the maker has, a permission that there is not, or nothing, then it is refused with the reason', () => {
    const problems = (permissions: string[], maker = ofAdmin) => reasons(fastn, { ...auditor, permissions }, maker);
    assert.match(problems(['audit.read', 'billing.manage'], ofDeveloper), /billing\.manage/);
    assert.match(problems(['moon.land']), /moon\.land/);
    assert.match(problems([]), /at least one/);
    assert.match(problems(['audit.read'], ofDeveloper), /roles\.manage/);
    assert.match(reasons(shipped('atomyx'), auditor, ofAdmin), /no custom roles/);
  });
});
