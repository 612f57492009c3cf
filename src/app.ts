/** Composition: settings -> store -> capabilities -> one express app. Each capability brings its routes; this file mounts them. */
import { fileURLToPath } from 'node:url';
import express, { type Express } from 'express';
import helmet from 'helmet';
import { sql } from 'kysely';
import { catalogOf } from './access/catalog.ts';
import { openDecisions } from './access/evaluation.ts';
import { decisionPointMetadata, evaluationRoutes } from './access/evaluation-routes.ts';
import { accessGivenIn } from './access/given-in.ts';
import { mappingRuleRoutes } from './access/mapping-rule-routes.ts';
import { emailsOf } from './access/membership.ts';
import type { Models } from './access/model-file.ts';
import { permitDefaultRole } from './access/newcomers.ts';
import { peopleRoutes } from './access/people-routes.ts';
import { roleRoutes } from './access/role-routes.ts';
import { accessRoutes } from './access/routes.ts';
import { auditDenied } from './audit/denied.ts';
import { auditRoutes } from './audit/routes.ts';
import { installationStreamRoutes, streamRoutes } from './audit/streams/routes.ts';
import { answerFirst } from './credentials/answer-first.ts';
import { authenticateApiKey } from './credentials/authenticate-key.ts';
import { openKeyUses } from './credentials/key-uses.ts';
import { openKeys } from './credentials/known-keys.ts';
import { credentialRoutes } from './credentials/routes.ts';
import { sealedBy } from './credentials/sealing.ts';
import { keyIntrospection, tokenRoutes } from './credentials/token-routes.ts';
import { groupRoutes } from './directory/group-routes.ts';
import { personRoutes } from './directory/person-routes.ts';
import { reconcileEverybody } from './directory/reconcile/people.ts';
import { directoriesForRehire } from './directory/reconcile/rehire.ts';
import { directoryRoutes } from './directory/routes.ts';
import { runRoutes } from './directory/run-routes.ts';
import { listChanges } from './directory/runs.ts';
import { requestLogRoutes } from './directory/scim/request-log-routes.ts';
import { scimRoutes } from './directory/scim/routes.ts';
import { sourceRoutes } from './directory/source-routes.ts';
import { directoryTokenRoutes } from './directory/token-routes.ts';
import { Fault } from './errors.ts';
import { type Authenticate, enterOrganization, requireCaller } from './http/caller.ts';
import type { ApiRouter } from './http/endpoint.ts';
import { openMetrics } from './http/metrics.ts';
import { openApiDocument } from './http/openapi.ts';
import { authenticateOperator } from './http/operator.ts';
import { pageApplication } from './http/page-application.ts';
import { problemHandler } from './http/problem.ts';
import { requestContext } from './http/request-context.ts';
import type { JobQueue } from './jobs/queue.ts';
import type { Log } from './log.ts';
import { mailRoutes } from './mail/routes.ts';
import { manifestRoutes } from './manifest/routes.ts';
import { endLateTokens } from './offboarding/end-token.ts';
import { offboardingRoutes } from './offboarding/routes.ts';
import { exclusionRoutes } from './reviews/exclusion-routes.ts';
import { reviewRoutes } from './reviews/routes.ts';
import type { Settings } from './settings.ts';
import { authenticateSession } from './sign-in/authenticate.ts';
import { callerRoutes } from './sign-in/caller-routes.ts';
import { connectionRoutes } from './sign-in/connection-routes.ts';
import { invitationRoutes } from './sign-in/invitation/routes.ts';
import { localSignInRoutes } from './sign-in/local/people-routes.ts';
import { appRoutes } from './sign-in/oauth/app-routes.ts';
import { authenticateConsole } from './sign-in/oauth/console-caller.ts';
import { oauthRoutes } from './sign-in/oauth/routes.ts';
import { installationKeys } from './sign-in/oauth/signing-keys.ts';
import { clientKeyRoutes } from './sign-in/oidc/client-key-routes.ts';
import { requireEnforceable } from './sign-in/policy.ts';
import { signInPolicyRoutes } from './sign-in/policy-routes.ts';
import { signInRoutes } from './sign-in/routes.ts';
import { samlAdministration } from './sign-in/saml/administration.ts';
import { checkResponseRoutes } from './sign-in/saml/check-response-routes.ts';
import { sessionRoutes } from './sign-in/session-routes.ts';
import { setUpLinkRoutes } from './sign-in/set-up/link-routes.ts';
import { pushedSignalRoutes } from './sign-in/ssf/push-routes.ts';
import { signalReceiverRoutes } from './sign-in/ssf/receiver-routes.ts';
import { traceRoutes } from './sign-in/trace-routes.ts';
import { signalRoutes } from './signals/routes.ts';
import { transmitterRoutes } from './signals/ssf/routes.ts';
import type { Store } from './store/database.ts';
import { installationFigures } from './store/figures.ts';
import { locateOrganization } from './store/locate.ts';
import type { TenantTransaction } from './store/tenant.ts';
import { type ResolveTxt, resolveTxt } from './tenancy/domain-proof.ts';
import { installationRoutes, type TenancyDependencies, tenancyRoutes } from './tenancy/routes.ts';

