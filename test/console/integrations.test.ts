import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startSsfReceiver } from '../doubles/ssf-receiver.ts';
import { startWebhookReceiver } from '../doubles/webhook-receiver.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { tell } from '../signals/arrange.ts';
import { administeredCompany } from './administered.ts';
import { assertAccessible, goTo, lacksBrowser, picture, startConsoleBrowser } from './browser.ts';

describe('integrations in the console', { skip: lacksBrowser }, async () => {
  if (lacksBrowser) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const browser = await startConsoleBrowser(server, database);

  async function opened(tab: string) {
    const company = await administeredCompany(server, database, '2,max@acme.test,Max,Sales,Agent,active');
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'Integrations');
    await page.getByRole('tab', { name: tab, exact: true }).click();
    return { company, page, dialog: page.getByRole('dialog') };
  }
  type Page = Awaited<ReturnType<typeof opened>>['page'];

  /** Accessible on a phone in dark colours, and to be looked at as people see it. */
  async function look(page: Page, name: string) {
    await picture(page, name);
    await page.setViewportSize({ width: 390, height: 800 });
    await picture(page, `${name}-phone`);
    await page.getByRole('button', { name: 'Dark colours' }).click();
    await assertAccessible(page);
    await page.setViewportSize({ width: 1280, height: 800 });
    await picture(page, `${name}-dark`);
    await page.getByRole('button', { name: 'Light colours' }).click();
  }

  it('given a webhook endpoint is added, then its secret is shown once, a test is sent and its answer seen, and it can be rotated and sent again', async () => {
    const receiver = await startWebhookReceiver();
    database.onEnd(receiver.close);
    const { company, page, dialog } = await opened('Webhooks');
    await page.getByText('No webhook yet').waitFor();
    await look(page, 'webhooks-none');
    await page.getByRole('button', { name: 'Add an endpoint' }).click();
    await dialog.getByLabel('Name in addresses').fill('platform');
    await dialog.getByRole('textbox', { name: 'Address', exact: true }).fill(receiver.url);
    await picture(page, 'webhook-form');
    await dialog.getByRole('button', { name: 'Add an endpoint' }).click();
    await page.getByText('it is shown this once').waitFor();
    receiver.expect((await page.getByText(/^whsec_/).textContent()) ?? '');
    await picture(page, 'webhooks');
    await page.getByRole('row', { name: /platform/ }).click();
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByRole('row', { name: /webhook.test/ }).waitFor();
    await tell(server, company);
    const row = page.getByRole('row', { name: /webhook.test.*Taken.*answered 20/ });
    await row.waitFor();
    assert.equal(receiver.received.length, 1);
    await row.getByRole('button', { name: 'Send again' }).click();
    await page.getByRole('row', { name: /webhook.test.*Waiting/ }).waitFor();
    await page.getByRole('button', { name: 'Rotate the secret' }).click();
    await dialog.getByRole('button', { name: 'Rotate the secret' }).click();
    await page.getByText(/by the former secret too/).waitFor();
    await look(page, 'webhook');
    await page.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('No webhook yet').waitFor();
  });

  it('given a stream of signals is made, then it is verified, its log says so, and pausing it tells its receiver', async () => {
    const receiver = await startSsfReceiver();
    database.onEnd(receiver.close);
    const { company, page, dialog } = await opened('Signals out');
    await page.getByText('Nobody is told yet').waitFor();
    await picture(page, 'streams-none');
    await page.getByRole('button', { name: 'Add a stream' }).click();
    await dialog.getByLabel('Receiver').fill('Device manager');
    await dialog.getByLabel('Its address').fill(receiver.url);
    await assertAccessible(page);
    await picture(page, 'stream-form');
    await dialog.getByRole('button', { name: 'Add a stream' }).click();
    await page.getByRole('heading', { name: 'Device manager' }).waitFor();
    const [stream] = (await company.api('get', '/ssf-streams').expect(200)).body.streams;
    receiver.trust(`${server.url}/ssf/${company.id}`, stream.audience, `${server.url}/oauth/jwks`);
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByRole('row', { name: /verification.*Waiting/ }).waitFor();
    await tell(server, company);
    await page.getByRole('row', { name: /verification.*Taken.*answered 202/ }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('maintenance');
    await dialog.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('what happens now is told once it is on again').waitFor();
    await tell(server, company);
    await page.getByRole('row', { name: /stream-updated.*Taken/ }).waitFor();
    await look(page, 'stream');
  });

  it('given a transmitter, a SIEM and a provider are added, then each shows how it goes', async () => {
    const { company, page, dialog } = await opened('Signals in');
    await page.getByRole('button', { name: 'Listen to a transmitter' }).click();
    await dialog.getByLabel('Name in addresses').fill('manager');
    await dialog.getByLabel('Its issuer').fill(`${server.url}/ssf/${company.id}`);
    await dialog.getByLabel('Audience').fill('drawbridge');
    await picture(page, 'receiver-form');
    await dialog.getByRole('button', { name: 'Listen to a transmitter' }).click();
    await page.getByText('Copy the token for manager now').waitFor();
    await look(page, 'receivers');

    await page.getByRole('tab', { name: 'Audit streams' }).click();
    await page.getByRole('button', { name: 'Add a stream' }).click();
    await dialog.getByLabel('Name in addresses').fill('siem');
    await dialog.getByRole('combobox', { name: 'How it is sent' }).click();
    await page.getByRole('option', { name: /Syslog/ }).click();
    await dialog.getByLabel('Host').fill('siem.acme.test');
    await picture(page, 'audit-stream-form');
    await dialog.getByRole('button', { name: 'Add a stream' }).click();
    await page.getByText(/siem.acme.test:6514/).waitFor();
    await look(page, 'audit-streams');

    await page.getByRole('tab', { name: 'Providers' }).click();
    await page.getByText('Access ends only here so far').waitFor();
    await page.getByRole('button', { name: 'Add a provider' }).click();
    await dialog.getByLabel('Name in addresses').fill('okta');
    await dialog.getByRole('combobox', { name: 'How it ends access' }).click();
    await page.getByRole('option', { name: 'Okta' }).click();
    await dialog.getByRole('textbox', { name: 'URL' }).fill('https://acme.okta.test');
    await dialog.getByLabel('API token').fill('a-token-of-okta');
    await assertAccessible(page);
    await picture(page, 'provider-form');
    await dialog.getByRole('button', { name: 'Add a provider' }).click();
    await page.getByText(/Okta · ends sessions or accounts/).waitFor();
    await look(page, 'providers');
    const { oauthProviders } = (await company.api('get', '/oauth-providers').expect(200)).body;
    assert.partialDeepStrictEqual(oauthProviders, [
      { slug: 'okta', endsPeople: true, lately: { ended: 0, failed: 0 } },
    ]);
  });
});
