import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startGatedSource } from '../doubles/gated-source.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { administeredCompany } from './administered.ts';
import { assertAccessible, goTo, lacksBrowser, picture, startConsoleBrowser } from './browser.ts';

describe('directories, runs and mapping in the console', { skip: lacksBrowser }, async () => {
  if (lacksBrowser) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const browser = await startConsoleBrowser(server, database);

  it('given a SCIM directory is added, then its address and a token, shown once, can be copied to the provider', async () => {
    const page = await browser.signIn(await administeredCompany(server, database), 'ada@acme.test');
    await goTo(page, 'Directories');
    await picture(page, 'directories');
    await page.getByRole('link', { name: 'Add a directory' }).click();
    await page.getByLabel('Short name').fill('okta');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('button', { name: 'New token' }).click();
    await page.getByText('Copy it now').waitFor();
    await assertAccessible(page);
    await picture(page, 'scim-endpoint');
  });

  it('given a plan, then each change stands there with its reason; and given a guard holds it, then it waits for approval', async () => {
    const company = await administeredCompany(server, database);
    company.write(
      '1,ada@acme.test,Ada,IT,Admin,active',
      ...Array.from({ length: 6 }, (_, n) => `${n + 2},p${n}@acme.test,P${n},Sales,Agent,active`),
    );
    await company.sync();
    company.write('1,ada@acme.test,Ada,IT,Admin,active');
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'Directories');
    await page.getByRole('row', { name: /hr/ }).click();
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByText('It is held, and nothing was changed').waitFor();
    await page.getByRole('cell', { name: 'p3@acme.test' }).waitFor();
    await assertAccessible(page);
    await picture(page, 'run-held');
    await page.getByRole('button', { name: 'Approve and apply' }).click();
    await page.getByText('Applied').waitFor();
    const { body } = await company.api('get', '/people/p3@acme.test').expect(200);
    assert.equal(body.status, 'deprovisioned');
  });

  it('given a run that takes its time, then it is followed as the server tells of it, and its end is seen at once', async () => {
    const source = await startGatedSource();
    database.onEnd(source.close);
    source.people = [{ id: '1', email: 'ada@acme.test', name: 'Ada' }];
    const company = await administeredCompany(server, database);
    await source.putInto(company);
    const page = await browser.signIn(company, 'ada@acme.test');
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    source.shut();
    await goTo(page, 'Directories');
    await page.getByRole('row', { name: /slow/ }).click();
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByText(/people read/).waitFor();
    const followed = asked.filter((path) => path.endsWith('/events'));
    assert.equal(followed.length, 1);
    const [run = ''] = followed;
    const reads = () => asked.filter((path) => path === run.replace('/events', '')).length;
    const before = reads();
    source.open();
    await page.getByText('Applied').waitFor();
    assert.ok(reads() - before <= 1, 'it was told, and not asked for over and over');
  });

  it('given a group, when a rule is made of it, then its plan is shown first, and saving gives the role', async () => {
    const company = await administeredCompany(server, database);
    company.write('1,ada@acme.test,Ada,IT,Admin,active', '2,max@acme.test,Max,Sales,Agent,active');
    await company.sync();
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'Mapping');
    await page.getByRole('link', { name: 'Add a rule' }).first().click();
    await page.getByLabel('Short name').fill('sales');
    await page.getByRole('button', { name: 'Add a condition' }).click();
    await page.getByLabel('Attribute').fill('department');
    await page.getByLabel('Value').fill('Sales');
    await page.getByRole('combobox', { name: 'Where' }).click();
    await page.getByRole('option', { name: 'main', exact: true }).click();
    await page.getByRole('combobox', { name: 'Role' }).click();
    await page.getByRole('option', { name: 'Member' }).click();
    await page.getByRole('button', { name: 'Show the plan' }).click();
    await page.getByText('1 role given').waitFor();
    await assertAccessible(page);
    await picture(page, 'rule-preview');
    assert.deepEqual(await company.memberships('max@acme.test'), []);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Groups' }).waitFor();
    await page.getByRole('row', { name: /Sales/ }).waitFor();
    await picture(page, 'mapping');
    assert.deepEqual(await company.memberships('max@acme.test'), ['main:member (mapping)']);
  });

  it('given a CSV directory, when ten records are fetched, then they are shown as they would come, and nobody is made', async () => {
    const company = await administeredCompany(server, database);
    company.write('1,ada@acme.test,Ada,IT,Admin,active', '2,new@acme.test,New,Sales,Agent,active');
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'Directories');
    await page.getByRole('row', { name: /hr/ }).click();
    await page.getByRole('tab', { name: 'Settings' }).click();
    await page.getByRole('button', { name: 'Fetch ten records' }).click();
    await page.getByRole('cell', { name: 'new@acme.test' }).waitFor();
    await assertAccessible(page);
    await picture(page, 'directory-settings');
    assert.equal((await company.api('get', '/people/new@acme.test')).status, 404);
  });
});