const CONSOLE = fileURLToPath(new URL('../dist/console', import.meta.url));

/** What the capabilities are built from. */
export interface Dependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly jobs: JobQueue;
  readonly models: Models;
  readonly log: Log;
  /** Aborted when the server is about to end. */
  readonly stopping?: AbortSignal;
  /** How domains are looked up in DNS; the machine's own where it is left out. */
  readonly resolveTxt?: ResolveTxt;
}

/** Builds the HTTP application. */
export function createApp(deps: Dependencies): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', deps.settings.http.trustProxy);
  app.use(requestContext);
  const metrics = openMetrics(() => installationFigures(deps.store.db));
  app.use(metrics.measure);
  const keys = { findKey: openKeys(deps), noteUse: openKeyUses(deps) };
  const authenticate = authenticateAny(deps, keys);
  // What the platform asks at each of its own requests, before all else.
  const decisions = openDecisions(deps);
  answerBefore(app, answerFirst({ ...keys, decisions, trustProxy: deps.settings.http.trustProxy }));
  app.use('/access/v1', evaluationRoutes({ store: deps.store, decisions }, authenticate));
  app.use('/oauth', keyIntrospection({ ...deps, ...keys }, authenticate));

  app.use(helmet());

  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/readyz', async (_request, response) => {
    await sql`SELECT 1`.execute(deps.store.db);
    response.json({ status: 'ready' });
  });

  app.get('/metrics', async (request, response) => {
    await requireWatcher(deps.settings, request);
    response
      .set('Cache-Control', 'no-store')
      .type(metrics.contentType)
      .send(await metrics.expose());
  });

  // Capabilities with protocols of their own mount here, before the JSON API.
  app.use('/scim/v2', scimRoutes(deps));
  app.use('/console', pageApplication(CONSOLE));
  app.use(signInRoutes({ ...deps, resolveTxt: deps.resolveTxt ?? resolveTxt }));

  app.use(oauthRoutes({ ...deps, ...keys }, authenticate));
  app.use('/oauth', tokenRoutes({ ...deps, ...keys }, authenticate));
  app.use(pushedSignalRoutes(deps));
  app.use(transmitterRoutes({ ...deps, signingKeys: installationKeys(deps) }, authenticate));
  app.get('/.well-known/authzen-configuration', (_request, response) => {
    response.json(decisionPointMetadata(deps.settings.http.baseUrl));
  });
  app.use('/api/v1', administrationApi(deps, authenticate));
  app.use((request) => {
    throw new Fault('not-found', `There is nothing at ${request.method} ${request.path}.`, { where: 'path' });
  });
  app.use(problemHandler(deps.log));
  return app;
}

/** Has a listener asked before express sets out, which alone costs more than most of its answers. */
function answerBefore(app: Express, first: ReturnType<typeof answerFirst>): void {
  const whole = app as unknown as { handle: (...given: Parameters<typeof first>) => void };
  const handle = whole.handle.bind(app);
  whole.handle = (request, response, done) => first(request, response, () => handle(request, response, done));
}

function administrationApi(deps: Dependencies, authenticate: Authenticate): express.Router {
  const api = express.Router();
  const { open, installation, perOrganization } = administrationRouters(deps);
  api.use(express.json({ limit: '1mb' }));
  api.get('/openapi.json', (_request, response) => void response.json(describeApi(deps)));
  api.use(...open.map((each) => each.router));
  api.use(requireCaller(authenticate));
  api.use(...installation.map((each) => each.router));
  const find = (slugOrId: string) => locateOrganization(deps.store.db, slugOrId);
  api.use('/organizations/:organization', enterOrganization(find), ...perOrganization.map((each) => each.router));
  api.use(auditDenied({ db: deps.store.db, log: deps.log }));
  return api;
}

