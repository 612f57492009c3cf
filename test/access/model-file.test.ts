import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { checkModelFiles, loadModels } from '../../src/access/model-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-models-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What is wrong with the model atomyx, once `from` is replaced. */
function problems(from: string | RegExp, to: string) {
  const text = readFileSync('config/models/atomyx.yaml', 'utf8');
  const spoiled = text.replace(from, to);
  assert.notEqual(spoiled, text, 'the mistake was made');
  const path = join(folder, 'atomyx.yaml');
  writeFileSync(path, spoiled);
  const line = spoiled.slice(0, spoiled.indexOf(to)).split('\n').length;
  return { line, found: checkModelFiles([path]) };
}

describe('a model file', () => {
  const mistakes: readonly [name: string, from: string | RegExp, to: string, reason: RegExp][] = [
    [
      'a role that a permission gives but that there is not',
      'product: [admin, editor] }',
      'product: [admin, emperor] }',
      /emperor/,
    ],
    ['two roles of one rank', '{ rank: 45 }', '{ rank: 50 }', /already the rank/],
    ['a layer that there is not', 'layers: [account,', 'layers: [roof,', /layers|account|roof/],
    [
      'a permission nobody could be asked',
      'at: workspace, roles: { workspace: [owner, admin] } }',
      'at: moon, roles: { workspace: [owner, admin] } }',
      /scope|moon|at/,
    ],
    ['an unknown word', 'rank: 20', 'grade: 20', /grade|rank/],
    [
      'an owner that a rule could make',
      'sources: [manual, ownership]',
      'sources: [manual, mapping]',
      /can't be given by mapping/,
    ],
    [
      'an administration by a permission that there is not',
      'people: users.manage',
      'people: users.rule',
      /users\.rule/,
    ],
    [
      'a key of a permission that there is not',
      'permissions: [workspace.view, product.edit, product.view]',
      'permissions: [workspace.sell]',
      /workspace\.sell/,
    ],
  ];
  for (const [name, from, to, reason] of mistakes) {
    it(`given ${name}, then the mistake is told with its line (or its role's) and reason`, () => {
      const { line, found } = problems(from, to);
      assert.ok(found.length > 0, 'refused');
      assert.ok(
        found.some((each) => Math.abs(each.line - line) <= 4 && reason.test(each.reason)),
        JSON.stringify({ line, found }),
      );
    });
  }

  it('given YAML that is none, then its place is told', () => {
    const { found } = problems('roles:', 'roles: [');
    assert.ok(found[0] && found[0].line > 1, JSON.stringify(found));
  });

  it('given one bad file among the models, then none is loaded and the fault names it', () => {
    problems('rank: 20', 'rank: high');
    assert.throws(() => loadModels(folder), { code: 'invalid-model', where: /atomyx\.yaml:\d+:\d+/ });
  });

  it('given a folder that is not there or is empty, then it says so', () => {
    assert.throws(() => loadModels(join(folder, 'nowhere')), { code: 'invalid-model', message: /can't be read/ });
  });
});
