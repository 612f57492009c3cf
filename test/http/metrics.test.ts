import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const TOKEN = 'metrics-token-of-the-tests-only';
const database = await openTestDatabase({ metrics: { token: TOKEN } });
const server = await startTestServer(database);

const metrics = (token: string) => server.http.get('/metrics').set('Authorization', `Bearer ${token}`);

describe('/metrics', () => {
  it('given no token or a wrong one, then nothing is told; the token of the metrics opens nothing else', async () => {
    await server.http.get('/metrics').expect(401);
    await metrics('wrong').expect(401);
    await server.http.get('/metrics').set('Authorization', server.operator).expect(200);
    await metrics(TOKEN).expect(200);
    await server.http.get('/api/v1/organizations').set('Authorization', `Bearer ${TOKEN}`).expect(401);
  });

  it('SEC-1 given requests of tenants, then they are measured by route and status, and no label tells whose they were', async () => {
    const made = await makeCompany(server, database);
    made.write('E1,ana@acme.example,Ana,Sales,Agent,active');
    await made.sync();
    await made.api('get', '/audit-events').expect(200);
    await made.api('get', '/workspaces/secret-place').expect(404);
    await server.http.get('/scim/v2/0f8fad5b-d9cb-469f-a165-70867728950e/Users').expect(401);
    await server.http.get('/saml/0f8fad5b-d9cb-469f-a165-70867728950e/metadata');
    await server.http.get('/no/such/secret-path').expect(404);
    const { text } = await metrics(TOKEN).expect(200);
    const routes = [...text.matchAll(/_seconds_count\{method="(\w+)",route="([^"]+)",status="(\d+)"\}/g)].map((found) =>
      found.slice(1).join(' '),
    );
    for (const route of [
      'GET /api/v1/organizations/:organization/audit-events 200',
      'GET /api/v1/organizations/:organization/workspaces/:workspace 404',
      'POST /api/v1/organizations/:organization/directories/:directory/runs 200',
      'GET unmatched 404',
    ]) {
      assert.ok(routes.includes(route), `${route} is not among\n${routes.join('\n')}`);
    }
    for (const hidden of [made.slug, made.id, 'secret', 'acme', '0f8fad5b', TOKEN])
      assert.ok(!text.includes(hidden), hidden);
  });

  it('given an installation, then its figures are there', async () => {
    const { text } = await metrics(TOKEN).expect(200);
    for (const line of [
      /^drawbridge_sync_runs\{status="applied"\} 1$/m,
      /^drawbridge_offboarding_cases_open 0$/m,
      /^drawbridge_directories_quarantined 0$/m,
      /^drawbridge_certificates_ending\{within_days="30"\} 0$/m,
      /^drawbridge_audit_seal_lag_seconds [\d.]+$/m,
      /^drawbridge_audit_streams_failing 0$/m,
      /^drawbridge_queue_jobs\{queue="audit\.stream"\} \d+$/m,
      /^process_resident_memory_bytes \d+/m,
      /^nodejs_eventloop_lag_seconds /m,
    ]) {
      assert.match(text, line);
    }
  });
});
