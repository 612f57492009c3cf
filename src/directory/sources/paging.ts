/** Paging that goes in a circle is no whole reading, and would never end. */
import { Fault } from '../../errors.ts';

/**
 * Makes a check to be told where each page begins (its address, cursor or first id).
 * @throws Fault `invalid-feed`, by the check, where a page was already read
 */
export function noPageTwice(where: string): (page: string) => void {
  const read = new Set<string>();
  return (page) => {
    if (read.has(page)) {
      throw new Fault('invalid-feed', 'The source gives a page a second time; nothing was changed.', {
        where,
        remedy: 'Run again; if it stays so, the paging settings do not fit the source.',
      });
    }
    read.add(page);
  };
}
