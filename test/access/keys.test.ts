/** What API keys may, who may make them, and what becomes of them when somebody leaves. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ApiKey, decideKey, mayCreateKey } from '../../src/access/decide-key.ts';
import { leavingPolicy } from '../../src/access/leaving.ts';
import { HERE, IN_WORKSPACE, NOW, person, shipped, TOMORROW, tablesOf, YESTERDAY } from './models-under-test.ts';

const key = (kind: string, scopes: string[], other: Partial<ApiKey> = {}): ApiKey => ({
  kind,
  organizationId: 'org-1',
  workspaceId: 'ws-1',
  productId: null,
  environment: 'production',
  scopes,
  expiresAt: null,
  revokedAt: null,
  ...other,
});

describe('what a key may', () => {
  const hub = shipped('smart-ai-hub');
  const developer = person('developer@workspace');
  const may = (asked: ApiKey, action: string, creator = developer) =>
    decideKey(hub, asked, creator, action, IN_WORKSPACE, NOW);

  it('given a personal key, then it may what its scopes and its creator may at that moment, and no more', () => {
    const personal = key('personal', ['agent.create', 'users.manage']);
    assert.equal(may(personal, 'agent.create').decision, true);
    assert.equal(may(personal, 'agent.edit').decision, false, 'not among its scopes');
    assert.equal(may(personal, 'users.manage').decision, false, 'the creator may not either');
    assert.equal(
      may(personal, 'agent.create', person('viewer@workspace')).decision,
      false,
      'the creator has been put down',
    );
    assert.equal(
      decideKey(hub, personal, null, 'agent.create', IN_WORKSPACE, NOW).decision,
      false,
      'the creator is gone',
    );
    const suspended = { ...developer, status: 'suspended' as const };
    assert.equal(may(personal, 'agent.create', suspended).decision, false);
  });

  it('given a service key, then it needs nobody, and stays within what its kind may carry', () => {
    const service = key('service', ['agent.use', 'agent.delete']);
    assert.equal(decideKey(hub, service, null, 'agent.use', IN_WORKSPACE, NOW).decision, true);
    assert.equal(decideKey(hub, service, null, 'agent.delete', IN_WORKSPACE, NOW).decision, false);
  });

  it('given a revoked or expired key, one of another organization, workspace or environment, then nothing', () => {
    for (const [name, other] of Object.entries({
      revoked: { revokedAt: YESTERDAY },
      expired: { expiresAt: YESTERDAY },
      'expiring now': { expiresAt: NOW },
      foreign: { organizationId: 'org-2' },
      elsewhere: { workspaceId: 'ws-2' },
    })) {
      assert.equal(may(key('personal', ['agent.create'], other), 'agent.create').decision, false, name);
    }
    assert.equal(may(key('personal', ['agent.create'], { expiresAt: TOMORROW }), 'agent.create').decision, true);
    const staging = { ...IN_WORKSPACE, environment: 'staging' };
    assert.equal(
      decideKey(hub, key('personal', ['agent.create']), developer, 'agent.create', staging, NOW).decision,
      false,
    );
  });

  it('magone-ai: given a project key, then it executes and chats as its creator may, and never creates or modifies', () => {
    const magone = shipped('magone-ai');
    const member = person('project_member@workspace');
    const all = key('project', [...magone.permissions.keys()]);
    const allowed = [...magone.permissions.keys()].filter(
      (action) => decideKey(magone, all, member, action, HERE, NOW).decision,
    );
    assert.deepEqual(allowed.sort(), ['agents.chat', 'workflows.execute']);
  });

  it('atomyx: given a subscription that has ended, then a machine’s key opens the product no more', () => {
    const atomyx = shipped('atomyx');
    const service = key('service', ['product.view']);
    const ended = { ...HERE, product: { id: 'prod-1', subscription: { status: 'expired', endsAt: null } } };
    assert.equal(decideKey(atomyx, service, null, 'product.view', HERE, NOW).decision, true);
    const refused = decideKey(atomyx, service, null, 'product.view', ended, NOW);
    assert.deepEqual([refused.decision, refused.missing], [false, 'subscription']);
  });
});

describe('who may make a key', () => {
  it('given a person, then none beyond their own permissions, and none of a kind that there is not', () => {
    const hub = shipped('smart-ai-hub');
    const ask = (role: string, kind: string, ...scopes: string[]) =>
      mayCreateKey(hub, person(role), { kind, scopes }, IN_WORKSPACE, NOW).decision;
    assert.equal(ask('developer@workspace', 'personal', 'agent.create'), true);
    assert.equal(ask('viewer@workspace', 'personal', 'agent.create'), false);
    assert.equal(ask('developer@workspace', 'personal', 'agent.create', 'billing.manage'), false);
    assert.equal(
      ask('developer@workspace', 'service', 'agent.use'),
      false,
      'machines’ keys are made by who manages people',
    );
    assert.equal(ask('admin@workspace', 'service', 'agent.use'), true);
    assert.equal(ask('admin@workspace', 'project', 'agent.use'), false);
    assert.equal(ask('admin@workspace', 'personal'), false, 'a key without scopes');
  });
});

describe('keys and tokens when somebody leaves', () => {
  const [table = []] = tablesOf('leaving.md');
  for (const { model = '', 'oauth tokens': tokens, ...kinds } of table) {
    it(`given the model ${model}, then each kind of key ends as its row says, and tokens are ${tokens}d`, () => {
      const policy = leavingPolicy(shipped(model));
      assert.equal(policy.oauthTokens, tokens);
      assert.equal(policy.memberships, 'remove');
      for (const [kind, wanted] of Object.entries(kinds)) {
        // A kind that the model has not is revoked: nothing outlives its policy.
        assert.equal(policy.keys.find((each) => each.kind === kind)?.policy, wanted === '-' ? 'revoke' : wanted, kind);
      }
    });
  }
});
