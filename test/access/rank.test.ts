/** Who may give, change, take and hand over which role, in the five models. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Source } from '../../src/access/model-schema.ts';
import { mayBeGiven, mayGrant, mayLose, mayManage, mayManagePerson, mayTransfer } from '../../src/access/rank.ts';
import { ref, refs, shipped } from './models-under-test.ts';

const recipient = (...held: string[]) => ({ roles: refs(...held), self: false, otherHolders: 0 });
const may = (model: string, actor: string, how: Source, role: string, ...held: string[]) =>
  mayGrant(shipped(model), refs(actor), ref(role), how, recipient(...held)).allowed;

describe('giving roles', () => {
  const cases: readonly [model: string, actor: string, how: Source, role: string, allowed: boolean, held?: string][] = [
    // Up to one's own rank, and only with the permission to manage people.
    ['smart-ai-hub', 'admin@workspace', 'manual', 'admin@workspace', true],
    ['smart-ai-hub', 'admin@workspace', 'manual', 'owner@workspace', false],
    ['smart-ai-hub', 'owner@workspace', 'manual', 'owner@workspace', true],
    ['smart-ai-hub', 'developer@workspace', 'manual', 'viewer@workspace', false],
    ['smart-ai-hub', 'owner@workspace', 'invitation', 'owner@workspace', false],
    ['atomyx', 'admin@workspace', 'manual', 'admin@product', true],
    ['atomyx', 'member@workspace', 'manual', 'viewer@product', false],
    ['atomyx', 'admin@product', 'manual', 'viewer@product', false],
    // An admin may invite up to, not including, admin; only the owner invites admins; the owner is never invited.
    ['ai-security-gateway', 'admin@organization', 'invitation', 'member@organization', true],
    ['ai-security-gateway', 'admin@organization', 'invitation', 'admin@organization', false],
    ['ai-security-gateway', 'owner@organization', 'invitation', 'admin@organization', true],
    ['ai-security-gateway', 'owner@organization', 'invitation', 'owner@organization', false],
    ['ai-security-gateway', 'owner@organization', 'manual', 'owner@organization', false],
    ['ai-security-gateway', 'member@organization', 'invitation', 'viewer@organization', false],
    // Promotion to project owner takes being a project member already.
    ['magone-ai', 'org_owner@organization', 'manual', 'project_owner@workspace', false],
    ['magone-ai', 'org_owner@organization', 'manual', 'project_owner@workspace', true, 'project_member@workspace'],
    ['magone-ai', 'project_owner@workspace', 'manual', 'project_member@workspace', true],
    ['magone-ai', 'project_member@workspace', 'manual', 'project_member@workspace', false],
    ['magone-ai', 'org_member@organization', 'manual', 'org_member@organization', false],
    ['magone-ai', 'super_admin@platform', 'manual', 'org_owner@organization', true],
    ['magone-ai', 'super_admin@platform', 'manual', 'project_member@workspace', false],
    ['fastn', 'developer@organization', 'invitation', 'operator@organization', true],
    ['fastn', 'developer@organization', 'invitation', 'admin@organization', false],
    ['fastn', 'developer@organization', 'manual', 'viewer@organization', false],
    ['fastn', 'admin@organization', 'manual', 'developer@organization', true],
  ];
  for (const [model, actor, how, role, allowed, held] of cases) {
    const holding = held === undefined ? '' : ` to a ${held}`;
    it(`${model}: given a ${actor}, when they give ${role} (${how})${holding}, then ${allowed ? 'they may' : 'they may not'}`, () => {
      assert.equal(may(model, actor, how, role, ...(held === undefined ? [] : [held])), allowed);
    });
  }

  it('given any model, then nobody gives a role to themselves, and no mapping rule or sign-in makes an owner', () => {
    for (const name of ['smart-ai-hub', 'atomyx', 'magone-ai', 'ai-security-gateway', 'fastn']) {
      const model = shipped(name);
      for (const role of model.roles.values()) {
        const own = mayGrant(model, [role], role, 'manual', { roles: [role], self: true, otherHolders: 0 });
        assert.equal(own.allowed, false, `${name} ${role.role}`);
        if (!role.owner) continue;
        for (const how of ['mapping', 'jit', 'invitation'] as const)
          assert.equal(mayBeGiven(model, role, how).allowed, false);
      }
    }
  });
});

describe('single owner, last owner', () => {
  const gateway = shipped('ai-security-gateway');
  const owner = ref('owner@organization');

  it('ai-security-gateway: given there is an owner, then nobody becomes a second one', () => {
    assert.equal(mayBeGiven(gateway, owner, 'manual', { roles: [], self: false, otherHolders: 1 }).allowed, false);
  });

  it('ai-security-gateway: given the owner hands over, then only to an admin, and becomes an admin', () => {
    const handed = mayTransfer(gateway, owner, [owner], refs('admin@organization'));
    assert.deepEqual([handed.allowed, handed.formerHolderBecomes], [true, ref('admin@organization')]);
    assert.equal(mayTransfer(gateway, owner, [owner], refs('member@organization')).allowed, false);
    assert.equal(mayTransfer(gateway, owner, refs('admin@organization'), refs('admin@organization')).allowed, false);
    assert.equal(mayTransfer(gateway, ref('admin@organization'), refs('admin@organization'), []).allowed, false);
  });

  it('given the last owner of any model, then they can not lose the role; with another one, or another role, they can', () => {
    for (const name of ['smart-ai-hub', 'atomyx', 'magone-ai', 'ai-security-gateway', 'fastn']) {
      const model = shipped(name);
      for (const role of model.roles.values()) {
        assert.equal(mayLose(model, role, 0).allowed, !role.owner, `${name} ${role.role}`);
        assert.equal(mayLose(model, role, 1).allowed, true);
      }
    }
  });
});

describe('managing people', () => {
  it('given an admin, then they manage those below, neither peers nor the owner', () => {
    const gateway = shipped('ai-security-gateway');
    const admin = refs('admin@organization');
    assert.equal(mayManage(gateway, admin, ref('member@organization')).allowed, true);
    assert.equal(mayManage(gateway, admin, ref('admin@organization')).allowed, false);
    assert.equal(mayManage(gateway, admin, ref('owner@organization')).allowed, false);
    assert.equal(mayManage(gateway, refs('owner@organization'), ref('admin@organization')).allowed, true);
  });

  it('given a person with several roles, then whoever manages them must be above all of these', () => {
    const hub = shipped('smart-ai-hub');
    const admin = refs('admin@workspace');
    assert.equal(mayManagePerson(hub, admin, refs('viewer@workspace', 'developer@workspace')).allowed, true);
    assert.equal(mayManagePerson(hub, admin, refs('viewer@workspace', 'owner@workspace')).allowed, false);
  });

  it('given a role that the model no longer has, then whoever manages people may tidy it away, and nobody else', () => {
    const hub = shipped('smart-ai-hub');
    assert.equal(mayManage(hub, refs('admin@workspace'), ref('retired@workspace')).allowed, true);
    assert.equal(mayManage(hub, refs('developer@workspace'), ref('retired@workspace')).allowed, false);
  });
});
