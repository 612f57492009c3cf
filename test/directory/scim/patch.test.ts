import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { divideOperations } from '../../../src/directory/scim/member-change.ts';
import { patched } from '../../../src/directory/scim/patch.ts';
import { readOperations } from '../../../src/directory/scim/patch-request.ts';
import { readResource } from '../../../src/directory/scim/resource.ts';
import { GROUP, USER } from '../../../src/directory/scim/schemas.ts';
import { Fault } from '../../../src/errors.ts';
import { ENTERPRISE, patchOf } from './arrange.ts';

const ana = {
  userName: 'ana',
  active: true,
  name: { givenName: 'Ana', familyName: 'Alder' },
  emails: [
    { type: 'work', value: 'ana@acme.test', primary: true },
    { type: 'home', value: 'ana@home.test' },
  ],
  [ENTERPRISE]: { department: 'Sales', manager: { value: 'm1', displayName: 'Max' } },
  shoeSize: 39,
};

const after = (...operations: unknown[]): Record<string, unknown> =>
  patched(USER, ana, 'id-1', readOperations(patchOf(...operations)));

describe('what a PATCH makes of a user', () => {
  const cases: [name: string, operations: unknown[], expected: Record<string, unknown>][] = [
    ['nothing', [], {}],
    ['replaces a value', [{ op: 'replace', path: 'title', value: 'Lead' }], { title: 'Lead' }],
    ['finds attributes in any letter case', [{ OP: 'REPLACE', Path: 'USERNAME', Value: 'ann' }], { userName: 'ann' }],
    [
      'takes a path after the core URN',
      [{ op: 'add', path: 'urn:ietf:params:scim:schemas:core:2.0:User:title', value: 'Lead' }],
      { title: 'Lead' },
    ],
    [
      'merges a complex value',
      [{ op: 'replace', path: 'name', value: { givenName: 'Anna' } }],
      { name: { givenName: 'Anna', familyName: 'Alder' } },
    ],
    ['removes a part', [{ op: 'remove', path: 'name.givenName' }], { name: { familyName: 'Alder' } }],
    [
      'removes a complex value with its last part',
      [
        { op: 'remove', path: 'name.givenName' },
        { op: 'remove', path: 'name.familyName' },
      ],
      { name: undefined },
    ],
    ['null means unassigned', [{ op: 'replace', path: 'name', value: null }], { name: undefined }],
    ['active as a word', [{ op: 'replace', path: 'active', value: 'FALSE' }], { active: false }],
    [
      'adds an element once',
      [{ op: 'add', path: 'emails', value: [ana.emails[1], { value: 'new@acme.test' }] }],
      { emails: [...ana.emails, { value: 'new@acme.test' }] },
    ],
    [
      'a new primary element is the only one',
      [{ op: 'add', path: 'emails', value: { value: 'new@acme.test', primary: 'true' } }],
      { emails: [{ ...ana.emails[0], primary: false }, ana.emails[1], { value: 'new@acme.test', primary: true }] },
    ],
    [
      'replaces all elements',
      [{ op: 'replace', path: 'emails', value: [{ value: 'only@acme.test' }] }],
      { emails: [{ value: 'only@acme.test' }] },
    ],
    [
      'changes the element meant',
      [{ op: 'replace', path: 'emails[type eq "HOME"].value', value: 'h@x' }],
      { emails: [ana.emails[0], { type: 'home', value: 'h@x' }] },
    ],
    [
      'changes the element meant by a boolean word',
      [{ op: 'replace', path: 'emails[primary eq "True"].value', value: 'p@x' }],
      { emails: [{ ...ana.emails[0], value: 'p@x' }, ana.emails[1]] },
    ],
    [
      'merges into the element meant',
      [{ op: 'add', path: 'emails[type eq "home"]', value: { display: 'Home' } }],
      { emails: [ana.emails[0], { ...ana.emails[1], display: 'Home' }] },
    ],
    [
      'makes the element that a filter describes',
      [{ op: 'add', path: 'phoneNumbers[type eq "work" and primary eq true].value', value: '1' }],
      { phoneNumbers: [{ type: 'work', primary: true, value: '1' }] },
    ],
    [
      'removes the element meant',
      [{ op: 'remove', path: 'emails[value ew "home.test"]' }],
      { emails: [ana.emails[0]] },
    ],
    [
      'an element without its value goes',
      [{ op: 'remove', path: 'emails[type eq "home"].value' }],
      { emails: [ana.emails[0]] },
    ],
    [
      'removes elements by a list',
      [{ op: 'remove', path: 'emails', value: [{ value: 'ana@home.test' }] }],
      { emails: [ana.emails[0]] },
    ],
    [
      'removing what is not there is no change',
      [
        { op: 'remove', path: 'emails[type eq "other"]' },
        { op: 'remove', path: 'title' },
      ],
      {},
    ],
    [
      'reaches into the extension',
      [{ op: 'replace', path: `${ENTERPRISE}:manager.displayName`, value: 'Mia' }],
      { [ENTERPRISE]: { department: 'Sales', manager: { value: 'm1', displayName: 'Mia' } } },
    ],
    [
      'an empty manager is none',
      [{ op: 'replace', path: `${ENTERPRISE.toLowerCase()}:manager`, value: '' }],
      { [ENTERPRISE]: { department: 'Sales' } },
    ],
    ['removes the extension', [{ op: 'remove', path: ENTERPRISE }], { [ENTERPRISE]: undefined }],
    [
      'adds to the extension as a whole',
      [{ op: 'add', path: ENTERPRISE, value: { division: 'North' } }],
      { [ENTERPRISE]: { ...ana[ENTERPRISE], division: 'North' } },
    ],
    [
      'keeps an extension that no schema describes',
      [{ op: 'add', path: 'urn:acme:hr:1.0:User:badge', value: { no: 7 } }],
      { 'urn:acme:hr:1.0:User': { badge: { no: 7 } } },
    ],
    [
      'changes an attribute that no schema describes',
      [{ op: 'replace', path: 'shoesize', value: 40 }],
      { shoeSize: 40 },
    ],
    ['keeps a new one without a path', [{ op: 'add', value: { shirtSize: 'M' } }], { shirtSize: 'M' }],
    [
      'passes over what this server writes',
      [{ op: 'replace', value: { id: 'id-1', schemas: [], meta: {}, groups: [], title: 'Lead' } }],
      { title: 'Lead' },
    ],
    [
      'never keeps a password',
      [
        { op: 'replace', path: 'password', value: 'secret' },
        { op: 'add', value: { password: 'x' } },
      ],
      {},
    ],
    [
      'later operations see earlier ones',
      [
        { op: 'add', path: 'title', value: 'A' },
        { op: 'remove', path: 'title' },
      ],
      {},
    ],
  ];
  for (const [name, operations, expected] of cases) {
    it(name, () => {
      const wanted = Object.fromEntries(
        Object.entries({ ...ana, ...expected }).filter(([, value]) => value !== undefined),
      );
      assert.deepEqual(after(...operations), wanted);
    });
  }

  it('given any operations, then they are refused, or the outcome is a resource that a PUT would take as it is', () => {
    const name = fc.constantFrom(
      'active',
      'name',
      'name.givenName',
      'emails',
      'emails[type eq "work"].value',
      'emails.value',
      ENTERPRISE,
      `${ENTERPRISE}:manager`,
      'title',
      'urn:x:y:z',
      'userName',
      'shoeSize',
      'roles',
      'x509Certificates.value',
      '__proto__',
      'id',
      'addresses[type eq "a"]',
    );
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('True', 'false', { value: 'x' }, [{ value: 'x', primary: 'true' }]),
      fc.dictionary(name, fc.jsonValue()),
    );
    const operation = fc.record(
      { op: fc.constantFrom('add', 'Replace', 'REMOVE'), path: fc.oneof(name, fc.string()), value },
      { requiredKeys: ['op'] },
    );
    const before = structuredClone(ana);
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 4 }), (operations) => {
        try {
          const outcome = after(...operations);
          assert.deepEqual(readResource(USER, { ...outcome, schemas: [USER.core.id] }), outcome);
        } catch (error) {
          if (!(error instanceof Fault)) throw error;
        }
        assert.deepEqual(ana, before);
        assert.equal(({} as Record<string, unknown>)['value'], undefined, 'no prototype was touched');
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('what a PATCH means for members', () => {
  const cases: [name: string, operations: unknown[], all: boolean, add: string[], remove: string[]][] = [
    ['adds', [{ op: 'add', path: 'members', value: [{ value: 'A' }, { value: 'b' }] }], false, ['a', 'b'], []],
    ['adds without a path', [{ op: 'add', value: { members: [{ value: 'a' }] } }], false, ['a'], []],
    [
      'removes by several filters in one',
      [{ op: 'remove', path: 'members[value eq "a" or value eq "b"]' }],
      false,
      [],
      ['a', 'b'],
    ],
    [
      'the last word counts',
      [
        { op: 'add', path: 'members', value: [{ value: 'a' }] },
        { op: 'remove', path: 'members[value eq "a"]' },
      ],
      false,
      [],
      ['a'],
    ],
    [
      'and again',
      [
        { op: 'remove', path: 'members', value: [{ value: 'a' }] },
        { op: 'add', path: 'members', value: 'a' },
      ],
      false,
      ['a'],
      [],
    ],
    [
      'replaces all',
      [
        { op: 'add', path: 'members', value: [{ value: 'a' }] },
        { op: 'replace', path: 'members', value: [{ value: 'b' }] },
      ],
      true,
      ['b'],
      [],
    ],
    ['removes all', [{ op: 'remove', path: 'members' }], true, [], []],
    ['removes none', [{ op: 'remove', path: 'members', value: [] }], false, [], []],
  ];
  for (const [name, operations, all, add, remove] of cases) {
    it(name, () => {
      const { members, others } = divideOperations(readOperations(patchOf(...operations)));
      assert.deepEqual([members.replacesAll, [...members.add], [...members.remove], others], [all, add, remove, []]);
    });
  }

  it('leaves the rest to the group', () => {
    const { members, others } = divideOperations(
      readOperations(patchOf({ op: 'replace', value: { displayName: 'New', members: [] } })),
    );
    assert.equal(members.replacesAll, true);
    assert.deepEqual(patched(GROUP, { displayName: 'Old' }, 'g', others), { displayName: 'New' });
  });
});
