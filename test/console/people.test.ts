import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { administeredCompany } from './administered.ts';
import { assertAccessible, goTo, lacksBrowser, picture, startConsoleBrowser } from './browser.ts';

const OTHERS = Array.from({ length: 40 }, (_, n) => `${n + 2},p${n}@acme.test,Person ${n},Sales,Agent,active`);

describe('people, offboarding and audit in the console', { skip: lacksBrowser }, async () => {
  if (lacksBrowser) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const browser = await startConsoleBrowser(server, database);

  it('given many people, when one is looked for, then they are found, and their page says what they hold and why', async () => {
    const company = await administeredCompany(server, database, ...OTHERS);
    await company
      .api('put', '/mapping-rules/sales')
      .send({ condition: '$.department == "Sales"', scope: { workspace: 'main' }, role: 'member' })
      .expect(200);
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'People');
    await page.getByText('41 people').waitFor();
    await assertAccessible(page);
    await picture(page, 'people');
    await page.getByLabel('Find').fill('p17');
    await page.getByRole('row', { name: /p17@acme.test/ }).click();
    await page
      .getByRole('row', { name: /member/ })
      .getByText(/by a rule/)
      .first()
      .waitFor();
    await assertAccessible(page);
    await picture(page, 'person');
    await page.getByRole('tab', { name: 'What directories say' }).click();
    await page.getByText('"department": "Sales"').waitFor();
    await page.getByRole('tab', { name: 'Timeline' }).click();
    await page.getByRole('row', { name: /user.created/ }).click();
    await page
      .getByRole('dialog')
      .getByText(/hr|schedule|operator|test/)
      .first()
      .waitFor();
    await assertAccessible(page);
    await picture(page, 'event');
  });

  it('given somebody is let go, then the case says what ended; and taken back, they are in again', async () => {
    const company = await administeredCompany(server, database, ...OTHERS);
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'People');
    await page.getByLabel('Find').fill('p3@');
    await page.getByRole('row', { name: /p3@acme.test/ }).click();
    await page.getByRole('button', { name: 'Let go' }).click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('has resigned');
    await assertAccessible(page);
    await picture(page, 'let-go');
    await page.getByRole('button', { name: 'Let go now' }).click();
    await page.getByRole('row', { name: /p3@acme.test.*has resigned/ }).click();
    await page.getByText('Ended at once').waitFor();
    await assertAccessible(page);
    await picture(page, 'case');
    const opened = page.waitForEvent('popup');
    await page.getByRole('link', { name: 'Evidence' }).click();
    await (await opened).getByText('has resigned').first().waitFor();
    await picture(await opened, 'evidence');
    await page.getByRole('link', { name: 'The person' }).click();
    await page.getByText('Left').first().waitFor();
    await page.getByRole('button', { name: 'Take back' }).click();
    await page.getByRole('button', { name: 'Take back …' }).click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('stays after all');
    await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
    await page.getByRole('button', { name: 'Suspend' }).waitFor();
    const { body } = await company.api('get', '/people/p3@acme.test').expect(200);
    assert.equal(body.status, 'active');
  });

  it('given a departure is planned for a time, then it is listed, and can be taken back', async () => {
    const company = await administeredCompany(server, database, ...OTHERS);
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'People');
    await page.getByLabel('Find').fill('p4@');
    await page.getByRole('row', { name: /p4@acme.test/ }).click();
    await page.getByRole('button', { name: 'Let go' }).click();
    await page.getByLabel('When').fill('2099-12-31T18:00');
    await page.getByRole('textbox', { name: 'Reason' }).fill('contract ends');
    await page.getByRole('button', { name: 'Let go then' }).click();
    await page.getByRole('tab', { name: 'Planned' }).click();
    await page.getByRole('row', { name: /p4@acme.test/ }).waitFor();
    await picture(page, 'planned');
    await page.getByRole('button', { name: 'Take back' }).click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('prolonged');
    await page.getByRole('button', { name: 'Take back this departure' }).click();
    await page.getByText('Nobody is to leave').waitFor();
  });

  it('given the audit log, when it is filtered, then only such events are shown', async () => {
    const company = await administeredCompany(server, database, ...OTHERS);
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'Audit log');
    await page.getByLabel('Action').first().fill('membership.granted');
    await page
      .getByRole('row', { name: /membership/ })
      .first()
      .waitFor();
    await assertAccessible(page);
    await picture(page, 'audit');
  });
});
