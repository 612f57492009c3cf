import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { selfSigned } from '../../src/demo/idp/certificate.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { administeredCompany } from './administered.ts';
import { assertAccessible, goTo, lacksBrowser, picture, startConsoleBrowser } from './browser.ts';

describe('connections in the console', { skip: lacksBrowser }, async () => {
  if (lacksBrowser) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const browser = await startConsoleBrowser(server, database);
  const { certificate } = await selfSigned('idp');

  it('given an administrator, when they connect a provider, then the steps that a set-up link shows open, or a link to hand over is made', async () => {
    const page = await browser.signIn(await administeredCompany(server, database), 'ada@acme.test');
    await goTo(page, 'Connections');
    await page.getByRole('button', { name: 'Connect an identity provider' }).first().click();
    await page.getByLabel('Short name').fill('okta');
    await page.getByRole('button', { name: 'Make a link for somebody else' }).click();
    await page.getByText(`${server.url}/set-up/`).waitFor();
    await assertAccessible(page);
    await picture(page, 'connect');
    await page.getByRole('button', { name: 'Set it up now' }).click();
    await page.getByRole('heading', { name: '1. Choose your identity provider' }).waitFor();
    await picture(page, 'set-up');
  });

  it('given a SAML connection, when its page is opened, then its addresses, certificate and settings stand there and can be changed', async () => {
    const company = await administeredCompany(server, database);
    await company
      .api('put', '/connections/okta')
      .send({
        kind: 'saml',
        name: 'Okta',
        entityId: 'https://idp.test',
        ssoUrl: 'https://idp.test/sso',
        certificates: [certificate],
      })
      .expect(200);
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'Connections');
    await picture(page, 'connections');
    await page.getByRole('row', { name: /Okta/ }).click();
    await page.getByRole('heading', { name: 'What your provider is told' }).waitFor();
    await assertAccessible(page);
    await picture(page, 'connection');
    await page.getByLabel('Name').fill('Okta of Acme');
    await page.getByRole('combobox', { name: 'Default role' }).click();
    await page.getByRole('option', { name: 'Admin', exact: true }).click();
    await assertAccessible(page);
    await page.getByLabel(/becomes an administrator/).check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Okta of Acme' }).waitFor();
    await page.getByRole('button', { name: 'Turn off' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Turn off' }).click();
    await page.getByRole('button', { name: 'Turn on' }).waitFor();
    const { body } = await company.api('get', '/connections/okta').expect(200);
    assert.deepEqual([body.name, body.defaultRole, body.enabled], ['Okta of Acme', 'admin', false]);
  });

  it('given a domain is claimed, then its DNS record can be copied, and a check that finds none says so', async () => {
    const page = await browser.signIn(await administeredCompany(server, database), 'ada@acme.test');
    await goTo(page, 'Connections');
    await page.getByRole('tab', { name: 'Domains' }).click();
    await page.getByLabel('Your e-mail domain').fill('acme.invalid');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByText('drawbridge-verification').first().waitFor();
    await page.getByRole('button', { name: 'Check now' }).click();
    await page.getByRole('alert').waitFor();
    await assertAccessible(page);
    await picture(page, 'domains');
  });

  it('given somebody was refused, then the attempt stands there with the check that refused and who can mend it', async () => {
    const company = await administeredCompany(server, database);
    await company
      .api('put', '/connections/okta')
      .send({
        kind: 'saml',
        name: 'Okta',
        entityId: 'https://idp.test',
        ssoUrl: 'https://idp.test/sso',
        certificates: [certificate],
      })
      .expect(200);
    const { id } = (await company.api('get', '/connections/okta')).body;
    await server.http.post(`/saml/${id}/acs`).type('form').send({ SAMLResponse: 'nonsense' });
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'Connections');
    await page.getByRole('tab', { name: 'Sign-in attempts' }).click();
    await page.getByRole('button', { name: /Refused/ }).click();
    await page.getByText('To be mended by').waitFor();
    await assertAccessible(page);
    await picture(page, 'attempts');
  });
});
