/**
 * What further identity providers send, in their order, each as a sequence. Entra and Okta have files of their own for their usual ways;
 * here are Entra with its compliance flag and Okta's catalog. Written from the vendors' documentation, not taken from their wires.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import {
  accountOf,
  arrangeProvider,
  ENTERPRISE,
  GROUP,
  mapGroup,
  openSession,
  PATCH,
  type Provider,
  USER,
} from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

interface Known {
  user: string;
  group: string;
}

interface Step {
  readonly what: string;
  readonly send: (known: Known) => readonly ['get' | 'post' | 'put' | 'patch' | 'delete', path: string, body?: unknown];
  readonly status: number;
  /** What the sender goes by in the answer. */
  readonly expects?: (body: Record<string, unknown>, known: Known) => void;
  /** What holds in the organization once it is answered. */
  readonly holds?: { status?: string; roles?: string[]; sessions?: number; displayName?: string };
}

const EMAIL = 'ana@acme.test';
const lookUp = (filter: string) => `/Users?filter=${encodeURIComponent(filter)}`;
const groupNamed = (name: string) => `/Groups?filter=${encodeURIComponent(`displayName eq "${name}"`)}`;
const patch = (...Operations: unknown[]) => ({ schemas: [PATCH], Operations });
const none = (body: Record<string, unknown>) => assert.equal(body['totalResults'], 0);
const one = (body: Record<string, unknown>) => {
  assert.equal(body['totalResults'], 1);
  assert.equal(body['itemsPerPage'], 1);
  assert.equal(body['startIndex'], 1);
};
const keepsUser = (body: Record<string, unknown>, known: Known) => {
  known.user = String(body['id']);
};
const keepsGroup = (body: Record<string, unknown>, known: Known) => {
  known.group = String(body['id']);
};
const person = (more: object = {}) => ({
  schemas: [USER],
  userName: EMAIL,
  name: { givenName: 'Ana', familyName: 'Lima' },
  emails: [{ value: EMAIL, type: 'work', primary: true }],
  active: true,
  ...more,
});

