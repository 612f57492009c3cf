/** `npm run build:console`: the API's types for the console (`--types`: only these), then the console itself, into `dist/console`. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { loadModels } from './access/model-file.ts';
import { describeApi } from './app.ts';
import { operationTypes } from './http/openapi-types.ts';
import { openLog } from './log.ts';
import { loadSettings } from './settings.ts';

const root = fileURLToPath(new URL('./console', import.meta.url));
const made = fileURLToPath(new URL('../dist/console', import.meta.url));

writeFileSync(`${root}/api/operations.ts`, operationTypes(apiDocument()));
if (!process.argv.includes('--types')) await buildPages();

function apiDocument(): Record<string, unknown> {
  const settings = loadSettings({}, {});
  // Nothing is asked of a database to say what there is.
  const asked = { settings, models: loadModels(settings.modelsFolder), log: openLog('silent'), store: {}, jobs: {} };
  return describeApi(asked as unknown as Parameters<typeof describeApi>[0]);
}

async function buildPages(): Promise<void> {
  const vite = await import('vite').catch(() => undefined);
  if (vite === undefined) {
    process.stdout.write('The console is not built: the packages that build it are left out.\n');
    return;
  }
  await vite.build({ root, configFile: `${root}/vite.config.ts`, logLevel: 'warn' });
  for (const file of globSync(`${made}/assets/*.{js,css}`)) writeFileSync(`${file}.gz`, gzipSync(readFileSync(file)));
}
