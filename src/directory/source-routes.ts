/** What kinds of source there are, and what one would say: for whoever is setting a directory up. */
import { z } from 'zod';
import { tenantOf } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import { schemaOf } from '../http/json-schema.ts';
import { inTenant, type TenantTransaction } from '../store/tenant.ts';
import { type DirectoryInput, directoryInput, refuseServerFiles } from './directory.ts';
import type { RunDependencies } from './reconcile/run.ts';
import { isPulled, openedSecrets, openKind, SOURCE_KINDS, type SourceKindName } from './sources/open.ts';
import type { Reading, SourceKind, SourceRecord } from './sources/source.ts';

const FEW = 10;
const directoryPath = z.object({ directory: z.string() });

const sampledPerson = z.object({
  key: z.string(),
  email: z.string().nullable(),
  name: z.string(),
  active: z.boolean(),
  startsOn: z.string().nullable(),
  endsOn: z.string().nullable(),
  groups: z.array(z.string()),
  /** Everything that the source says, by its own names: what conditions of mapping rules read. */
  attributes: z.record(z.string(), z.unknown()),
});
type SampledPerson = z.input<typeof sampledPerson>;

/** Routes below `/api/v1/organizations/:organization`. */
export function sourceRoutes(deps: RunDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const area = 'directories';
  const shape = z.record(z.string(), z.unknown());

  endpoint(
    api,
    {
      method: 'get',
      path: '/directory-kinds',
      summary: 'The kinds of directory that are pulled, and as JSON Schema what is said of one and what is kept secret',
      area,
      answer: z.object({ kinds: z.array(z.object({ kind: z.string(), config: shape, secrets: shape })) }),
    },
    async () => ({
      kinds: Object.entries<SourceKind>(SOURCE_KINDS).map(([kind, { settings, secrets }]) => ({
        kind,
        config: schemaOf(settings),
        secrets: schemaOf(secrets),
      })),
    }),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/directories/:directory/sample',
      summary:
        'Read the first few people as a directory would be set; nothing is stored, and secrets that are left out are those kept',
      area,
      params: directoryPath,
      body: z.record(z.string(), z.unknown()),
      answer: z.object({
        people: z.array(sampledPerson),
        bad: z.array(z.object({ where: z.string(), reason: z.string() })),
      }),
    },
    async ({ params, body }, request) => {
      const { organizationId, origin } = tenantOf(request);
      const input = directoryInput.parse({ ...body, slug: params.directory });
      if (!isPulled(input.kind)) return { people: [], bad: [] };
      const { kind } = input;
      const secrets = await inTenant(
        deps.store.db,
        organizationId,
        origin,
        (tx) => secretsFor(deps, tx, kind, input),
        'reader',
      );
      return sampleOf(await openKind(deps, kind, input.config, secrets).read(null));
    },
  );
  return api;
}

/** What was said now, else what is kept. */
async function secretsFor(deps: RunDependencies, tx: TenantTransaction, kind: SourceKindName, input: DirectoryInput) {
  const known = await tx.db.selectFrom('directories').selectAll().where('slug', '=', input.slug).executeTakeFirst();
  refuseServerFiles(tx, input, known?.config);
  const said = 'secrets' in input ? input.secrets : undefined;
  const found: SourceKind = SOURCE_KINDS[kind];
  if (said !== undefined && Object.keys(said).length > 0) return found.secrets.parse(said);
  const { sealingKeys } = deps.settings.secrets;
  return openedSecrets(
    sealingKeys,
    found,
    known ?? { id: '', slug: input.slug, kind, config: {}, sealed_secrets: null },
  );
}

async function sampleOf({ records }: Reading) {
  const people: SampledPerson[] = [];
  const bad: { where: string; reason: string }[] = [];
  for await (const record of records) {
    if (record.kind === 'bad') bad.push({ where: record.where, reason: record.reason });
    if (record.kind === 'user') people.push(shown(record));
    if (people.length >= FEW || bad.length >= FEW) break;
  }
  return { people, bad };
}

function shown(user: Extract<SourceRecord, { kind: 'user' }>): SampledPerson {
  const { sourceKey: key, email, displayName: name, active, startsOn, endsOn, groups, attributes } = user;
  return { key, email, name, active, startsOn, endsOn, groups: [...groups], attributes };
}