const SEQUENCES: Record<string, readonly Step[]> = {
  'Entra with its compliance flag': [
    {
      what: 'looks an unknown name up, to test the connection',
      send: () => ['get', lookUp('userName eq "0c5f-none"')],
      status: 200,
      expects: none,
    },
    {
      what: 'makes the user, with the extension',
      send: () => [
        'post',
        '/Users',
        person({ schemas: [USER, ENTERPRISE], externalId: 'ana', [ENTERPRISE]: { department: 'Editing' } }),
      ],
      status: 201,
      expects: keepsUser,
      holds: { status: 'active' },
    },
    {
      what: 'replaces without a path, keys dotted and qualified',
      send: ({ user }) => [
        'patch',
        `/Users/${user}`,
        patch({
          op: 'replace',
          value: {
            displayName: 'Ana L.',
            'name.familyName': 'L.',
            [`${ENTERPRISE}:department`]: 'Research',
            [`${ENTERPRISE}:manager`]: 'boss',
          },
        }),
      ],
      status: 200,
      expects: (body) => assert.deepEqual(body[ENTERPRISE], { department: 'Research', manager: { value: 'boss' } }),
      holds: { displayName: 'Ana L.' },
    },
    {
      what: 'makes the group',
      send: () => ['post', '/Groups', { schemas: [GROUP], externalId: 'g-1', displayName: 'Writers', members: [] }],
      status: 201,
      expects: keepsGroup,
    },
    {
      what: 'reads it without its members',
      send: ({ group }) => ['get', `/Groups/${group}?excludedAttributes=members`],
      status: 200,
      expects: (body) => assert.equal('members' in body, false),
    },
    {
      what: 'adds the member',
      send: ({ group, user }) => [
        'patch',
        `/Groups/${group}`,
        patch({ op: 'add', path: 'members', value: [{ value: user }] }),
      ],
      status: 204,
      holds: { roles: ['member'] },
    },
    {
      what: 'removes them by a filter',
      send: ({ group, user }) => [
        'patch',
        `/Groups/${group}`,
        patch({ op: 'remove', path: `members[value eq "${user}"]` }),
      ],
      status: 204,
      holds: { roles: [] },
    },
    {
      what: 'disables with a boolean',
      send: ({ user }) => ['patch', `/Users/${user}`, patch({ op: 'replace', path: 'active', value: false })],
      status: 200,
      holds: { status: 'deprovisioned', sessions: 0 },
    },
    { what: 'still finds them', send: () => ['get', lookUp(`userName eq "${EMAIL}"`)], status: 200, expects: one },
    { what: 'deletes them thirty days later', send: ({ user }) => ['delete', `/Users/${user}`], status: 204 },
  ],
  'Okta, from the catalog': [
    {
      what: 'looks the name up',
      send: () => ['get', `${lookUp(`userName eq "${EMAIL}"`)}&startIndex=1&count=100`],
      status: 200,
      expects: none,
    },
    {
      what: 'makes the user with a dummy password',
      send: () => ['post', '/Users', person({ externalId: '00u1', password: 'Dummy-1', groups: [], locale: 'en-US' })],
      status: 201,
      expects: keepsUser,
      holds: { status: 'active' },
    },
    {
      what: 'pushes the group with members without a type',
      send: ({ user }) => [
        'post',
        '/Groups',
        { schemas: [GROUP], displayName: 'Writers', members: [{ value: user, display: EMAIL }] },
      ],
      status: 201,
      expects: keepsGroup,
      holds: { roles: ['member'] },
    },
    {
      what: 'renames the group by a value with its id',
      send: ({ group }) => [
        'patch',
        `/Groups/${group}`,
        patch({ op: 'replace', value: { id: group, displayName: 'Writers' } }),
      ],
      status: 204,
      holds: { roles: ['member'] },
    },
    {
      what: 'deactivates without a path',
      send: ({ user }) => ['patch', `/Users/${user}`, patch({ op: 'replace', value: { active: false } })],
      status: 200,
      holds: { status: 'deprovisioned', sessions: 0 },
    },
    {
      what: 'reactivates the same way',
      send: ({ user }) => ['patch', `/Users/${user}`, patch({ op: 'replace', value: { active: true } })],
      status: 200,
      holds: { status: 'active', roles: ['member'] },
    },
  ],
  'Okta, by the wizard': [
    {
      what: 'makes the user',
      send: () => ['post', '/Users', person({ externalId: '00u1', password: 'Dummy-1' })],
      status: 201,
      expects: keepsUser,
    },
    { what: 'reads before it writes', send: ({ user }) => ['get', `/Users/${user}`], status: 200 },
    {
      what: 'pushes the profile whole',
      send: ({ user }) => [
        'put',
        `/Users/${user}`,
        person({ id: user, displayName: 'Ana Lima-Sol', meta: { resourceType: 'User' } }),
      ],
      status: 200,
      holds: { displayName: 'Ana Lima-Sol', status: 'active' },
    },
    {
      what: 'deactivates by a whole PUT',
      send: ({ user }) => ['put', `/Users/${user}`, person({ id: user, active: false })],
      status: 200,
      holds: { status: 'deprovisioned', sessions: 0 },
    },
    {
      what: 'lists in a steady order with integer counters',
      send: () => ['get', '/Users?startIndex=1&count=100'],
      status: 200,
      expects: one,
    },
  ],
  JumpCloud: [
    {
      what: 'makes a user to test with',
      send: () => [
        'post',
        '/Users',
        person({ userName: 'test.user@acme.test', emails: [{ value: 'test.user@acme.test' }] }),
      ],
      status: 201,
      expects: keepsUser,
    },
    {
      what: 'makes a group to test with',
      send: () => ['post', '/Groups', { schemas: [GROUP], displayName: 'Test group' }],
      status: 201,
      expects: keepsGroup,
    },
    { what: 'deletes the group', send: ({ group }) => ['delete', `/Groups/${group}`], status: 204 },
    { what: 'deletes the user', send: ({ user }) => ['delete', `/Users/${user}`], status: 204 },
    { what: 'looks the person up', send: () => ['get', lookUp(`userName eq "${EMAIL}"`)], status: 200, expects: none },
    {
      what: 'makes them',
      send: () => ['post', '/Users', person({ externalId: '5f0', password: 'x' })],
      status: 201,
      expects: keepsUser,
    },
    { what: 'looks the group up', send: () => ['get', groupNamed('Writers')], status: 200, expects: none },
    {
      what: 'makes the group',
      send: () => ['post', '/Groups', { schemas: [GROUP], displayName: 'Writers', members: [] }],
      status: 201,
      expects: keepsGroup,
    },
    {
      what: 'adds a member by a list',
      send: ({ group, user }) => [
        'patch',
        `/Groups/${group}`,
        patch({ op: 'add', path: 'members', value: [{ value: user }] }),
      ],
      status: 204,
      holds: { roles: ['member'] },
    },
    {
      what: 'removes a member by a list instead of a filter',
      send: ({ group, user }) => [
        'patch',
        `/Groups/${group}`,
        patch({ op: 'remove', path: 'members', value: [{ value: user }] }),
      ],
      status: 204,
      holds: { roles: [] },
    },
    {
      what: 'updates by a whole PUT',
      send: ({ user }) => ['put', `/Users/${user}`, person({ id: user, displayName: 'Ana of JumpCloud' })],
      status: 200,
      holds: { displayName: 'Ana of JumpCloud' },
    },
    {
      what: 'suspends by a PUT',
      send: ({ user }) => ['put', `/Users/${user}`, person({ id: user, active: false })],
      status: 200,
      holds: { status: 'deprovisioned', sessions: 0 },
    },
  ],
  OneLogin: [
    { what: 'lists groups for its rules', send: () => ['get', '/Groups'], status: 200, expects: none },
    { what: 'looks the person up', send: () => ['get', lookUp(`userName eq "${EMAIL}"`)], status: 200, expects: none },
    {
      what: 'makes them, with the extension',
      send: () => [
        'post',
        '/Users',
        person({
          schemas: [USER, ENTERPRISE],
          [ENTERPRISE]: { department: 'Editing', manager: { value: 'm-1', displayName: 'Boss' } },
        }),
      ],
      status: 201,
      expects: keepsUser,
    },
    {
      what: 'makes the group',
      send: ({ user }) => ['post', '/Groups', { schemas: [GROUP], displayName: 'Writers', members: [{ value: user }] }],
      status: 201,
      expects: keepsGroup,
      holds: { roles: ['member'] },
    },
    {
      what: 'replaces all members',
      send: ({ group }) => ['patch', `/Groups/${group}`, patch({ op: 'replace', path: 'members', value: [] })],
      status: 204,
      holds: { roles: [] },
    },
    {
      what: 'adds one as a single object',
      send: ({ group, user }) => [
        'patch',
        `/Groups/${group}`,
        patch({ op: 'add', path: 'members', value: { value: user } }),
      ],
      status: 204,
      holds: { roles: ['member'] },
    },
    {
      what: 'updates by a whole PUT',
      send: ({ user }) => ['put', `/Users/${user}`, person({ displayName: 'Ana of OneLogin' })],
      status: 200,
      holds: { displayName: 'Ana of OneLogin', roles: ['member'] },
    },
    {
      what: 'suspends by a PATCH',
      send: ({ user }) => ['patch', `/Users/${user}`, patch({ op: 'replace', path: 'active', value: 'false' })],
      status: 200,
      holds: { status: 'deprovisioned', sessions: 0 },
    },
    { what: 'deletes', send: ({ user }) => ['delete', `/Users/${user}`], status: 204 },
  ],
  Rippling: [
    {
      what: 'reads what there is, page by page',
      send: () => ['get', '/Users?startIndex=1&count=100'],
      status: 200,
      expects: none,
    },
    {
      what: 'makes the person',
      send: () => ['post', '/Users', person({ externalId: 'rip-1' })],
      status: 201,
      expects: keepsUser,
    },
    {
      what: 'makes them again, as after a lost answer',
      send: () => ['post', '/Users', person({ externalId: 'rip-1' })],
      status: 409,
      expects: (body) => assert.equal(body['scimType'], 'uniqueness'),
    },
    {
      what: 'finds them by externalId',
      send: () => ['get', lookUp('externalId eq "rip-1"')],
      status: 200,
      expects: one,
    },
    {
      what: 'makes the group',
      send: () => ['post', '/Groups', { schemas: [GROUP], displayName: 'Writers' }],
      status: 201,
      expects: keepsGroup,
    },
    {
      what: 'adds the member',
      send: ({ group, user }) => [
        'patch',
        `/Groups/${group}`,
        patch({ op: 'add', path: 'members', value: [{ value: user, display: 'Ana' }] }),
      ],
      status: 204,
      holds: { roles: ['member'] },
    },
    {
      what: 'changes several attributes at once',
      send: ({ user }) => [
        'patch',
        `/Users/${user}`,
        patch(
          { op: 'replace', path: 'name.familyName', value: 'Sol' },
          { op: 'replace', path: 'displayName', value: 'Ana Sol' },
          { op: 'replace', path: 'emails[primary eq true].value', value: EMAIL },
        ),
      ],
      status: 200,
      holds: { displayName: 'Ana Sol' },
    },
    {
      what: 'ends the person by a PATCH',
      send: ({ user }) => ['patch', `/Users/${user}`, patch({ op: 'replace', path: 'active', value: false })],
      status: 200,
      holds: { status: 'deprovisioned', sessions: 0 },
    },
    { what: 'deletes the group', send: ({ group }) => ['delete', `/Groups/${group}`], status: 204 },
  ],
};

async function walk(provider: Provider, steps: readonly Step[]): Promise<void> {
  const known: Known = { user: '', group: '' };
  for (const { what, send, status, expects, holds = {} } of steps) {
    const before = await accountOf(provider, EMAIL);
    if (holds.sessions === 0 && before !== undefined) await openSession(provider, before.id);
    const { body } = await provider.scim(...send(known)).expect(status);
    expects?.(body, known);
    const after = await accountOf(provider, EMAIL);
    for (const [name, value] of Object.entries(holds)) {
      assert.deepEqual(after?.[name as keyof typeof after], value, `${what}: ${name}`);
    }
  }
}

describe('identity providers', () => {
  for (const [name, steps] of Object.entries(SEQUENCES)) {
    it(`${name}: ${steps.length} requests as it sends them, each with its effect before the answer`, async () => {
      const provider = await arrangeProvider(server);
      await mapGroup(provider, 'Writers', 'member');
      await walk(provider, steps);
    });
  }
});
