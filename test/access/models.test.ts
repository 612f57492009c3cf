/** Every cell of every matrix, and every rule below it, asked of the shipped models. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mayAdminister } from '../../src/access/administration.ts';
import { decide, permittedActions, rolesAt } from '../../src/access/decide.ts';
import { modelFilesIn } from '../../src/access/model-file.ts';
import { layerRequires, ownerRoles, rolesForReconcile } from '../../src/access/reconcile-view.ts';
import type { Subject } from '../../src/access/subject.ts';
import {
  besides,
  cellsOf,
  HERE,
  IN_ORGANIZATION,
  IN_WORKSPACE,
  membership,
  NAMES,
  NOW,
  person,
  ref,
  shipped,
  TOMORROW,
  tablesOf,
  YESTERDAY,
} from './models-under-test.ts';

for (const name of NAMES) {
  const model = shipped(name);
  const cells = cellsOf(name);

  describe(`the matrix of ${name}`, () => {
    for (const { permission, column, cell } of cells) {
      it(`given a ${column}, when ${permission} is asked, then ${cell === 'yes' ? 'yes' : 'no'}`, () => {
        assert.match(cell, /^(yes|-)$/);
        const subject = person(column, ...besides(name, column));
        const decided = decide(model, subject, permission, HERE, NOW);
        assert.equal(decided.decision, cell === 'yes', decided.reason);
        assert.ok(decided.reason.length > 0);
        if (cell === 'yes') {
          assert.deepEqual({ role: decided.via?.role, scopeKind: decided.via?.scopeKind }, ref(column));
          assert.equal(decided.missing, null);
        } else {
          assert.notEqual(decided.missing, null);
          assert.equal(decided.via, undefined);
        }
      });
    }

    it('given the matrix, then it names every permission and every role of the model, and no other', () => {
      const columns = new Set(cells.map(({ column }) => column));
      const roles = [...model.roles.values()].map(({ role, scopeKind }) => `${role}@${scopeKind}`);
      assert.deepEqual([...columns].sort(), roles.sort());
      assert.deepEqual([...new Set(cells.map((cell) => cell.permission))].sort(), [...model.permissions.keys()].sort());
    });

    it('given somebody suspended, deprovisioned or without memberships, when anything is asked, then no', () => {
      const memberships = cells.map(({ column }) => membership(column));
      for (const action of model.permissions.keys()) {
        for (const status of ['suspended', 'deprovisioned'] as const) {
          const decided = decide(model, { status, memberships }, action, HERE, NOW);
          assert.deepEqual([decided.decision, decided.missing], [false, 'account']);
        }
        assert.equal(decide(model, person(), action, HERE, NOW).decision, false);
      }
    });

    it('given every role at once, when an action is asked that the model has not, then no, and the reason says so', () => {
      const everyone = person(...new Set(cells.map(({ column }) => column)));
      for (const action of ['', 'nothing.such', '__proto__', 'constructor', 'toString', 'AGENT.CREATE']) {
        const decided = decide(model, everyone, action, HERE, NOW);
        assert.deepEqual([decided.decision, decided.missing], [false, 'permission']);
        assert.match(decided.reason, /knows no action/);
      }
    });
  });
}

describe('the five models', () => {
  it('given the folder of models, then it holds these five', () => {
    assert.deepEqual(
      modelFilesIn('config/models')
        .map((path) => path.replace(/^.*\/|\.yaml$/g, ''))
        .sort(),
      [...NAMES].sort(),
    );
  });

  it('given two organizations, when somebody of one asks in the other, then no role of the first counts', () => {
    for (const name of NAMES) {
      const model = shipped(name);
      const everyRole = [...model.roles.values()].filter(({ scopeKind }) => scopeKind !== 'platform');
      const subject = person(...everyRole.map(({ role, scopeKind }) => `${role}@${scopeKind}`));
      const elsewhere = { organizationId: 'org-2', workspaceId: 'ws-2', product: { ...HERE.product, id: 'prod-2' } };
      assert.deepEqual(permittedActions(model, subject, elsewhere, NOW), [], name);
    }
  });

  it('given a membership that expires, when the time has come, then it counts no more', () => {
    const model = shipped('fastn');
    const until = (expiresAt: Date) => person(membership('viewer@organization', { expiresAt }));
    assert.ok(decide(model, until(TOMORROW), 'tools.read', HERE, NOW).decision);
    assert.ok(!decide(model, until(NOW), 'tools.read', HERE, NOW).decision);
    assert.ok(!decide(model, until(YESTERDAY), 'tools.read', HERE, NOW).decision);
  });

  it('given a role that the model has not, or has in another scope, when anything is asked, then it counts for nothing', () => {
    const model = shipped('atomyx');
    for (const strange of ['superuser@workspace', 'editor@workspace', 'owner@product', 'owner@organization']) {
      assert.deepEqual(permittedActions(model, person(strange), IN_WORKSPACE, NOW), [], strange);
    }
  });

  it('given the models, when the reconcile asks, then owners, and what is only promoted to, are never mapped', () => {
    const unmapped = (name: string) =>
      rolesForReconcile(shipped(name))
        .filter(({ mappable }) => !mappable)
        .map(({ role, scopeKind }) => `${role}@${scopeKind}`);
    assert.deepEqual(unmapped('smart-ai-hub'), ['owner@workspace']);
    assert.deepEqual(unmapped('atomyx'), ['owner@workspace']);
    assert.deepEqual(unmapped('magone-ai'), [
      'super_admin@platform',
      'org_owner@organization',
      'project_owner@workspace',
    ]);
    assert.deepEqual(unmapped('ai-security-gateway'), ['owner@organization']);
    assert.deepEqual(unmapped('fastn'), ['owner@organization']);
    assert.deepEqual(ownerRoles(shipped('magone-ai')), ['org_owner']);
    assert.deepEqual(ownerRoles(shipped('atomyx')), ['owner']);
  });

  it('given a workspace layer, then a product role takes a membership of the workspace; else it does not', () => {
    assert.equal(layerRequires(shipped('atomyx')), true);
    assert.equal(layerRequires(shipped('magone-ai')), false);
    assert.equal(layerRequires(shipped('fastn')), false);
  });
});

describe('atomyx: layer upon layer', () => {
  const model = shipped('atomyx');
  const asked = (subject: Subject, resource: Parameters<typeof decide>[3] = HERE) =>
    decide(model, subject, 'product.view', resource, NOW).missing;

  it('given somebody without the first layer that is asked, then the decision names just that layer', () => {
    const full = person('member@workspace', 'viewer@product');
    const ended = { ...HERE, product: { id: 'prod-1', subscription: { status: 'active', endsAt: YESTERDAY } } };
    const inactive = { ...HERE, product: { id: 'prod-1', subscription: { status: 'inactive', endsAt: null } } };
    assert.equal(asked({ ...full, status: 'suspended' }), 'account');
    assert.equal(asked(person('viewer@product'), ended), 'workspace');
    assert.equal(asked(person('member@workspace'), ended), 'product');
    assert.equal(asked(full, ended), 'subscription');
    assert.equal(asked(full, inactive), 'subscription');
    assert.equal(decide(model, full, 'product.edit', HERE, NOW).missing, 'permission');
    assert.equal(asked(full), null);
  });

  it('given the owner of a workspace, when a product is opened, then no: a member has no product by default', () => {
    for (const role of ['owner', 'admin', 'billing', 'member']) {
      for (const action of ['product.view', 'product.edit', 'product.configure']) {
        assert.equal(decide(model, person(`${role}@workspace`), action, HERE, NOW).missing, 'product');
      }
    }
  });

  it('given a product role alone, when anything is asked, then no: the workspace comes first', () => {
    for (const role of ['admin', 'editor', 'viewer']) {
      for (const action of model.permissions.keys()) {
        assert.equal(decide(model, person(`${role}@product`), action, HERE, NOW).missing, 'workspace');
      }
    }
  });

  it('given a subscription that has ended, when the workspace and its billing are asked for, then they stay reachable', () => {
    const ended = { ...HERE, product: { id: 'prod-1', subscription: { status: 'expired', endsAt: YESTERDAY } } };
    assert.ok(decide(model, person('billing@workspace'), 'billing.manage', ended, NOW).decision);
    assert.ok(decide(model, person('admin@workspace'), 'products.administer', ended, NOW).decision);
  });

  it('given a subscription that ends tomorrow, when the product is opened today, then yes', () => {
    const ending = { ...HERE, product: { id: 'prod-1', subscription: { status: 'active', endsAt: TOMORROW } } };
    assert.equal(asked(person('member@workspace', 'viewer@product'), ending), null);
  });

  it('given members of one workspace, when another is asked for, then nothing of it is theirs', () => {
    const other = { organizationId: 'org-1', workspaceId: 'ws-2', product: { ...HERE.product, id: 'prod-2' } };
    assert.deepEqual(permittedActions(model, person('owner@workspace', 'admin@product'), other, NOW), []);
  });

  it('given a product of one workspace, when it is asked for as if it lay in another, then no', () => {
    const both = person('member@workspace', membership('member@workspace', { scopeId: 'ws-2' }), 'viewer@product');
    assert.equal(asked(both, { ...HERE, workspaceId: 'ws-2' }), 'product');
  });

  it('given one account in two workspaces, then each role counts in its own', () => {
    const subject = person('owner@workspace', membership('member@workspace', { scopeId: 'ws-2', workspaceId: 'ws-2' }));
    assert.ok(decide(model, subject, 'users.manage', IN_WORKSPACE, NOW).decision);
    assert.equal(
      decide(model, subject, 'users.manage', { ...IN_WORKSPACE, workspaceId: 'ws-2' }, NOW).missing,
      'permission',
    );
  });

  it('given a question without the place it is about, then the missing place is named', () => {
    const owner = person('owner@workspace');
    assert.equal(decide(model, owner, 'users.manage', IN_ORGANIZATION, NOW).missing, 'workspace');
    assert.equal(decide(model, owner, 'product.view', IN_ORGANIZATION, NOW).missing, 'workspace');
    assert.equal(decide(model, owner, 'product.view', IN_WORKSPACE, NOW).missing, 'product');
  });
});

describe('magone-ai: containers, organizations, projects, hubs', () => {
  const model = shipped('magone-ai');

  it('TEN-4 given a super admin, when anything inside an organization is asked, then no, unless given a role there too', () => {
    const platform = [...model.permissions.values()].filter(({ at }) => at[0] === 'platform').map(({ name }) => name);
    const may = permittedActions(model, person('super_admin@platform'), HERE, NOW);
    assert.deepEqual(may.sort(), platform.sort());
    assert.equal(decide(model, person('super_admin@platform'), 'org_audit.view', IN_ORGANIZATION, NOW).missing, 'role');
    assert.ok(
      decide(model, person('super_admin@platform', 'org_owner@organization'), 'org_audit.view', HERE, NOW).decision,
    );
  });

  it('given a super admin, when platform matters of any organization are asked, then yes', () => {
    const other = { ...IN_ORGANIZATION, organizationId: 'org-2' };
    assert.ok(decide(model, person('super_admin@platform'), 'organizations.manage', other, NOW).decision);
  });

  it('given an organization member, when a project is asked to which they are not assigned, then no right holds', () => {
    const assigned = person('org_member@organization', 'project_member@workspace');
    const elsewhere = { ...HERE, workspaceId: 'ws-2', product: { ...HERE.product, id: 'prod-2' } };
    for (const action of permittedActions(model, assigned, HERE, NOW)) {
      const alone = decide(model, person('org_member@organization'), action, HERE, NOW);
      assert.deepEqual([alone.decision, alone.missing], [false, 'workspace'], action);
      assert.equal(decide(model, assigned, action, elsewhere, NOW).missing, 'workspace', action);
      assert.equal(decide(model, assigned, action, HERE, NOW).via?.role, 'org_member', action);
    }
  });

  it('given an assignment that has expired, then the organization member has lost the project', () => {
    const subject = person('org_member@organization', membership('project_member@workspace', { expiresAt: YESTERDAY }));
    assert.equal(decide(model, subject, 'agents.create', HERE, NOW).missing, 'workspace');
  });

  it('given an organization owner, when any project is asked, then yes without assignment', () => {
    const elsewhere = { organizationId: 'org-1', workspaceId: 'ws-9', product: null };
    assert.ok(decide(model, person('org_owner@organization'), 'project_settings.manage', elsewhere, NOW).decision);
  });

  it('given a consumer of one hub, when its project or another hub is asked, then no', () => {
    const consumer = person('end_user@product');
    assert.ok(decide(model, consumer, 'agents.chat', HERE, NOW).decision);
    assert.equal(decide(model, consumer, 'agents.chat', IN_WORKSPACE, NOW).missing, 'role');
    const otherHub = { ...HERE, product: { ...HERE.product, id: 'prod-2' } };
    assert.equal(decide(model, consumer, 'agents.chat', otherHub, NOW).missing, 'role');
  });
});

describe('ai-security-gateway: a strict hierarchy', () => {
  it('given any two levels, then the higher holds everything that the lower holds', () => {
    const roles = [...shipped('ai-security-gateway').roles.values()].sort((one, other) => one.rank - other.rank);
    for (const [index, lower] of roles.entries()) {
      for (const higher of roles.slice(index + 1)) {
        for (const permission of lower.permissions)
          assert.ok(higher.permissions.has(permission), `${higher.role} ${permission}`);
      }
    }
  });
});

describe('fastn: categories and totals', () => {
  const model = shipped('fastn');
  const totals = tablesOf('fastn.md').find(([row]) => row !== undefined && 'total' in row) ?? [];

  it('given the permissions, then they are 39: 29 in five categories and ten administrative', () => {
    const count = (category: string) =>
      [...model.permissions.values()].filter((each) => each.category === category).length;
    assert.equal(model.permissions.size, 39);
    const sizes = ['connectors', 'connections', 'workflows', 'agents', 'tools', 'administrative'].map(count);
    assert.deepEqual(sizes, [6, 6, 7, 5, 5, 10]);
  });

  for (const { role = '', total = '', ...categories } of totals) {
    it(`given the role ${role}, then it holds ${total} permissions, distributed as the platform says`, () => {
      const held = permittedActions(model, person(`${role}@organization`), IN_ORGANIZATION, NOW);
      assert.equal(held.length, Number(total));
      for (const [category, expected] of Object.entries(categories)) {
        const of = [...model.permissions.values()].filter((each) => each.category === category);
        const number = of.filter(({ name }) => held.includes(name)).length;
        if (expected === 'some') assert.ok(number > 0 && number < of.length, `${category}: ${number}`);
        else assert.equal(number, Number(expected), category);
      }
    });
  }

  it('given a developer, then neither billing nor organization settings are theirs; a viewer reads and no more', () => {
    const developer = permittedActions(model, person('developer@organization'), IN_ORGANIZATION, NOW);
    assert.deepEqual(
      developer.filter((name) => /^(billing|organization)\./.test(name)),
      [],
    );
    const viewer = permittedActions(model, person('viewer@organization'), IN_ORGANIZATION, NOW);
    assert.deepEqual(
      viewer.filter((name) => !name.endsWith('.read')),
      [],
    );
  });
});

describe('administering Drawbridge itself', () => {
  const organization = { id: 'org-1', workspaceIds: ['ws-1', 'ws-2'] };

  it('given each model, then who administers people is who the model says, and nobody else', () => {
    const mayPeople = (name: string, ...held: Parameters<typeof person>) =>
      mayAdminister(shipped(name), person(...held), 'people', { ...organization, workspaceIds: ['ws-1'] }, NOW)
        .decision;
    const expected: Record<string, [yes: string[], no: string[]]> = {
      'smart-ai-hub': [
        ['owner@workspace', 'admin@workspace'],
        ['developer@workspace', 'user@workspace', 'viewer@workspace'],
      ],
      atomyx: [
        ['owner@workspace', 'admin@workspace'],
        ['member@workspace', 'billing@workspace', 'admin@product'],
      ],
      'magone-ai': [
        ['org_owner@organization'],
        ['super_admin@platform', 'org_member@organization', 'project_owner@workspace'],
      ],
      'ai-security-gateway': [
        ['owner@organization', 'admin@organization'],
        ['member@organization', 'viewer@organization'],
      ],
      fastn: [
        ['owner@organization', 'admin@organization'],
        ['developer@organization', 'operator@organization', 'end_user@organization'],
      ],
    };
    for (const [name, [yes, no]] of Object.entries(expected)) {
      for (const role of yes) assert.ok(mayPeople(name, role), `${name} ${role}`);
      for (const role of no) assert.ok(!mayPeople(name, role), `${name} ${role}`);
    }
  });

  it('given a model of workspaces, when somebody administers one of two, then not the organization', () => {
    const model = shipped('atomyx');
    const second = membership('admin@workspace', { scopeId: 'ws-2', workspaceId: 'ws-2' });
    assert.ok(!mayAdminister(model, person('owner@workspace'), 'connections', organization, NOW).decision);
    assert.ok(mayAdminister(model, person('owner@workspace', second), 'connections', organization, NOW).decision);
    assert.ok(
      !mayAdminister(model, person('owner@workspace'), 'connections', { ...organization, workspaceIds: [] }, NOW)
        .decision,
    );
  });

  it('given a super admin, when who may give roles in an organization is asked, then their role counts there, a suspended one does not', () => {
    const model = shipped('magone-ai');
    const admin = person('super_admin@platform');
    assert.deepEqual(rolesAt(model, admin, IN_ORGANIZATION, NOW), [ref('super_admin@platform')]);
    assert.deepEqual(rolesAt(model, { ...admin, status: 'suspended' }, IN_ORGANIZATION, NOW), []);
    assert.deepEqual(rolesAt(model, person('org_member@organization'), IN_WORKSPACE, NOW), []);
  });
});
