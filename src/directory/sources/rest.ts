/**
 * People and groups from any API that lists them as JSON. What is said of it (directory, Sources): where, as whom, how its lists are paged,
 * and what its fields are called; for known services a preset says so.
 */
import { z } from 'zod';
import { type RestSecrets, restClient } from './rest/client.ts';
import { entriesOf } from './rest/lists.ts';
import { readGroups, readPeople } from './rest/records.ts';
import { completed, type Definition, definition, restSettings } from './rest/settings.ts';
import { fullReading, type Source, type SourceContext, type SourceRecord, sourceKind } from './source.ts';

const secret = z.string().min(1).max(10_000).optional();

export const restSecrets = z.strictObject({
  token: secret,
  username: secret,
  password: secret,
  clientId: secret,
  clientSecret: secret,
  refreshToken: secret,
});

/** A JSON API. */
export const rest = sourceKind({
  settings: restSettings,
  secrets: restSecrets,
  open: (settings, context) => openRest(definition.parse(completed(settings)), context),
});

/** Opens one whose settings are whole. */
export function openRest(whole: Definition, context: SourceContext<RestSecrets>): Source {
  const client = restClient(whole, context);
  const { people, fields, groups } = whole;
  async function* read(): AsyncGenerator<SourceRecord> {
    yield* readPeople(entriesOf(client, people, fields.id), whole, people.path);
    if (groups === undefined) return;
    yield* readGroups(entriesOf(client, groups.list, groups.fields.id), groups, groups.list.path);
  }
  return { read: async () => fullReading(read()) };
}
