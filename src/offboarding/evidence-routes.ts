/** Evidence, of a case and of a period: as JSON, as a page to print, and the period's also as CSV. */
import type { Response } from 'express';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import { caseEvidence } from './evidence.ts';
import { PAGE_POLICY } from './evidence-page.ts';
import { period, periodCsv, periodEvidence } from './evidence-period.ts';
import { signedCsv, signedJson, signedPage } from './evidence-signature.ts';
import type { OffboardingRouteDependencies } from './route-dependencies.ts';

/** Adds them to a router. */
export function declareEvidence(
  api: ApiRouter,
  { store: { db }, settings, signingKeys }: OffboardingRouteDependencies,
): void {
  const issuer = settings.http.baseUrl;
  endpoint(
    api,
    {
      method: 'get',
      path: '/offboarding-cases/:case/evidence',
      summary: 'Signed evidence of one case',
      area: 'audit',
      params: z.object({ case: z.string() }),
      query: z.object({ format: z.enum(['json', 'page']).default('json') }),
    },
    async ({ params, query: { format } }, request, response) => {
      const evidence = await withinTenant(db, request, async (tx) => {
        const resource = { type: 'offboarding_case', id: params.case };
        const read = await caseEvidence(tx, issuer, params.case);
        await record(tx, {
          action: 'offboarding.evidence_exported',
          resource,
          detail: { format, user: read.person.id },
        });
        return read;
      });
      const name = `offboarding-${evidence.case}`;
      if (format === 'page') send(response, name, 'html', await signedPage(signingKeys, evidence));
      else send(response, name, 'json', await signedJson(signingKeys, evidence));
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/offboarding-evidence',
      summary: 'Signed evidence of every case opened in a period, the slowest first',
      area: 'audit',
      query: period.extend({ format: z.enum(['json', 'page', 'csv']).default('json') }),
    },
    async ({ query: { format, ...wanted } }, request, response) => {
      const evidence = await withinTenant(db, request, async (tx) => {
        const resource = { type: 'organization', id: tx.organizationId };
        await record(tx, { action: 'offboarding.evidence_exported', resource, detail: { format, ...wanted } });
        return periodEvidence(tx, issuer, wanted);
      });
      const name = `offboarding-${wanted.from.slice(0, 10)}-${wanted.to.slice(0, 10)}`;
      if (format === 'page') send(response, name, 'html', await signedPage(signingKeys, evidence));
      else if (format === 'csv') send(response, name, 'csv', await signedCsv(signingKeys, periodCsv(evidence)));
      else send(response, name, 'json', await signedJson(signingKeys, evidence));
    },
  );
}

function send(response: Response, name: string, extension: 'json' | 'html' | 'csv', content: string): void {
  const shown = extension === 'html' ? 'inline' : 'attachment';
  response.set('Cache-Control', 'no-store').set('Content-Disposition', `${shown}; filename="${name}.${extension}"`);
  if (extension === 'html') response.set('Content-Security-Policy', PAGE_POLICY);
  response.type(extension).send(content);
}
