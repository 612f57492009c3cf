/** The platform's apps as code: `drawbridge apply FILE`, alone or beside an organization. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { run } from '../harness/command.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-apps-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const APPS = `
apps:
  - slug: insights
    name: Insights
    redirectUris: [https://insights.example/callback]
    backchannelLogoutUri: https://insights.example/logged-out
  - { slug: spa, name: In the browser, type: public, redirectUris: [https://spa.example/callback] }
`;

function apply(text: string, ...options: string[]) {
  const file = join(folder, 'apps.yaml');
  writeFileSync(file, text);
  return run(database, ['apply', file, ...options]);
}

const apps = async () =>
  (await server.api('get', '/apps').expect(200)).body.apps.map(({ slug }: { slug: string }) => slug);

describe('drawbridge apply, of apps', () => {
  it('given only the plan, then it is printed, no secret is told and nothing is made', async () => {
    const { code, stdout: out } = await apply(APPS, '--plan');
    assert.equal(code, 0);
    assert.match(out, /\+ app insights\n\+ app spa\n2 to change/);
    assert.doesNotMatch(out, /dba_/);
    assert.deepEqual(await apps(), []);
    const byApi = await server
      .api('post', '/manifests?plan=true')
      .send({ apps: [{ slug: 'x', name: 'X', redirectUris: ['https://x.example/'] }] });
    assert.deepEqual([byApi.status, byApi.text.includes('dba_')], [200, false]);
  });

  it('given new apps, then they are made and the one secret is shown this once', async () => {
    const { code, stdout: out } = await apply(APPS);
    assert.equal(code, 0, out);
    assert.equal(out.match(/Secret of app insights, shown this once: dba_[\w-]{40,}/g)?.length, 1);
    assert.doesNotMatch(out, /Secret of app spa/);
    assert.deepEqual(await apps(), ['insights', 'spa']);
    const shown = (await server.api('get', '/apps/insights')).body;
    assert.equal(shown.backchannelLogoutUri, 'https://insights.example/logged-out');
  });

  it('given the same again, then there is nothing to change and no secret', async () => {
    const { stdout: out } = await apply(APPS);
    assert.match(out, /Nothing to change/);
    assert.doesNotMatch(out, /dba_|Applied/);
  });

  it('given one that changed, then it says so and the secret stays', async () => {
    const { stdout: out } = await apply(APPS.replace('name: Insights', 'name: Insights of Acme'));
    assert.match(out, /~ app insights: config\n1 to change, 1 as they are/);
    assert.doesNotMatch(out, /dba_/);
  });

  it('given a mistake in the second, then it is told with its line and the first is not touched', async () => {
    const { code, stderr: err } = await apply(
      APPS.replace('name: Insights', 'name: Wrong').replace('https://spa.example', 'http://spa.example'),
    );
    assert.equal(code, 1);
    assert.match(err, /apps\.yaml:7:\d+/);
    assert.match(err, /apps\.1\.redirectUris\.0/);
    assert.equal((await server.api('get', '/apps/insights')).body.name, 'Insights of Acme');
  });

  it('given an organization that is refused, then no app beside it is made', async () => {
    const { code, stderr: err } = await apply(
      `organization: { slug: acme, model: no-such-model }\n${APPS.replaceAll('slug: spa', 'slug: beside')}`,
    );
    assert.equal(code, 1);
    assert.match(err, /no-such-model/);
    assert.deepEqual(await apps(), ['insights', 'spa']);
  });

  it('given an organization with apps beside it, then both are made in one go', async () => {
    const { code, stdout: out } = await apply(
      `organization: { slug: acme, model: atomyx }\n${APPS.replaceAll('slug: spa', 'slug: beside')}`,
    );
    assert.equal(code, 0, out);
    assert.match(out, /\+ organization acme/);
    assert.deepEqual(await apps(), ['beside', 'insights', 'spa']);
    await server.api('get', '/organizations/acme').expect(200);
  });

  it('given what belongs to an organization without one, then it is refused', async () => {
    const { code, stderr: err } = await apply(`domains: [{ name: acme.example }]\n${APPS}`);
    assert.equal(code, 1);
    assert.match(err, /organization: is needed/);
    assert.equal((await apply('apps: []')).code, 1);
  });
});
