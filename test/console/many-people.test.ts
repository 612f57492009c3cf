/** A list of many people in a browser, `PEOPLE` of them: what is not in sight is not there, and no moment is long. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import type { Page } from 'playwright-core';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { administeredCompany } from './administered.ts';
import { assertAccessible, goTo, lacksBrowser, startConsoleBrowser } from './browser.ts';

const PEOPLE = Number(process.env['PEOPLE'] ?? 5000);
/** Rows in sight and a few around them. */
const BOUND = 60;

describe('many people in the console', { skip: lacksBrowser }, async () => {
  if (lacksBrowser) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const browser = await startConsoleBrowser(server, database);

  it(`given ${PEOPLE} people, when their list is scrolled to its end, ordered and filtered, then it holds few rows at any time and never stands still`, async () => {
    const company = await administeredCompany(server, database);
    await seed(company);
    const page = await browser.signIn(company, 'ada@acme.test');
    await goTo(page, 'People');
    await page.getByText(`${(PEOPLE + 1).toLocaleString('en')} people`).waitFor();
    await page.getByRole('row').nth(1).waitFor();
    await watchForFreezes(page);

    const rows = page.getByRole('row');
    let most = 0;
    const last = page.getByText(`p${String(PEOPLE).padStart(6, '0')}@acme.test`);
    for (const begun = Date.now(); !(await last.isVisible()); ) {
      assert.ok(Date.now() - begun < 30_000 + PEOPLE * 3, 'the end is reached');
      await page.evaluate(SCROLL_DOWN);
      most = Math.max(most, await rows.count());
    }
    assert.ok(most < BOUND, `${most} rows at once`);
    await assertAccessible(page);
    const freeze = await longestFreeze(page);
    console.log(`${PEOPLE} people: ${most} rows at most, longest freeze ${freeze} ms`);
    assert.ok(freeze < 1000, `it stood still for ${freeze} ms`);

    await page.getByRole('combobox', { name: 'Order' }).click();
    await page.getByRole('option', { name: 'E-mail, Z to A' }).click();
    await last.waitFor();
    await page.getByLabel('Find').fill('p000042');
    await page.getByText('1 person').waitFor();
    await last.waitFor({ state: 'detached' });
    assert.equal(await rows.count(), 2, 'the head and who was looked for');
  });
});

const SCROLL_DOWN = `(() => {
  const viewport = document.querySelector('table').closest('[data-scrollbars], .mantine-ScrollArea-viewport');
  viewport.scrollTop = viewport.scrollHeight;
})()`;

/** Everybody holds a role, a third have been active. */
async function seed(company: Company): Promise<void> {
  await company.within(async ({ db }) => {
    await sql`INSERT INTO users (organization_id, email, display_name, last_active_at)
      SELECT ${company.id}::uuid, 'p' || lpad(n::text, 6, '0') || '@acme.test', 'Person ' || n,
        CASE WHEN n % 3 = 0 THEN now() - n * interval '1 minute' END
      FROM generate_series(1, ${PEOPLE}::int) n`.execute(db);
    await sql`INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by)
      SELECT u.organization_id, u.id, 'workspace', w.id, 'member', 'manual', 'test'
      FROM users u JOIN workspaces w ON w.organization_id = u.organization_id WHERE u.display_name LIKE 'Person %'`.execute(
      db,
    );
  });
}

/** Notes every stretch in which the page could not answer. */
async function watchForFreezes(page: Page): Promise<void> {
  await page.evaluate(`
    globalThis.freezes = [0];
    new PerformanceObserver((list) => globalThis.freezes.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ type: 'longtask' });`);
}

async function longestFreeze(page: Page): Promise<number> {
  return Math.round(Math.max(...((await page.evaluate('globalThis.freezes')) as number[])));
}
