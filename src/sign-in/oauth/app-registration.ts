/** The platform's apps, as the operator registers them. A secret is kept as its hash and shown once. */
import { timingSafeEqual } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { hashOf, randomSecret } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import type { Tables } from '../../store/tables.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { type Put, putRow } from '../../tenancy/put.ts';
import { type AppInput, hasKeys } from './app-input.ts';
import { inInstallation, PROVIDER } from './installation.ts';

type AppConfig = Omit<AppInput, 'slug' | 'secret'>;

export interface App extends AppConfig {
  readonly id: string;
  readonly slug: string;
  readonly secretHash: Buffer | null;
}

/** What is shown of an app. */
export type ShownApp = AppConfig & { readonly id: string; readonly slug: string };

/**
 * Registers an app or updates it; a secret that is left out stays. To be called behind the installation's wall, by the operator.
 * @returns with the secret, where it was made now
 */
export async function putApp(tx: TenantTransaction, input: AppInput): Promise<Put & { readonly madeSecret?: string }> {
  requireOperator(tx);
  const { slug: name, secret, ...config } = input;
  const put = await putRow(tx, 'apps', 'app', { slug: name }, { config: { json: config } });
  if (input.type === 'public' || hasKeys(input)) {
    await tx.db.updateTable('apps').set({ secret_hash: null }).where('id', '=', put.id).execute();
    return put;
  }
  const before = await tx.db.selectFrom('apps').select('secret_hash').where('id', '=', put.id).executeTakeFirst();
  const kept = before?.secret_hash ?? null;
  if (kept !== null && (secret === undefined || kept.equals(hashOf(secret)))) return put;
  const made = secret ?? newSecret();
  await keepSecret(tx, put.id, made);
  if (put.action !== 'create') await recordNewSecret(tx, put.id, name);
  const changed = [...put.changed, 'secret'];
  const action = put.action === 'keep' ? 'update' : put.action;
  return { id: put.id, action, changed, ...(secret === undefined ? { madeSecret: made } : {}) };
}

/**
 * Gives an app a new secret; the old one ends.
 * @returns it, to be shown once
 * @throws Fault `not-found`, `conflict` where the app keeps none
 */
export async function renewAppSecret(tx: TenantTransaction, name: string): Promise<string> {
  requireOperator(tx);
  const app = await appNamed(tx, name);
  if (app === undefined) throw unknownApp(name);
  if (app.type === 'public' || hasKeys(app)) throw new Fault('conflict', `The app "${name}" has no secret.`);
  const secret = newSecret();
  await keepSecret(tx, app.id, secret);
  await recordNewSecret(tx, app.id, name);
  return secret;
}

/** Takes an app away; whatever it holds is worth nothing from then on. @throws Fault `not-found` */
export async function deleteApp(tx: TenantTransaction, name: string): Promise<void> {
  requireOperator(tx);
  const gone = await tx.db.deleteFrom('apps').where('slug', '=', name).returning('id').executeTakeFirst();
  if (gone === undefined) throw unknownApp(name);
  await record(tx, { action: 'app.deleted', resource: { type: 'app', id: gone.id }, detail: { slug: name } });
}

/** An app by its slug. @throws Fault `not-found` */
export async function readApp(tx: TenantTransaction, name: string): Promise<ShownApp> {
  const app = await appNamed(tx, name);
  if (app === undefined) throw unknownApp(name);
  return shown(app);
}

/** Every app, by slug. */
export async function listApps(tx: TenantTransaction): Promise<ShownApp[]> {
  const rows = await tx.db.selectFrom('apps').selectAll().orderBy('slug').execute();
  return rows.map((row) => shown(appOf(row)));
}

/** The app that a client_id names; undefined where there is none. */
export function findApp(db: Kysely<Tables>, clientId: string): Promise<App | undefined> {
  return inInstallation(db, PROVIDER, (tx) => appNamed(tx, clientId), 'reader');
}

/** Every app that wants to hear of logouts, by client_id. */
export async function appsToTell(db: Kysely<Tables>): Promise<Map<string, string>> {
  const apps = await inInstallation(db, PROVIDER, listApps, 'reader');
  return new Map(
    apps.flatMap(({ slug: name, backchannelLogoutUri: uri }) => (uri === undefined ? [] : [[name, uri] as const])),
  );
}

/** Whether a presented secret is the one whose hash is kept; takes the same time either way. */
export function isSecretOf(secretHash: Buffer, presented: string): boolean {
  return timingSafeEqual(hashOf(presented), secretHash);
}

async function appNamed({ db }: TenantTransaction, name: string): Promise<App | undefined> {
  const row = await db.selectFrom('apps').selectAll().where('slug', '=', name).executeTakeFirst();
  return row && appOf(row);
}

function appOf(row: { id: string; slug: string; config: unknown; secret_hash: Buffer | null }): App {
  return { ...(row.config as AppConfig), id: row.id, slug: row.slug, secretHash: row.secret_hash };
}

function shown({ secretHash: _, ...app }: App): ShownApp {
  return app;
}

function newSecret(): string {
  return `dba_${randomSecret()}`;
}

async function keepSecret({ db }: TenantTransaction, id: string, secret: string): Promise<void> {
  await sql`UPDATE apps SET secret_hash = ${hashOf(secret)} WHERE id = ${id}`.execute(db);
}

function recordNewSecret(tx: TenantTransaction, id: string, name: string): Promise<void> {
  return record(tx, { action: 'app.secret_changed', resource: { type: 'app', id }, detail: { slug: name } });
}

function requireOperator({ origin }: TenantTransaction): void {
  if (origin.actor.kind === 'operator') return;
  throw new Fault('forbidden', 'Only the operator of this installation registers apps.');
}

function unknownApp(name: string): Fault {
  return new Fault('not-found', `There is no app "${name}".`, { where: 'path' });
}
