/** What the directories do for a rehire. */
import type { Directories } from '../../offboarding/rehire.ts';
import { reconcilePeople } from './people.ts';
import { takeTurn } from './turns.ts';

/** Beside other people's runs, and with the memberships that rules derive for the person. */
export function directoriesForRehire(deps: Parameters<typeof reconcilePeople>[0]): Directories {
  return {
    takeTurn: (tx) => takeTurn(tx, 'beside others'),
    settle: async (tx, userId) => void (await reconcilePeople(deps, tx, { userIds: [userId] }, 'rehire')),
  };
}
