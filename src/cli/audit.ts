/** `drawbridge audit` and `drawbridge evidence`. */
import { type Command, Option } from 'commander';
import { auditCheckpoint, auditCheckpointKey, auditExport, auditSearch, auditVerify } from '../audit/audit-command.ts';
import { verifyEvidence } from '../offboarding/evidence-signature.ts';
import { installationKeys } from '../sign-in/oauth/signing-keys.ts';
import { collect, organization, readText, say, withDependencies, withOrganization } from './terminal.ts';

/** Adds them. */
export function addAudit(program: Command): void {
  program
    .command('evidence')
    .description('evidence of offboarding')
    .command('verify <file>')
    .description('check that this installation gave out a file (JSON, page or CSV) just as it is')
    .action((file: string) =>
      withDependencies(async (deps) => {
        const { format, kid, evidence } = await verifyEvidence(installationKeys(deps), readText(file));
        const what =
          evidence === null ? '' : ` ${evidence.kind} of ${evidence.organization.slug}, made at ${evidence.madeAt}`;
        say(`ok: ${format}${what}, signed by ${kid}`);
      }),
    );

  const audit = program.command('audit').description('prove and export what happened');
  audit
    .command('verify')
    .description('check the chain of seals; names the first broken event')
    .addOption(organization())
    .option('--checkpoint <file>', 'checkpoints kept from earlier, which the chain must still contain')
    .option('--key <file>', 'the public key that signed them, if the sealing key has changed since')
    .action((options: { organization?: string; checkpoint?: string; key?: string }) =>
      withDependencies(async (deps) => {
        const { checkpoint, key } = options;
        const kept = checkpoint && { checkpoints: readText(checkpoint), key: key && readText(key) };
        const { lines, ok } = await auditVerify(deps, options.organization, kept || undefined);
        lines.forEach(say);
        if (!ok) process.exitCode = 1;
      }),
    );
  audit
    .command('checkpoint')
    .description('sign where the chains end now; keep it outside, for verify --checkpoint')
    .addOption(organization())
    .option('--key', 'print the public key instead')
    .action((options: { organization?: string; key?: true }) =>
      withDependencies(async (deps) => {
        if (options.key) say(await auditCheckpointKey(deps));
        else (await auditCheckpoint(deps, options.organization)).forEach(say);
      }),
    );
  const filterOption = () =>
    new Option('--filter <field=value...>', 'as the API takes them, e.g. action=user.deprovisioned from=2026-01-01')
      .argParser(collect)
      .default({});
  audit
    .command('search')
    .description('a page of events, newest first, as JSON')
    .addOption(organization())
    .addOption(filterOption())
    .option('--limit <count>', 'at most so many')
    .option('--cursor <next>', 'what "next" said on the page before')
    .action((options: { organization?: string; filter: Record<string, string>; limit?: string; cursor?: string }) =>
      withOrganization(options.organization, async (deps, organizationId) => {
        const { filter, limit, cursor } = options;
        const asked = { ...filter, ...(limit ? { limit } : {}), ...(cursor ? { cursor } : {}) };
        say(JSON.stringify(await auditSearch(deps, organizationId, asked), null, 2));
      }),
    );
  audit
    .command('export')
    .description('write events to the standard output')
    .addOption(organization())
    .addOption(new Option('-f, --format <format>', 'ndjson, csv or ocsf').default('ndjson'))
    .addOption(filterOption())
    .action((options: { organization?: string; format: string; filter: Record<string, string> }) =>
      withOrganization(options.organization, async (deps, organizationId) => {
        await auditExport(deps, organizationId, { format: options.format, ...options.filter }, process.stdout);
      }),
    );
}
