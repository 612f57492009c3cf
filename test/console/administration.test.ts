import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { administeredCompany } from './administered.ts';
import { assertAccessible, goTo, lacksBrowser, picture, startConsoleBrowser } from './browser.ts';

describe('keys, roles, invitations, reviews and settings in the console', { skip: lacksBrowser }, async () => {
  if (lacksBrowser) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const browser = await startConsoleBrowser(server, database);

  it('given a plan is held, then the overview says so before all else', async () => {
    const company = await administeredCompany(server, database, '2,max@acme.test,Max,Sales,Agent,active');
    company.write();
    await company.sync();
    const page = await browser.signIn(company, 'ada@acme.test');
    await page.getByText('A plan of hr waits for you').waitFor();
    await page.getByRole('img', { name: /Sign-ins, hour by hour, [1-9]/ }).waitFor();
    await assertAccessible(page);
    await picture(page, 'overview');
    await page.setViewportSize({ width: 390, height: 800 });
    await assertAccessible(page);
    await picture(page, 'overview-phone');
  });

  it('given a key is made, then it is shown once, can be rotated, and revoked with a reason', async () => {
    const page = await browser.signIn(
      await administeredCompany(server, database, '2,max@acme.test,Max,Sales,Agent,active'),
      'ada@acme.test',
    );
    await goTo(page, 'API keys');
    await page.getByRole('button', { name: 'Make a key' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Name').fill('laptop');
    await form.getByRole('combobox', { name: 'Where it counts' }).click();
    await page.getByRole('option', { name: 'main', exact: true }).click();
    await form.getByRole('combobox', { name: 'Scopes' }).fill('workspace.view');
    await page.keyboard.press('Enter');
    await form.getByText('Make a key').first().click();
    await form.getByRole('button', { name: 'Make a key' }).click();
    await page.getByText('it is shown this once').waitFor();
    await assertAccessible(page);
    await picture(page, 'keys');
    await page.getByRole('button', { name: 'Rotate' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    await page.getByText(/still counts until/).waitFor();
    await page.getByRole('button', { name: 'Revoke' }).first().click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('lost');
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  it('given the roles, then the matrix says what each may', async () => {
    const page = await browser.signIn(
      await administeredCompany(server, database, '2,max@acme.test,Max,Sales,Agent,active'),
      'ada@acme.test',
    );
    await goTo(page, 'Roles');
    await page.getByRole('row', { name: /Owner/ }).waitFor();
    await assertAccessible(page);
    await picture(page, 'roles');
    await page.getByRole('tab', { name: 'Matrix' }).click();
    assert.equal(await page.getByRole('checkbox', { name: 'Owner: users.manage' }).isChecked(), true);
    assert.equal(await page.getByRole('checkbox', { name: 'Member: users.manage' }).isChecked(), false);
    await assertAccessible(page);
    await picture(page, 'matrix');
  });

  it('given somebody is invited without a mail server, then the link is there to hand over', async () => {
    const page = await browser.signIn(
      await administeredCompany(server, database, '2,max@acme.test,Max,Sales,Agent,active'),
      'ada@acme.test',
    );
    await goTo(page, 'Invitations');
    await page.getByRole('button', { name: 'Invite' }).click();
    await page.getByLabel('E-mail address').fill('partner@elsewhere.test');
    await page.getByRole('combobox', { name: 'Where' }).click();
    await page.getByRole('option', { name: 'main', exact: true }).click();
    await page.getByRole('combobox', { name: 'Role' }).click();
    await page.getByRole('option', { name: 'Member' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
    await page.getByText('Hand this link to partner@elsewhere.test').waitFor();
    await page.getByRole('row', { name: /partner@elsewhere.test/ }).waitFor();
    await assertAccessible(page);
    await picture(page, 'invitations');
  });

  it('given a review is started, then each role is kept or revoked', async () => {
    const company = await administeredCompany(server, database, '2,max@acme.test,Max,Sales,Agent,active');
    await company
      .api('post', '/memberships')
      .send({ user: 'max@acme.test', role: 'member', scope: { workspace: 'main' }, reason: 'helps out' })
      .expect(201);
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'Reviews');
    await page.getByRole('button', { name: 'Start a review' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Name').fill('Everybody');
    await form.getByLabel('Until').fill('2099-12-31');
    await form.getByRole('button', { name: 'Start a review' }).click();
    const row = page.getByRole('row', { name: /max@acme.test/ });
    await row.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('no longer');
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await row.getByText('Revoked').waitFor();
    await assertAccessible(page);
    await picture(page, 'review');
    assert.deepEqual(await company.memberships('max@acme.test'), []);
  });

  it('given an administrative default role is chosen, then it counts, with what else was changed, only once that is acknowledged', async () => {
    const company = await administeredCompany(server, database, '2,max@acme.test,Max,Sales,Agent,active');
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'Settings');
    await page.getByRole('combobox', { name: 'Default role' }).click();
    await page.getByRole('option', { name: 'Admin' }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByLabel(/becomes an administrator/).check();
    await page.getByRole('switch', { name: 'Tell their manager by e-mail' }).check();
    await assertAccessible(page);
    await picture(page, 'settings');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved').waitFor();
    await assertAccessible(page);
    const { defaultRole, tellOfLeavers } = (await company.api('get', '')).body;
    assert.deepEqual({ defaultRole, tellOfLeavers }, { defaultRole: 'admin', tellOfLeavers: true });
  });
});
