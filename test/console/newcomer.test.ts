import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { administeredCompany } from './administered.ts';
import { assertAccessible, goTo, lacksBrowser, picture, startConsoleBrowser } from './browser.ts';

const FIRST_LOAD_BYTES = 300_000;

describe('a newcomer to the console', { skip: lacksBrowser }, async () => {
  if (lacksBrowser) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const browser = await startConsoleBrowser(server, database);

  it('given an organization that has only begun, then the first steps say what is next, and lead there', async () => {
    const company = await administeredCompany(server, database);
    const page = await browser.signIn(company, 'ada@acme.test');
    const steps = page.getByRole('region', { name: 'First steps' });
    const next = steps.getByRole('listitem').filter({ hasText: 'Next' });
    await next.getByRole('link', { name: 'Connect an identity provider' }).waitFor();
    assert.equal(await steps.getByRole('img', { name: 'done', exact: true }).count(), 2, 'a directory, and its run');
    await assertAccessible(page);
    await picture(page, 'first-steps');

    await steps.getByRole('link', { name: 'Map groups to roles' }).click();
    await page.getByRole('heading', { name: 'No rule yet' }).waitFor();
    await page.getByRole('link', { name: 'Add a rule' }).last().click();
    await page.getByRole('heading', { name: 'New rule' }).waitFor();
    await page.getByLabel('Group', { exact: true }).fill('IT Admins');
    await page.getByRole('combobox', { name: 'Role' }).click();
    await page.getByRole('option', { name: 'Member' }).click();
    assert.equal(await page.getByLabel('Short name').inputValue(), 'it-admins-member');

    await goTo(page, 'Offboarding');
    await page.getByRole('link', { name: 'To the people' }).click();
    await page.getByRole('heading', { name: 'People' }).waitFor();
    await goTo(page, 'Overview');
    await steps.getByRole('button', { name: 'Hide' }).click();
    await steps.waitFor({ state: 'detached' });
  });

  it('given nothing is cached, when the console is opened, then little is loaded, all of it from here, and nothing jumps', async () => {
    const company = await administeredCompany(server, database);
    const signedIn = await browser.signIn(company, 'ada@acme.test');
    const page = await signedIn.context().newPage();
    const loaded = await watchLoads(page);
    await page.goto(`${server.url}/console/`);
    await page.getByRole('heading', { name: 'First steps' }).waitFor();
    await page.getByRole('img', { name: /Changes, hour by hour/ }).waitFor();
    const { bytes, elsewhere } = await loaded();
    assert.deepEqual(elsewhere, []);
    assert.ok(bytes > 50_000 && bytes < FIRST_LOAD_BYTES, `${bytes} bytes`);
    for (const screen of ['People', 'Connections', 'Audit log']) {
      await goTo(page, screen);
      await page.getByRole('heading', { name: screen, level: 1 }).waitFor();
    }
    const shift = (await page.evaluate('globalThis.shift')) as number;
    assert.ok(shift < 0.1, `the layout shifts by ${shift}`);
  });

  /** Counts what the network carries, and notes how far things jump without being told to. */
  async function watchLoads(page: Page) {
    const network = await page.context().newCDPSession(page);
    await network.send('Network.enable');
    await network.send('Network.setCacheDisabled', { cacheDisabled: true });
    let bytes = 0;
    const asked: string[] = [];
    network.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    page.on('request', (request) => asked.push(request.url()));
    await page.addInitScript(`
      globalThis.shift = 0;
      new PerformanceObserver((list) => {
        for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) globalThis.shift += value;
      }).observe({ type: 'layout-shift', buffered: true });`);
    return async () => ({ bytes, elsewhere: asked.filter((url) => !url.startsWith(server.url)) });
  }
});
