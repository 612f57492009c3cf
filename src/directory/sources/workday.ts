/** People from a Workday report that is enabled as a web service (RaaS), which comes as one long JSON document and is read as a stream. */
import { z } from 'zod';
import { definition } from './rest/settings.ts';
import { openRest, restSecrets } from './rest.ts';
import { sourceKind } from './source.ts';

const { fields, active, inactive, emptyDays } = definition.shape;

export const workday = sourceKind({
  settings: z.strictObject({
    /** The report's address, `https://.../ccx/service/customreport2/TENANT/OWNER/REPORT`, with its prompts as query. */
    url: z.url(),
    /** With it the secrets `clientId`, `clientSecret` and `refreshToken` of an API client; without, `username` and `password`. */
    tokenUrl: z.url().optional(),
    /** As the report's columns are called in it (their XML alias). */
    fields,
    active,
    inactive,
    emptyDays,
  }),
  secrets: restSecrets,
  open: ({ url, tokenUrl, ...said }, context) => {
    const { origin, pathname, searchParams } = new URL(url);
    const query = { ...Object.fromEntries(searchParams), format: 'json' };
    const auth = tokenUrl === undefined ? ({ kind: 'basic' } as const) : oauthAt(tokenUrl);
    const people = { path: pathname, query, at: 'Report_Entry', paging: { kind: 'none' as const } };
    return openRest({ ...said, baseUrl: origin, auth, people }, context);
  },
});

function oauthAt(tokenUrl: string) {
  return { kind: 'oauth', tokenUrl, client: 'basic' } as const;
}
