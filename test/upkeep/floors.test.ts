import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-floors-'));
after(() => rmSync(folder, { recursive: true, force: true }));
for (const file of ['biome.json', '.gitignore']) copyFileSync(file, join(folder, file));

/** What `npm run check` says of a source tree of these files. */
function check(files: Record<string, string>): { passed: boolean; said: string } {
  rmSync(join(folder, 'src'), { recursive: true, force: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const biome = spawnSync(resolve('node_modules/.bin/biome'), ['ci', '--colors=off', '--error-on-warnings', '.'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { passed: biome.status === 0, said: biome.stdout + biome.stderr };
}

describe('npm run check holds the floors', () => {
  const ROOMS = [
    'sign-in',
    'reviews',
    'directory',
    'offboarding',
    'mail',
    'credentials',
    'access',
    'tenancy',
    'audit',
    'jobs',
    'http',
    'store',
  ];
  for (const [at, room] of ROOMS.entries()) {
    const below = ROOMS[at + 1];
    if (below === undefined) continue;
    it(`given ${below} imports from ${room}, which is above it, then it fails; the other way round it passes`, () => {
      const value = 'export const value = 1;\n';
      const importing = (other: string) =>
        `import { value } from '../${other}/thing.ts';\n\nexport const twice = value * 2;\n`;
      const upward = check({ [`src/${room}/thing.ts`]: value, [`src/${below}/uses.ts`]: importing(room) });
      assert.equal(upward.passed, false);
      assert.match(upward.said, /noRestrictedImports/);
      const downward = check({ [`src/${below}/thing.ts`]: value, [`src/${room}/uses.ts`]: importing(below) });
      assert.equal(downward.passed, true, downward.said);
    });
  }

  it('given two files that import each other, then it fails', () => {
    const { passed, said } = check({
      'src/audit/one.ts': "import { two } from './two.ts';\n\nexport const one = (): number => two();\n",
      'src/audit/two.ts': "import { one } from './one.ts';\n\nexport const two = (): number => one();\n",
    });
    assert.equal(passed, false);
    assert.match(said, /noImportCycles/);
  });
});
