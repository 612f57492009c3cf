/** CSV feeds: a whole one is read, and nothing else is taken for one. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { csv } from '../../../src/directory/sources/csv.ts';
import { checkSource, type SourceDouble } from './kit.ts';
import type { World } from './world.ts';

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** A world as an HR system exports it. */
function exported({ people, groups }: World): string {
  const lines = people.map(({ id, email, given, family, active }) => {
    const names = groups.filter(({ members }) => members.includes(id)).map(({ name }) => name);
    return [id, email, `${given} ${family}`, active ? 'active' : 'terminated', names.join(';')].map(quoted).join(',');
  });
  return ['id,email,name,status,groups', ...lines, ''].join('\n');
}

async function startFile(world: World): Promise<SourceDouble> {
  const file = join(mkdtempSync(join(tmpdir(), 'drawbridge-csv-')), 'hr.csv');
  let truncated = false;
  return {
    open: (context) => {
      const settings = csv.settings.parse({ file, columns: { status: 'status', groups: 'groups' } });
      const source = csv.open(settings, { ...context, secrets: {} });
      return {
        read: async (since) => {
          const text = exported(world);
          writeFileSync(file, truncated ? text.slice(0, text.length / 2) : text);
          return source.read(since);
        },
      };
    },
    pages: () => 1,
    meet: () => {
      truncated = true;
    },
    close: async () => {},
  };
}

checkSource('a CSV file', {
  start: startFile,
  pageSize: null,
  groups: true,
  cannot: ['cut-off', 'login-page', 'server-error', 'rate-limit', 'hang', 'trickle', 'denied'],
});
