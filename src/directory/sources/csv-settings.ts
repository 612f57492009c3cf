/** What is said of a directory that is read from CSV. */
import { z } from 'zod';

export const ENCODINGS = ['utf-8', 'utf-16le', 'utf-16be', 'latin1'] as const;

export const csvSettings = z
  .strictObject({
    /** Path of the file, relative to where the server was started. */
    file: z.string().min(1).optional(),
    /** Or of a folder of such files; names that do not end in `endsWith`, or begin with a dot, are not looked at. */
    folder: z.string().min(1).optional(),
    /** Or the address of one. */
    url: z.url().optional(),
    endsWith: z.string().min(1).default('.csv'),
    /** Which files of a folder are the feed: the one written last, or all of them together. */
    pick: z.enum(['newest', 'all']).default('newest'),
    /**
     * `full`: whoever is not named has left. `changes`: whoever is not named is as before; files of a folder are then read in the order of
     * their names, each once.
     */
    extent: z.enum(['full', 'changes']).default('full'),
    /** Whether each file must say how many rows it has, by a line such as `# rows: 1200`. */
    countRequired: z.boolean().default(false),
    /** Where a file does not begin with a byte order mark, which is believed first. */
    encoding: z.enum(ENCODINGS).default('utf-8'),
    /** Found in the header where it is not said. */
    delimiter: z.string().length(1).optional(),
    /** Which column says what. Only `id` and `email` must be there. */
    columns: z
      .strictObject({
        id: z.string().default('id'),
        email: z.string().default('email'),
        name: z.string().default('name'),
        status: z.string().optional(),
        startsOn: z.string().optional(),
        endsOn: z.string().optional(),
        /** Of these days, where they are not the directory's: `Europe/Berlin`. */
        timeZone: z.string().optional(),
        groups: z.string().optional(),
        /** Of a feed of changes: what has become of this person. */
        change: z.string().optional(),
      })
      .prefault({}),
    /** Values of the status column (any case) that mean: no longer here. */
    inactive: z.array(z.string()).default(['terminated', 'inactive', 'left', 'former']),
    /** Values of the change column (any case) that mean: erased. */
    gone: z.array(z.string()).default(['gone', 'deleted', 'delete', 'removed', 'remove']),
    groupSeparator: z.string().min(1).default(';'),
  })
  .superRefine(({ file, folder, url, extent, columns }, context) => {
    if ([file, folder, url].filter((each) => each !== undefined).length !== 1) {
      context.addIssue({ code: 'custom', message: 'needs just one of file, folder and url' });
    }
    if (columns.change !== undefined && extent === 'full') {
      context.addIssue({ code: 'custom', path: ['columns', 'change'], message: 'is only for an extent of changes' });
    }
  });

export type CsvSettings = z.output<typeof csvSettings>;
