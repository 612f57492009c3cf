import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { assertAccessible, goTo, lacksBrowser, picture, startConsoleBrowser } from './browser.ts';

describe('the console in a browser', { skip: lacksBrowser }, async () => {
  if (lacksBrowser) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const browser = await startConsoleBrowser(server, database);

  it('given an administrator, when they sign in, then they see what they administer, by keyboard too, light and dark', async () => {
    const company = await makeCompany(server, database);
    company.write('1,ada@acme.test,Ada,IT,Admin,active', '2,max@acme.test,Max,Sales,Agent,active');
    await company.sync();
    await give(company, 'ada@acme.test', 'owner');
    const page = await browser.signIn(company, 'ada@acme.test');

    await goTo(page, 'Connections');
    await page.getByRole('heading', { name: 'No identity provider is connected yet' }).waitFor();
    await assertAccessible(page);
    await picture(page, 'connections-empty');
    await page.getByRole('button', { name: 'Dark colours' }).click();
    await assertAccessible(page);
    await picture(page, 'connections-empty-dark');
  });

  it('given somebody without any administration, when they sign in, then no screen of it is offered or opened', async () => {
    const company = await makeCompany(server, database);
    company.write('2,max@acme.test,Max,Sales,Agent,active');
    await company.sync();
    const page = await browser.signIn(company, 'max@acme.test');
    assert.equal(await page.getByRole('link', { name: 'Connections' }).count(), 0);
    await page.goto(`${server.url}/console/connections`);
    await page.getByRole('heading', { name: 'This is not for your role' }).waitFor();
  });

  it('given a session that is ended elsewhere, when the console asks on, then it asks to sign in', async () => {
    const company = await makeCompany(server, database);
    company.write('1,ada@acme.test,Ada,IT,Admin,active');
    await company.sync();
    await give(company, 'ada@acme.test', 'owner');
    const page = await browser.signIn(company, 'ada@acme.test');
    // What the overview still asks for would find the session over before anything is clicked.
    await page.waitForLoadState('networkidle');
    await company.api('delete', '/people/ada@acme.test/sessions').expect(204);
    await goTo(page, 'Connections');
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
  });

  async function give(company: Awaited<ReturnType<typeof makeCompany>>, user: string, role: string) {
    await company
      .api('post', '/memberships')
      .send({ user, role, scope: { workspace: 'main' }, reason: 'test' })
      .expect(201);
  }
});
