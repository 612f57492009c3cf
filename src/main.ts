/** Opens what the capabilities are built from, and runs them: HTTP, workers, clock. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endExpiredMemberships } from './access/expiry.ts';
import { loadModels } from './access/model-file.ts';
import { createApp, type Dependencies } from './app.ts';
import { keepAuditMonths } from './audit/retention.ts';
import { sealAll } from './audit/seal.ts';
import { startStreamWorker, sweepStreams } from './audit/streams/work.ts';
import { sealedBy } from './credentials/sealing.ts';
import { enqueueDueRuns, resumeInterrupted, settleDates, startSyncWorker } from './directory/schedule.ts';
import { sweepRequestLog } from './directory/scim/request-log.ts';
import { Fault } from './errors.ts';
import { startClock } from './jobs/clock.ts';
import { openQueue } from './jobs/queue.ts';
import { openLog } from './log.ts';
import { startMailWorker, sweepMails } from './mail/send-due.ts';
import { sweepRetention } from './offboarding/erase.ts';
import { carryOutDepartures } from './offboarding/planned-departure.ts';
import { sweepResidualAccess } from './offboarding/residual-access.ts';
import { startOffboardingWorker, sweepDueSteps } from './offboarding/work-steps.ts';
import { sweepReviews } from './reviews/end.ts';
import type { Settings } from './settings.ts';
import { startLogoutWorker, sweepLogouts } from './sign-in/oauth/backchannel-logout.ts';
import { registerConsole } from './sign-in/oauth/console-caller.ts';
import { installationKeys } from './sign-in/oauth/signing-keys.ts';
import { raiseCertificateAlarms } from './sign-in/saml/certificate-alarm.ts';
import { refreshDueMetadata } from './sign-in/saml/metadata-refresh.ts';
import { signalPoller } from './sign-in/ssf/poll.ts';
import { startSignalWorker, sweepSignals, wakeSignals } from './signals/work.ts';
import { openStore } from './store/database.ts';
import { resolveTxt } from './tenancy/domain-proof.ts';
import { recheckDueDomains } from './tenancy/domain-recheck.ts';

export interface OpenDependencies extends Dependencies {
  close(): Promise<void>;
}

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** Lets running requests and jobs finish, then closes everything but the dependencies. */
  close(): Promise<void>;
}

/** How long runs under way may go on reading once the server is told to stop. */
const PATIENCE_MS = 5_000;

/** Opens store, queue and models. Whatever was opened is closed again if a later one fails. */
export async function openDependencies(settings: Settings): Promise<OpenDependencies> {
  const log = openLog(settings.log);
  const models = loadModels(settings.modelsFolder);
  const store = await openStore(settings);
  try {
    const jobs = await openQueue(store.applicationUrl, log);
    const stopping = new AbortController();
    const close = async () => {
      const patience = setTimeout(() => stopping.abort(), PATIENCE_MS);
      await jobs.close();
      clearTimeout(patience);
      stopping.abort();
      await store.close();
    };
    return { settings, log, models, store, jobs, stopping: stopping.signal, close };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * Serves HTTP and does the background work.
 * @param decorate lets the demo put its pages before the application
 * @throws Fault `unavailable` where the port is taken
 */
export async function startServer(
  deps: Dependencies,
  decorate: (app: ReturnType<typeof createApp>) => ReturnType<typeof createApp> = (app) => app,
): Promise<RunningServer> {
  await registerConsole(deps);
  const server = createServer(decorate(createApp(deps)));
  const port = await listen(server, deps.settings.http.port, deps.settings.http.host);
  const stopWork = await startWork(deps);
  return {
    port,
    url: deps.settings.http.baseUrl,
    close: async () => {
      await stopWork();
      await closeServer(server);
    },
  };
}

/** Listens on a port. @throws Fault `unavailable` saying which port and what to do */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((done, fail) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is taken by another program' : `can't be listened on (${cause.code})`;
      fail(
        new Fault('unavailable', `Port ${port} ${why}.`, {
          cause,
          remedy: 'Stop that program, or choose another with PORT.',
        }),
      );
    });
    server.listen(port, host, done);
  });
  return (server.address() as AddressInfo).port;
}

async function startWork(deps: Dependencies): Promise<() => Promise<void>> {
  await startSyncWorker(deps);
  await startOffboardingWorker(deps);
  await startLogoutWorker(deps);
  await startMailWorker(deps);
  const streaming = { ...deps, secrets: sealedBy(deps.settings.secrets.sealingKeys) };
  await startStreamWorker(streaming);
  const signalling = { ...deps, signingKeys: installationKeys(deps) };
  await startSignalWorker(signalling);
  await resumeInterrupted(deps);
  await enqueueDueRuns(deps);
  // Each by itself: what goes wrong with one keeps none of the others from being done.
  const everyMinute: readonly (() => Promise<unknown>)[] = [
    () => resumeInterrupted(deps),
    () => enqueueDueRuns(deps),
    () => settleDates(deps),
    () => sweepDueSteps(deps),
    () => carryOutDepartures(deps),
    () => endExpiredMemberships(deps),
    () => sweepLogouts(deps),
    () => sweepReviews(deps),
    () => sweepMails(deps),
    () => refreshDueMetadata(deps),
    () => raiseCertificateAlarms(deps),
    () => recheckDueDomains({ ...deps, resolveTxt: deps.resolveTxt ?? resolveTxt }),
    () => sealAll(deps),
    () => keepAuditMonths(deps, new Date()),
    () => sweepStreams(streaming),
    () => wakeSignals(signalling),
    () => sweepSignals(signalling),
    signalPoller(deps),
    () => sweepRequestLog(deps),
    () => sweepResidualAccess(deps),
    () => sweepRetention(deps),
  ];
  const clock = startClock(everyMinute, (error) => deps.log.error({ error }, 'the clock reports an error'));
  return () => clock.stop();
}

function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((done) => server.close(() => done()));
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), 10_000).unref();
  return closed;
}
