/** Changes that can be looked at first: all is done, shown, and undone. */
import { z } from 'zod';

/** Whether only to say what would change; nothing does then. */
export const previewQuery = z.object({ preview: z.stringbool().default(false) });

/** Ends a transaction that was made only to be looked at. */
class PreviewOnly<T> extends Error {
  readonly shown: T;
  constructor(shown: T) {
    super('looked at only');
    this.shown = shown;
  }
}

/**
 * Does `work`; where only a preview is asked for, rolls back what it did.
 * @param work calls `end` with its answer as the last thing in its transaction
 */
export async function previewable<T>(
  { preview }: z.output<typeof previewQuery>,
  work: (end: (answer: T) => T) => Promise<T>,
): Promise<T> {
  try {
    return await work((answer) => {
      if (preview) throw new PreviewOnly(answer);
      return answer;
    });
  } catch (error) {
    if (error instanceof PreviewOnly) return error.shown;
    throw error;
  }
}
