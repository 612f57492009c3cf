import assert from 'node:assert/strict';
import { it } from 'node:test';
import { inWords } from '../../src/console/mapping/condition.ts';

it('given conditions as the database writes them, then people read words; what is beyond words stays as it is', () => {
  for (const [path, words] of [
    ['($."department" == "Sales")', 'department = "Sales"'],
    ['exists ($."department")', 'department exists'],
    ['($."a" != "x" && $."b" == "y")', 'a ≠ "x" and b = "y"'],
    ['rule sales: ($."department" == "Sales")', 'rule sales: department = "Sales"'],
    ['(($."a" == 1 || $."b" == 2) && $."c" == 3)', '((a = 1 or b = 2) and c = 3)'],
    ['group IT Admins', 'group IT Admins'],
  ] as const) {
    assert.equal(inWords(path), words);
  }
});