/** The administration API as an OpenAPI document. */
export function describeApi(deps: Dependencies): Record<string, unknown> {
  const { open, installation, perOrganization } = administrationRouters(deps);
  const endpoints = [...open, ...installation, ...perOrganization].flatMap((router) => router.described);
  return openApiDocument(endpoints, deps.settings.http.baseUrl);
}

function administrationRouters(deps: Dependencies): Record<'open' | 'installation' | 'perOrganization', ApiRouter[]> {
  const tenancy: TenancyDependencies = {
    store: deps.store,
    catalog: catalogOf(deps.models),
    inUse: accessGivenIn,
    requireEnforceable,
    resolveTxt: deps.resolveTxt ?? resolveTxt,
    permitDefaultRole: (...asked) => permitDefaultRole(deps.models, ...asked),
  };
  const onRulesChanged = (tx: TenantTransaction) => reconcileEverybody(deps, tx, 'rules');
  const open: ApiRouter[] = [signInPolicyRoutes(deps)];
  const installation: ApiRouter[] = [
    callerRoutes(deps),
    installationRoutes(tenancy),
    manifestRoutes({ ...deps, catalog: tenancy.catalog }),
    appRoutes(deps),
    installationStreamRoutes({ ...deps, secrets: sealedBy(deps.settings.secrets.sealingKeys) }),
  ];
  const perOrganization: ApiRouter[] = [
    tenancyRoutes(tenancy),
    accessRoutes(deps),
    peopleRoutes(deps),
    roleRoutes({ ...deps, onRulesChanged }),
    mappingRuleRoutes({
      ...deps,
      onRulesChanged,
      firstChanges: async (tx, runId) => (await listChanges(tx, runId)).changes,
    }),
    directoryRoutes(deps),
    runRoutes(deps),
    personRoutes(deps),
    sourceRoutes(deps),
    groupRoutes(deps),
    directoryTokenRoutes(deps),
    requestLogRoutes(deps),
    connectionRoutes(deps),
    clientKeyRoutes(deps),
    samlAdministration(deps),
    checkResponseRoutes(deps),
    traceRoutes(deps),
    signalReceiverRoutes(deps),
    localSignInRoutes(deps),
    invitationRoutes(deps),
    sessionRoutes(deps),
    setUpLinkRoutes(deps),
    credentialRoutes({ ...deps, endLateTokens: (...late) => endLateTokens(deps.jobs, ...late) }),
    offboardingRoutes({
      ...deps,
      signingKeys: installationKeys(deps),
      directories: directoriesForRehire(deps),
    }),
    signalRoutes(deps),
    mailRoutes(deps),
    reviewRoutes(deps),
    exclusionRoutes(deps),
    auditRoutes({ ...deps, findPeople: emailsOf }),
    streamRoutes({ ...deps, secrets: sealedBy(deps.settings.secrets.sealingKeys) }),
  ];
  return { open, installation, perOrganization };
}

function authenticateAny(deps: Dependencies, keys: Parameters<typeof authenticateApiKey>[0]): Authenticate {
  return onceARequest(
    firstOf([
      authenticateApiKey(keys),
      authenticateOperator(deps.settings.secrets.operatorToken),
      authenticateConsole(deps),
      authenticateSession(deps),
    ]),
  );
}

/** Several routes may ask who calls; it is found out, and a key's use noted, once. */
function onceARequest(authenticate: Authenticate): Authenticate {
  const asked = new WeakMap<object, ReturnType<Authenticate>>();
  return (request) => {
    const known = asked.get(request) ?? authenticate(request);
    asked.set(request, known);
    return known;
  };
}

/** @throws Fault `unauthenticated` for who has neither the operator's token nor that of the metrics */
async function requireWatcher({ secrets, metrics }: Settings, request: express.Request): Promise<void> {
  const tokens = [secrets.operatorToken, ...(metrics.token === undefined ? [] : [metrics.token])];
  if ((await firstOf(tokens.map(authenticateOperator))(request)) !== undefined) return;
  throw new Fault('unauthenticated', "This needs the operator's token, or that of the metrics.");
}

/** Tries each way in turn; the first that recognises the caller wins. */
function firstOf(ways: readonly Authenticate[]): Authenticate {
  return async (request) => {
    for (const way of ways) {
      const caller = await way(request);
      if (caller !== undefined) return caller;
    }
    return undefined;
  };
}
