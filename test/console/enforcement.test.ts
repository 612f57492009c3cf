import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Browser, formOf } from '../../src/demo/browser.ts';
import { startSamlIdp } from '../../src/demo/idp/saml-idp.ts';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { enrolApp, PASSWORD, visitor } from '../sign-in/local/arrange.ts';
import { administeredCompany } from './administered.ts';
import { assertAccessible, goTo, lacksBrowser, picture, startConsoleBrowser } from './browser.ts';

describe('enforcing SSO in the console', { skip: lacksBrowser }, async () => {
  if (lacksBrowser) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const browser = await startConsoleBrowser(server, database);

  it('given nothing is ready, then the page says what it takes; and once it is, SSO is enforced and can be given up again', async () => {
    const company = await administeredCompany(server, database);
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'Connections');
    await page.getByRole('tab', { name: 'Enforce SSO' }).click();
    await page.getByText('What it takes').waitFor();
    await page.getByRole('button', { name: 'Enforce SSO' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Enforce SSO' }).click();
    await page.getByRole('alert').getByText('No connection in use has been tested').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();

    await page.getByRole('button', { name: 'Name them' }).click();
    await page.getByText('no second factor yet').waitFor();
    await page.getByRole('button', { name: 'Make a password link' }).click();
    const link = await page.getByText('/sign-in/set-password/').innerText();
    await assertAccessible(page);
    await picture(page, 'enforcement');
    const ada = visitor(server);
    await ada.send('post', new URL(link).pathname).send({ password: PASSWORD }).expect(204);
    await ada.signIn('ada@acme.test', PASSWORD, { organization: company.slug }).expect(200);
    await enrolApp(ada);
    await testConnection(company);

    // A new password has ended every session.
    const again = await browser.signIn(company, 'ada@acme.test');
    await again.goto(`${server.url}/console/connections/enforcement`);
    await again.getByText('second factor', { exact: true }).waitFor();
    assert.equal(await again.getByText('What it takes').count(), 0);
    await again.getByRole('button', { name: 'Enforce SSO' }).click();
    await again.getByRole('dialog').getByRole('button', { name: 'Enforce SSO' }).click();
    await again.getByRole('heading', { name: 'Only your identity provider lets people in' }).waitFor();
    await assertAccessible(again);
    assert.equal((await company.api('get', '/')).body.enforceSso, true);
    await again.getByRole('button', { name: 'Allow passwords again' }).click();
    await again.getByRole('heading', { name: 'Passwords still open doors' }).waitFor();
  });

  /** Connects an identity provider and tests it, as a browser would. */
  async function testConnection(company: Company): Promise<void> {
    const idp = await startSamlIdp({ people: [{ id: 'ada', email: 'ada@acme.test', name: 'Ada', groups: [] }] });
    database.onEnd(() => idp.close());
    await company.api('put', '/domains/acme.test').send({ verified: true }).expect(200);
    const { body } = await company
      .api('put', '/connections/sso')
      .send({ kind: 'saml', metadata: idp.metadata })
      .expect(200);
    idp.trust((await server.http.get(`/saml/${body.id}/metadata`)).text);
    const visiting = new Browser();
    const choice = formOf(await visiting.get(`${server.url}/saml/${body.id}/login?returnTo=/sign-in/tested`));
    const answer = formOf(await visiting.post(choice.action, { ...choice.fields, person: 'ada' }));
    assert.match((await visiting.post(answer.action, answer.fields)).text, /It works/);
  }
});
