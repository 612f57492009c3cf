/**
 * The story of an IT administrator, from an empty organization to a mapped, synced company and somebody who has left, in a browser from the
 * invitation on: once by SAML, once by OpenID Connect.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { startOidcIdp } from '../../src/demo/idp/oidc-idp.ts';
import type { DemoPerson } from '../../src/demo/idp/people.ts';
import { startSamlIdp } from '../../src/demo/idp/saml-idp.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { goTo, lacksBrowser, picture, startConsoleBrowser } from './browser.ts';

const PASSWORD = 'seven lanterns under the old pier';

describe('the story of an IT administrator', { skip: lacksBrowser }, async () => {
  if (lacksBrowser) return;
  const database = await openTestDatabase();
  const records = new Map<string, string[][]>();
  const server = await startTestServer(database, { resolveTxt: async (name) => records.get(name) ?? [] });
  const browser = await startConsoleBrowser(server, database);
  const feed = await startFeed();

  for (const kind of ['saml', 'oidc'] as const) {
    it(`given an empty organization and an invitation, when the administrator connects by ${kind}, syncs, maps and lets somebody go, then all of it has happened`, async () => {
      const slug = `acme-${kind}`;
      const domain = `${slug}.test`;
      const people: DemoPerson[] = ['ida', 'max', 'lea'].map((name) => ({
        id: name,
        email: `${name}@${domain}`,
        name,
        groups: ['Everyone'],
      }));
      const page = await browser.open();
      await acceptInvitation(page, slug, `ida@${domain}`);

      await page.goto(`${server.url}/console/`);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();

      await goTo(page, 'Connections');
      await page.getByRole('button', { name: 'Connect an identity provider' }).first().click();
      await page.getByLabel('Short name').fill('idp');
      await page.getByRole('button', { name: 'Set it up now' }).click();
      await (kind === 'saml' ? describeSaml : describeOidc)(page, people);
      await proveDomain(page, domain, records);
      await page.getByRole('link', { name: 'Test sign-in' }).click();
      await page.getByRole('button', { name: 'ida' }).click();
      await page.getByText('It works').waitFor();
      await picture(page, `story-${kind}-tested`);
      await page.getByRole('button', { name: 'Turn it on' }).click();
      await page.getByRole('link', { name: 'To the console', exact: true }).click();
      await page.getByRole('row', { name: /idp.*On/ }).waitFor();

      feed.people = people;
      await addDirectory(page, feed.url);
      await addRule(page);
      await goTo(page, 'People');
      await page.getByRole('row', { name: /max@/ }).getByText('viewer').waitFor();
      await picture(page, `story-${kind}-people`);

      await page.getByRole('row', { name: /lea@/ }).click();
      await page.getByRole('button', { name: 'Let go' }).click();
      await page.getByRole('textbox', { name: 'Reason' }).fill('has resigned');
      await page.getByRole('button', { name: 'Let go now' }).click();
      await page.getByRole('row', { name: /lea@.*proven/ }).click();
      await page.getByText('Ended at once').waitFor();

      const other = await browser.open();
      await other.goto(`${server.url}/console/`);
      await other.getByRole('button', { name: 'Sign in' }).click();
      await other.getByLabel('E-mail address at work').fill(`lea@${domain}`);
      await other.keyboard.press('Enter');
      await other.getByRole('button', { name: 'lea' }).click();
      await other.getByRole('heading', { name: 'You are not signed in' }).waitFor();
      const { body } = await server.api('get', `/organizations/${slug}/people/lea@${domain}`).expect(200);
      assert.equal(body.status, 'deprovisioned');
    });
  }

  async function acceptInvitation(page: Page, slug: string, email: string): Promise<void> {
    await server.api('post', '/organizations').send({ slug, model: 'ai-security-gateway' }).expect(201);
    const { body } = await server
      .api('post', `/organizations/${slug}/invitations`)
      .send({ email, roles: [{ scope: 'organization', role: 'admin' }] })
      .expect(201);
    await page.goto(body.url);
    await page.getByLabel('Choose a password').fill(PASSWORD);
    await page.getByRole('button').first().click();
    await page.waitForURL(/\/sign-in\/password/);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
  }

  async function describeSaml(page: Page, people: DemoPerson[]) {
    const idp = await startSamlIdp({ people });
    database.onEnd(() => idp.close());
    await page.getByRole('button', { name: 'Any SAML 2.0 provider' }).click();
    const ours = await page.locator('#values code').first().innerText();
    await page.getByText('give the metadata as a file').click();
    const file = { name: 'metadata.xml', mimeType: 'application/xml', buffer: Buffer.from(idp.metadata) };
    await page.getByLabel('Metadata as a file').setInputFiles(file);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    idp.trust(await (await fetch(ours)).text());
  }

  async function describeOidc(page: Page, people: DemoPerson[]) {
    const idp = await startOidcIdp({ people });
    database.onEnd(() => idp.close());
    await page.getByRole('button', { name: 'Any OpenID provider' }).click();
    const redirectUri = await page.locator('#values code').first().innerText();
    idp.addClient({ id: 'bridge', secret: 'a-secret-of-the-client', redirectUris: [redirectUri] });
    await page.getByLabel('Issuer').fill(idp.url);
    await page.getByLabel('Client ID').fill('bridge');
    await page.getByLabel('Client secret').fill('a-secret-of-the-client');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
  }

  async function proveDomain(page: Page, domain: string, dns: Map<string, string[][]>): Promise<void> {
    await page.getByLabel('Domain').fill(domain);
    await page.getByRole('button', { name: 'Add' }).click();
    const [name = '', value = ''] = await page.locator('#domain code').allInnerTexts();
    dns.set(name, [[value]]);
    await page.getByRole('button', { name: 'Check now' }).click();
    await page.locator('#domain').getByText('verified', { exact: true }).waitFor();
  }

  async function addDirectory(page: Page, url: string): Promise<void> {
    await goTo(page, 'Directories');
    await page.getByRole('link', { name: 'Add a directory' }).first().click();
    await page.getByLabel('Short name').fill('hr');
    await page.getByRole('combobox', { name: 'Kind' }).click();
    await page.getByRole('option', { name: 'CSV file' }).click();
    await page.getByRole('button', { name: 'More settings' }).first().click();
    await page.getByLabel('Address').fill(url);
    await page.getByRole('button', { name: 'Fetch ten records' }).click();
    await page.getByRole('cell', { name: /max@/ }).waitFor();
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByText('Applied').waitFor();
  }

  async function addRule(page: Page): Promise<void> {
    await goTo(page, 'Mapping');
    await page.getByRole('link', { name: 'Add a rule' }).first().click();
    await page.getByLabel('Short name').fill('sales-view');
    await page.getByRole('button', { name: 'Add a condition' }).click();
    await page.getByLabel('Attribute').fill('department');
    await page.getByLabel('Value').fill('Sales');
    await page.getByRole('combobox', { name: 'Role' }).click();
    await page.getByRole('option', { name: 'Viewer' }).click();
    await page.getByRole('button', { name: 'Show the plan' }).click();
    await page.getByText(/roles? given/).waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Groups' }).waitFor();
    await page.getByRole('row', { name: /Sales/ }).waitFor();
  }

  /** What HR exports, at an address. */
  async function startFeed() {
    const state = { people: [] as DemoPerson[], url: '' };
    const hr = createServer((_request, response) => {
      const rows = state.people.map(({ id, email, name }) => `${id},${email},${name},${id === 'ida' ? 'IT' : 'Sales'}`);
      response.setHeader('content-type', 'text/csv');
      response.end(['id,email,name,department', ...rows, ''].join('\n'));
    });
    await new Promise<void>((done) => hr.listen(0, '127.0.0.1', done));
    database.onEnd(() => new Promise((done) => hr.close(done)));
    state.url = `http://localhost:${(hr.address() as AddressInfo).port}/hr.csv`;
    return state;
  }
});
