import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import type { DemoPerson } from '../../src/demo/idp/people.ts';
import { startSamlIdp } from '../../src/demo/idp/saml-idp.ts';
import { GALLERY } from '../../src/sign-in/set-up/gallery.ts';
import { WORDINGS } from '../../src/sign-in/set-up/wording.ts';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { administeredCompany } from './administered.ts';
import { assertAccessible, lacksBrowser, picture, startConsoleBrowser } from './browser.ts';

const PHONE = { width: 390, height: 844 };

it('given the gallery, then it leads to every provider whose words we know, once', () => {
  assert.deepEqual(GALLERY.flatMap(({ ways }) => ways).sort(), Object.keys(WORDINGS).sort());
});

describe('the gallery of identity providers', { skip: lacksBrowser }, async () => {
  if (lacksBrowser) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const browser = await startConsoleBrowser(server, database);
  const people: DemoPerson[] = [{ id: 'ina', email: 'ina@gallery.test', name: 'Ina', groups: ['IT'] }];
  const idp = await startSamlIdp({ people });
  database.onEnd(() => idp.close());

  async function opened(page: Page, company?: Company): Promise<Company> {
    const of = company ?? (await administeredCompany(server, database));
    const { body } = await of.api('post', '/set-up-links').send({ connection: 'idp' }).expect(201);
    await page.goto(body.url);
    return of;
  }

  it('given a keyboard only, when somebody looks for theirs, then it is found by another name, chosen, and told step by step', async () => {
    const page = await browser.open();
    await opened(page);
    await assertAccessible(page);
    await page.getByLabel('Find yours').focus();
    await page.keyboard.type('azure');
    await page.getByText('1 found').waitFor();
    const titles = await page.locator('.card:visible h3').allInnerTexts();
    assert.deepEqual(titles, ['Microsoft Entra ID', 'Any SAML 2.0 provider', 'Any OpenID provider']);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '2. Tell Microsoft Entra ID about us' }).waitFor();
    await assertAccessible(page);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy: Reply URL' }).click();
    await page.getByRole('button', { name: 'Copy: Reply URL' }).getByText('Copied').waitFor();
    assert.match(await page.evaluate('navigator.clipboard.readText()'), /\/saml\/[0-9a-f-]{36}\/acs$/);
    await picture(page, 'gallery-chosen');
  });

  it('given each provider in turn, then its steps name only addresses of ours, and nothing is left open in them', async () => {
    const page = await browser.open();
    await opened(page);
    for (const { ways } of GALLERY) {
      for (const way of ways) {
        const known = await page.request.post(`${server.url}/set-up/provider`, {
          form: { provider: way },
          headers: { origin: server.url, accept: 'application/json' },
        });
        const { steps, values } = (await known.json()) as { steps: { text: string }[]; values: { value: string }[] };
        assert.ok(steps.length > 0 && values.length > 0, way);
        for (const { value } of values) {
          assert.ok(value.includes(`${server.url}/`), `${way}: ${value}`);
          assert.doesNotMatch(value, /\{\w+\}/, way);
        }
        for (const { text } of steps) assert.equal(text.split('*').length % 2, 1, `${way}: ${text}`);
      }
    }
  });

  it('given no script, then the gallery, the steps and the forms work as well', async () => {
    const page = await browser.open({ javaScriptEnabled: false });
    await opened(page);
    assert.equal(await page.getByLabel('Find yours').isVisible(), false);
    await page.getByRole('button', { name: 'Any SAML 2.0 provider' }).click();
    await page.getByText('give the metadata as a file').click();
    await page.getByLabel('or pasted').fill(idp.metadata);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
  });

  it('given metadata by address, by file or pasted, then each is taken; and what is refused is told with its cause, and kept in the form', async () => {
    const page = await browser.open();
    await opened(page);
    await page.getByRole('button', { name: 'Any SAML 2.0 provider' }).click();
    const save = () => page.getByRole('button', { name: 'Save' }).click();
    const alert = async () => (await page.getByRole('alert').innerText()).trim();

    await save();
    assert.match(await alert(), /^There is no metadata yet\. Give its address/);
    await page.getByLabel('Metadata URL').fill(`${idp.url}/nothing`);
    await save();
    assert.match(await alert(), /^The metadata address gives none that can be used: it answers 404\. Open it/);
    assert.equal(await page.getByLabel('Metadata URL').inputValue(), `${idp.url}/nothing`);
    await assertAccessible(page);
    await page.getByLabel('Metadata URL').fill('');
    await page.getByText('give the metadata as a file').click();
    await page
      .getByLabel('or pasted')
      .fill(idp.metadata.replace(/<ds:X509Certificate>[^<]*</g, '<ds:X509Certificate><'));
    await save();
    assert.match(await alert(), /^The metadata has no signing certificate/);

    await page.getByLabel('or pasted').fill(idp.metadata);
    await save();
    await page.getByText('Saved.').waitFor();
    await page.getByText('give the metadata as a file').click();
    const file = { name: 'metadata.xml', mimeType: 'application/xml', buffer: Buffer.from(idp.metadata) };
    await page.getByLabel('Metadata as a file').setInputFiles(file);
    await save();
    await page.getByText('Saved.').waitFor();
    await page.getByLabel('Metadata URL').fill(idp.entityId);
    await save();
    await page.getByText('Saved.').waitFor();
  });

  it('given a test sign-in, then its trace stands beside it, on a phone below it, and a refused one leads back there', async () => {
    const page = await browser.open();
    await opened(page);
    await page.getByRole('button', { name: 'Any SAML 2.0 provider' }).click();
    const ours = await page.locator('#values code').first().innerText();
    await page.getByLabel('Metadata URL').fill(idp.entityId);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('No attempt yet').waitFor();
    idp.trust(await (await fetch(ours)).text());

    const begun = page.getByRole('link', { name: 'Test sign-in' });
    await begun.click();
    await page.getByRole('button', { name: 'Ina' }).click();
    await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
    await page.getByRole('link', { name: 'Back to the set-up' }).click();
    await page.getByText('to be mended by: organization').waitFor();
    assert.equal(new URL(page.url()).hash, '#test');
    await assertAccessible(page);
    await picture(page, 'test-refused');

    const place = async () => {
      const [button, trace] = [await begun.boundingBox(), await page.locator('.trace').boundingBox()];
      assert.ok(button && trace);
      return trace.x >= button.x + button.width ? 'beside' : trace.y >= button.y + button.height ? 'below' : 'over';
    };
    assert.equal(await place(), 'beside');
    await page.setViewportSize(PHONE);
    assert.equal(await place(), 'below');
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'nothing is cut off');
  });

  it('given a connection in the console, when it is tested in a window of its own, then the trace comes beside the button, and nobody was signed in', async () => {
    const company = await administeredCompany(server, database);
    await company.api('put', '/domains/gallery.test').send({ verified: true }).expect(200);
    await company
      .api('put', '/connections/idp')
      .send({
        kind: 'saml',
        metadata: idp.metadata,
        enabled: false,
        justInTime: true,
        defaultRole: 'member',
        defaultWorkspace: 'main',
      })
      .expect(200);
    const { id } = (await company.api('get', '/connections/idp')).body;
    idp.trust((await server.http.get(`/saml/${id}/metadata`)).text);
    const page = await browser.signIn(company, 'ada@acme.test');
    await page.goto(`${server.url}/console/connections/idp`);
    await page.getByText('Nobody has tried to sign in').waitFor();
    const [window] = await Promise.all([
      page.context().waitForEvent('page'),
      page.getByRole('link', { name: 'Test sign-in' }).click(),
    ]);
    await window.getByRole('button', { name: 'Ina' }).click();
    window.setDefaultTimeout(10_000);
    await window.getByRole('heading', { name: 'It works' }).waitFor();
    await window.close();
    await page.getByText('in-response-to').waitFor();
    await page.getByText('ina@gallery.test', { exact: true }).waitFor();
    await assertAccessible(page);
    await picture(page, 'console-tested');
    await company.api('get', '/people/ina@gallery.test').expect(404);
  });
});
