/** What the routes of this room are built from. */
import type { Models } from '../access/model-file.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import type { SigningKeys } from './evidence-signature.ts';
import type { Directories } from './rehire.ts';

export interface OffboardingRouteDependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly jobs: JobQueue;
  readonly models: Models;
  readonly log: Log;
  readonly directories: Directories;
  readonly signingKeys: SigningKeys;
}
