/** `drawbridge api-keys` and `drawbridge keys`. */
import type { Command } from 'commander';
import { createKey, keyLines, revokeKey, rotateKey } from '../credentials/api-key-command.ts';
import { listSealingKeys, rotateSealingKeys } from '../credentials/keys-command.ts';
import { organization, say, withDependencies, withTenant } from './terminal.ts';

/** Adds them. */
export function addKeys(program: Command): void {
  const apiKeys = program.command('api-keys').description('API keys of an organization; a new one is shown once');
  apiKeys
    .command('list')
    .description('every key: its kind, place, scopes, end and last use')
    .addOption(organization())
    .action((options: { organization?: string }) =>
      withTenant(options.organization, async (_, tx) => (await keyLines(tx)).forEach(say)),
    );
  apiKeys
    .command('create')
    .description("make a key for a machine; a person's own key is made by that person")
    .requiredOption('-n, --name <name>', 'what people call it')
    .requiredOption('-k, --kind <kind>', 'project, service or workspace, as far as the access model has it')
    .requiredOption(
      '-s, --scope <scope...>',
      "permissions of the access model, or Drawbridge's own: access:evaluate ...",
    )
    .option('-w, --workspace <slug>', 'where it belongs; left out for the whole organization')
    .option('-p, --product <slug>', 'a product of the workspace')
    .option('-e, --environment <name>', "development, staging or production; left out: its workspace's")
    .option('--expires-in-days <days>', 'left out: never')
    .addOption(organization())
    .action((options: Record<string, unknown> & { organization?: string }) =>
      withTenant(options.organization, async ({ models }, tx) => (await createKey(models, tx, options)).forEach(say)),
    );
  apiKeys
    .command('rotate <key>')
    .description('make a key in the place of another, by id or by how it is displayed; both count for the overlap')
    .option('--overlap-hours <hours>', 'for how long the old one still counts')
    .option('--expires-in-days <days>', 'left out: as long as the old one was made for')
    .addOption(organization())
    .action((key: string, options: Record<string, unknown> & { organization?: string }) =>
      withTenant(options.organization, async ({ models }, tx) =>
        (await rotateKey(models, tx, key, options)).forEach(say),
      ),
    );
  apiKeys
    .command('revoke <key>')
    .description('end a key at once, by id or by how it is displayed')
    .option('-r, --reason <text>', 'why; kept with the key and in the audit', 'revoked on the command line')
    .addOption(organization())
    .action((key: string, options: { reason: string; organization?: string }) =>
      withTenant(options.organization, async (_, tx) => say(await revokeKey(tx, key, options.reason))),
    );

  const keys = program.command('keys').description('the keys that seal stored secrets');
  keys
    .command('list', { isDefault: true })
    .description('how many rows are sealed under which key')
    .action(() => withDependencies(async (deps) => (await listSealingKeys(deps)).forEach(say)));
  keys
    .command('rotate')
    .description('seal everything with the first of the keys; can be interrupted and begun again')
    .action(() => withDependencies((deps) => rotateSealingKeys(deps, say)));
}
