/** A real browser before the console. Whatever the page reports as an error fails the test that caused it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach } from 'node:test';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { startSession } from '../../src/credentials/session.ts';
import { registerConsole } from '../../src/sign-in/oauth/console-caller.ts';
import type { Company } from '../harness/company.ts';
import type { TestDatabase } from '../harness/database.ts';
import type { TestServer } from '../harness/server.ts';

const CHROMIUM = '/usr/bin/chromium';
const BUILT = new URL('../../dist/console/index.html', import.meta.url);
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Why the console can't be tried here, if it can't; in CI it must be. */
export const lacksBrowser =
  process.env['CI'] !== undefined || (existsSync(CHROMIUM) && existsSync(BUILT))
    ? false
    : 'needs /usr/bin/chromium and "npm run build:console"';

export interface ConsoleBrowser {
  /** A window of its own in which this person signs in to the console, through the console's own sign-in page. */
  signIn(company: Company, email: string): Promise<Page>;
  /** A window in which nobody is signed in. */
  open(options?: BrowserContextOptions): Promise<Page>;
}

/** Starts a browser for a test file, and registers the console at the server's address. */
export async function startConsoleBrowser(server: TestServer, database: TestDatabase): Promise<ConsoleBrowser> {
  await registerConsole({ store: database.store, settings: server.deps.settings });
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  const errors: string[] = [];
  database.onEnd(() => browser.close());
  const pages: Page[] = [];
  afterEach(async () => {
    for (const [at, page] of pages.splice(0).entries()) await picture(page, `last-${at}`).catch(() => undefined);
    assert.deepEqual(errors.splice(0), [], 'the pages reported errors');
  });

  async function window(options?: BrowserContextOptions): Promise<{ context: BrowserContext; page: Page }> {
    const viewport = { width: 1280, height: 800 };
    const context = await browser.newContext({ viewport, reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    pages.push(page);
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      // What the server refuses is shown on the page; the browser's own line about it is no error of the page.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        errors.push(message.text());
    });
    return { context, page };
  }

  return {
    open: async (options) => (await window(options)).page,
    signIn: async (company, email) => {
      const { context, page } = await window();
      const userId = await company.person(email);
      const token = await company.within(
        async (tx) => (await startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' })).token,
      );
      await context.addCookies([
        { name: 'drawbridge', value: token, url: server.url, httpOnly: true, sameSite: 'Lax' },
      ]);
      await page.goto(`${server.url}/console/`);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      return page;
    },
  };
}

/** Goes to a screen by the navigation. */
export async function goTo(page: Page, screen: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: screen, exact: true }).click();
  // What stands on the screen before may have a link of the same name as what is looked for next.
  await page.getByRole('heading', { name: screen, level: 1, exact: true }).waitFor();
}

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Finds nothing serious that would keep people with a keyboard or a screen reader out. */
export async function assertAccessible(page: Page): Promise<void> {
  // Evaluated by the debugger, so that the page's own policy stays as strict as it is.
  const violations = (await page.evaluate(
    `(() => { ${AXE}; return axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations); })()`,
  )) as Violation[];
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(
    serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`),
    [],
  );
}

/** Keeps a picture of the page where `SCREENSHOTS` names a folder, to be looked at. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS'];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.getByRole('status', { name: 'Loading' }).first().waitFor({ state: 'detached' });
  // What moves has come to rest.
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
