/** The product as a measured server: `ours.ts <owner's database URL>`. */
import { loadModels } from '../../src/access/model-file.ts';
import { createApp } from '../../src/app.ts';
import { openQueue } from '../../src/jobs/queue.ts';
import { openLog } from '../../src/log.ts';
import { openStore } from '../../src/store/database.ts';
import { testSettings } from '../harness/settings.ts';
import { serveMeasured } from './measured.ts';

// No limit stands in the way of a benchmark.
const settings = testSettings(process.argv[2] ?? '', { scim: { requestsPerMinute: 1_000_000_000 } });
const store = await openStore(settings);
const log = openLog('silent');
const jobs = await openQueue(store.applicationUrl, log);
await serveMeasured(async (baseUrl) =>
  createApp({
    settings: { ...settings, http: { ...settings.http, baseUrl } },
    store,
    jobs,
    log,
    models: loadModels(settings.modelsFolder),
  }),
);
