import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Filter, parseFilter } from '../../../src/directory/scim/filter.ts';
import { Fault } from '../../../src/errors.ts';

/** A tree as text with every bracket written out, to see what binds to what. */
function shown(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return `(${shown(filter.left)} ${filter.kind} ${shown(filter.right)})`;
    case 'not':
      return `not (${shown(filter.filter)})`;
    case 'element':
      return `${filter.path}[${shown(filter.filter)}]`;
    case 'present':
      return `${filter.path} pr`;
    case 'compare':
      return `${filter.path} ${filter.operator} ${JSON.stringify(filter.value)}`;
  }
}

describe('the filter grammar', () => {
  const readings: [text: string, reading: string][] = [
    ['userName eq "ana"', 'userName eq "ana"'],
    ['  userName   EQ "ana"  ', 'userName eq "ana"'],
    ['title pr', 'title pr'],
    ['active eq TRUE', 'active eq true'],
    ['age ge -1.5e2', 'age ge -150'],
    ['manager eq null', 'manager eq null'],
    ['a pr or b pr and c pr', '(a pr or (b pr and c pr))'],
    ['a pr and b pr or c pr', '((a pr and b pr) or c pr)'],
    ['(a pr or b pr) AND c pr', '((a pr or b pr) and c pr)'],
    ['a pr and not (b pr or c pr)', '(a pr and not ((b pr or c pr)))'],
    ['emails[type eq "work" and value co "@x"]', 'emails[(type eq "work" and value co "@x")]'],
    ['userName eq "say \\"no\\" (or [not])"', 'userName eq "say \\"no\\" (or [not])"'],
    [
      'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"',
      'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"',
    ],
    ['not pr', 'not pr'],
  ];
  for (const [text, reading] of readings) {
    it(text, () => assert.equal(shown(parseFilter(text)), reading));
  }

  it('given a readable filter, when it is written out and read again, then it is the same', () => {
    const leaf = fc.record({
      kind: fc.constant('compare' as const),
      path: fc.stringMatching(/^[a-z]{1,6}(\.[a-z]{1,5})?$/).filter((path) => path !== 'not'),
      operator: fc.constantFrom('eq' as const, 'ne' as const, 'co' as const, 'ge' as const),
      value: fc.oneof(fc.string(), fc.boolean(), fc.integer()),
    });
    const { tree } = fc.letrec<{ tree: Filter }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        leaf,
        fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), left: tie('tree'), right: tie('tree') }),
        fc.record({ kind: fc.constant('not' as const), filter: tie('tree') }),
      ),
    }));
    fc.assert(
      fc.property(tree, (filter) => assert.equal(shown(parseFilter(shown(filter))), shown(filter))),
      { numRuns: 2000 },
    );
  });

  it('given anything at all, then it is read or refused as invalidFilter, at once', () => {
    const pieces = fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '"',
      '\\',
      ' and ',
      ' or ',
      ' not ',
      ' eq ',
      ' pr',
      'userName',
      '"x"',
      ' ',
      '.',
      ':',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.oneof(pieces, fc.string()), { maxLength: 60 }).map((each) => each.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        try {
          parseFilter(given);
        } catch (error) {
          assert.ok(error instanceof Fault, String(error));
          assert.equal(error.extra['scimType'], 'invalidFilter');
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
