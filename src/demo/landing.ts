/** The demo's own pages, before the application: what to click, and what came of it. */
import express, { type Express, type Request, type Response } from 'express';
import { requireSameOrigin } from '../sign-in/same-origin.ts';
import {
  type Change,
  caseOf,
  feedNow,
  type Holdings,
  hrExports,
  letGo,
  person,
  type Run,
  type Stage,
  settleIn,
  standing,
  sync,
} from './acts.ts';
import { landingPage, type Shown, STYLE } from './landing-page.ts';

const LEAVER = 'lea.leaver@acme.example';

/** What has been done by clicking; kept only as long as the demo runs. */
interface Memory {
  run: { run: Run; changes: Change[] } | null;
  held: Holdings | null;
  /** What went wrong at the last click. */
  trouble: string | null;
}

/** Puts the landing page before the application. */
export function withLanding(app: Express, stage: Stage): Express {
  const memory: Memory = { run: null, held: null, trouble: null };
  const outer = express();
  outer.disable('x-powered-by');
  outer.get('/', async (_request, response) => show(stage, memory, response));
  outer.get('/favicon.ico', (_request, response) => void response.status(204).end());
  outer.get('/demo/style.css', (_request, response) => void response.type('css').send(STYLE));

  const acts: Record<string, () => Promise<void>> = {
    plan: async () => {
      memory.run = await sync(stage, 'plan');
    },
    run: async () => {
      memory.run = await sync(stage, 'run');
    },
    monday: async () => hrExports(stage, 'monday'),
    tuesday: async () => hrExports(stage, 'tuesday'),
    nobody: async () => hrExports(stage, 'nobody'),
    settle: async () => {
      memory.held = await settleIn(stage, LEAVER);
    },
    'let-go': async () => {
      await letGo(stage, LEAVER, 'ordered on the demo page');
    },
  };
  outer.post('/demo/:act', async (request, response) => act(stage, memory, acts, request, response));
  return outer.use(app);
}

async function act(
  stage: Stage,
  memory: Memory,
  acts: Readonly<Record<string, () => Promise<void>>>,
  request: Request,
  response: Response,
): Promise<void> {
  requireSameOrigin(request, stage.drawbridge);
  const wanted = acts[String(request.params['act'])];
  memory.trouble = null;
  try {
    await wanted?.();
  } catch (error) {
    memory.trouble = error instanceof Error ? error.message : String(error);
  }
  const section = ['settle', 'let-go'].includes(String(request.params['act'])) ? 'let-go' : 'keep-true';
  response.redirect(303, memory.trouble === null ? `/#${section}` : '/');
}

async function show(stage: Stage, memory: Memory, response: Response): Promise<void> {
  const leaver = await person(stage, LEAVER).catch(() => null);
  const shown: Shown = {
    stage,
    feed: feedNow(stage),
    trouble: memory.trouble,
    run: memory.run,
    leaver: { email: LEAVER, status: leaver?.status ?? 'not known yet', memberships: leaver?.memberships ?? [] },
    standing: memory.held === null ? null : await standing(stage, memory.held),
    case: leaver === null ? null : ((await caseOf(stage, LEAVER)) ?? null),
    messages: stage.platform.messages,
  };
  response
    .set(
      'Content-Security-Policy',
      "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
    .set('Cache-Control', 'no-store')
    .type('html')
    .send(landingPage(shown));
}
