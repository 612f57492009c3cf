/** A run as it goes, as server-sent events: `progress` whenever something has changed, `end` with what has become of it. */
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Response } from 'express';
import type { RunSummary } from './runs.ts';

const EVERY_MS = 500;
const HEARTBEAT_MS = 15_000;
/** Then the client comes again by itself, and is asked again who it is. */
const LONGEST_MS = 5 * 60_000;

/**
 * Streams until the run has ended, the client goes, or it is time to ask anew.
 * @param look reads the run as it is now
 */
export async function streamRun(response: Response, look: () => Promise<RunSummary>): Promise<void> {
  const begun = Date.now();
  let shown: RunSummary | undefined;
  let spoken = begun;
  const say = (text: string) => {
    spoken = Date.now();
    response.write(text);
  };
  let run = await look();
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  while (!response.destroyed && Date.now() - begun < LONGEST_MS) {
    if (run.status !== 'staging') {
      say(eventOf('end', run));
      break;
    }
    if (!isDeepStrictEqual(run, shown)) say(eventOf('progress', run));
    else if (Date.now() - spoken > HEARTBEAT_MS) say(': still here\n\n');
    shown = run;
    await pause(EVERY_MS);
    run = await look();
  }
  response.end();
}

function eventOf(name: 'progress' | 'end', run: RunSummary): string {
  return `event: ${name}\ndata: ${JSON.stringify(run)}\n\n`;
}
