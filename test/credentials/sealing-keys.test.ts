import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { rotateSealingKeys } from '../../src/credentials/keys-command.ts';
import { resealBatch } from '../../src/credentials/resealing.ts';
import { SEALED_COLUMNS } from '../../src/credentials/sealed-columns.ts';
import { seal, unseal } from '../../src/credentials/sealing.ts';
import { startSession } from '../../src/credentials/session.ts';
import { Fault } from '../../src/errors.ts';
import { postMail } from '../../src/mail/outbox.ts';
import { type SealingKeys, sealingKeysOf } from '../../src/sealing-keys.ts';
import type { SettingsInput } from '../../src/settings.ts';
import { beginTotp } from '../../src/sign-in/local/factors.ts';
import { exchangeAdapter } from '../../src/sign-in/oauth/exchanges.ts';
import { signingKeys } from '../../src/sign-in/oauth/signing-keys.ts';
import { keepProviderSession } from '../../src/sign-in/oidc/provider-session.ts';
import { openStore } from '../../src/store/database.ts';
import { INSTALLATION, inTenant } from '../../src/store/tenant.ts';
import { run, start, until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase, TEST_ORIGIN } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { testSettings } from '../harness/settings.ts';

const OLD = Buffer.alloc(32, 7);
const NEW = randomBytes(32);
const base64 = (...keys: Buffer[]) => keys.map((key) => key.toString('base64')).join(',');
const both = sealingKeysOf([NEW, OLD]);
const TOKENS = Number(process.env['SEALED_ROWS'] ?? 4000);

const database = await openTestDatabase({
  mail: { host: '127.0.0.1', from: 'Drawbridge <drawbridge@acme.example>' },
});
const server = await startTestServer(database);
const company = await makeCompany(server, database);
company.write('E1,lea@acme.example,Lea,Engineering,Developer,active');
await company.sync();

/** Something in every column, by the ways in which it comes there. */
async function sealSomethingEverywhere({ api, within, person }: Company): Promise<void> {
  const { settings, store } = server.deps;
  const keys = settings.secrets.sealingKeys;
  const ok = ({ ok, text }: { ok: boolean; text: string }) => assert.ok(ok, text);
  await api('put', '/directories/hr-api')
    .send({
      kind: 'keycloak',
      config: { url: 'https://sso.example', realm: 'r', clientId: 'c' },
      secrets: { clientSecret: 's' },
    })
    .expect(ok);
  const oidc = { kind: 'oidc', issuer: 'https://op.example', clientId: 'c' };
  await api('put', '/connections/op')
    .send({ ...oidc, clientSecret: 'secret-of-op' })
    .expect(ok);
  await api('put', '/oauth-providers/git')
    .send({ revoker: 'github', apiUrl: 'https://git.example', clientId: 'c', clientSecret: 's' })
    .expect(ok);
  const lea = await person('lea@acme.example');
  await api('post', '/oauth-tokens')
    .send({ provider: 'git', user: lea, kind: 'access_token', token: 'gho_x' })
    .expect(ok);
  await api('put', '/webhook-endpoints/platform').send({ url: 'https://platform.example/hooks' }).expect(ok);
  await api('post', '/webhook-endpoints/platform/rotate-secret').send({}).expect(ok);
  await api('put', '/audit-streams/siem').send({ kind: 'webhook', url: 'https://siem.example/' }).expect(ok);
  await within(async (tx) => {
    const [stream, receiver] = [randomUUID(), randomUUID()];
    await sql`INSERT INTO ssf_streams (organization_id, id, method, endpoint_url, subject_format, sealed_authorization)
      VALUES (${tx.organizationId}, ${stream}, 'push', 'https://r.example', 'iss_sub', ${seal(keys, `ssf_stream:${stream}`, 'Bearer x')})`.execute(
      tx.db,
    );
    await sql`INSERT INTO ssf_receivers (organization_id, id, slug, issuer, jwks_uri, audience, on_disabled, sealed_poll_token)
      VALUES (${tx.organizationId}, ${receiver}, 'r', 'https://t.example', 'https://t.example/jwks', 'us', 'suspend',
        ${seal(keys, `ssf_receiver:${receiver}`, 'x')})`.execute(tx.db);
    const connections = await tx.db.selectFrom('connections').select(['id', 'kind']).execute();
    const op = connections.find(({ kind }) => kind === 'oidc')?.id as string;
    const { ensureClientKey } = await import('../../src/sign-in/oidc/client-key.ts');
    const { ensureOwnKey } = await import('../../src/sign-in/saml/own-key.ts');
    await ensureClientKey(tx, keys, op);
    await ensureOwnKey(tx, keys, op);
    const session = await startSession(tx, { userId: lea, connectionId: op, authenticatedBy: 'oidc' });
    const { rows } = await sql<{ id: string }>`SELECT id FROM sessions ORDER BY created_at DESC LIMIT 1`.execute(tx.db);
    assert.ok(session.token);
    const said = { subject: 'lea', sid: null, idToken: 'an.id.token', endSessionEndpoint: null };
    await keepProviderSession(tx, keys, op, rows[0]?.id as string, said);
    await beginTotp(tx, keys, lea, 'phone');
    const mail = { kind: 'test', about: lea, recipient: 'lea@acme.example', subject: 's', text: 'a link' };
    assert.equal(await postMail(server.deps, tx, mail), true);
  });
  await signingKeys(store.db, keys);
  await exchangeAdapter(store, keys, 'Interaction').upsert(randomUUID(), { uid: 'u' }, 3600);
}

/** Many tokens, kept at once. */
async function keepTokens({ within, person }: Company, count: number): Promise<void> {
  const lea = await person('lea@acme.example');
  const purpose = `oauth_token:${lea}`;
  const sealed = Array.from({ length: count }, (_, at) =>
    seal(database.settings.secrets.sealingKeys, purpose, `token ${at}`),
  );
  await within(({ db }) =>
    sql`INSERT INTO oauth_tokens (organization_id, provider_id, user_id, token_kind, sealed_token)
      SELECT p.organization_id, p.id, ${lea}, 'access_token', s FROM oauth_providers p, unnest(${sealed}::text[]) AS s`.execute(
      db,
    ),
  );
}

/** Key ids by column, of everything that is sealed. */
async function underWhich(): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const tenant of [INSTALLATION, company.id]) {
    for (const { table, column } of SEALED_COLUMNS) {
      const { rows } = await inTenant(database.store.db, tenant, TEST_ORIGIN, (tx) =>
        sql<{ key: string }>`SELECT split_part(${sql.id(column)}, '.', 2) AS key FROM ${sql.id(table)}
          WHERE ${sql.id(column)} IS NOT NULL`.execute(tx.db),
      );
      const name = `${table}.${column}`;
      found[name] = [...(found[name] ?? []), ...rows.map(({ key }) => key)];
    }
  }
  return found;
}

/** Opens everything there is with these keys, by each column's own purpose. */
async function openAll(keys: SealingKeys): Promise<number> {
  let opened = 0;
  for (const tenant of [INSTALLATION, company.id]) {
    for (const { table, column, purpose } of SEALED_COLUMNS) {
      const { rows } = await inTenant(database.store.db, tenant, TEST_ORIGIN, (tx) =>
        sql<Record<string, unknown>>`SELECT * FROM ${sql.id(table)} WHERE ${sql.id(column)} IS NOT NULL`.execute(tx.db),
      );
      for (const row of rows) unseal(keys, purpose(row), String(row[column]));
      opened += rows.length;
    }
  }
  return opened;
}

/** Settings as they are with these keys in place of the test's. */
function withKeys(secrets: Partial<NonNullable<SettingsInput['secrets']>>) {
  const { applicationPassword } = database.settings.secrets;
  return testSettings(database.ownerUrl, { secrets: { applicationPassword, ...secrets } });
}

/** Opens the store as any start does, and closes it. */
async function opens(secrets: Parameters<typeof withKeys>[0]): Promise<void> {
  await (await openStore(withKeys(secrets))).close();
}

async function rotate(...keys: Buffer[]): Promise<string[]> {
  const lines: string[] = [];
  await rotateSealingKeys({ settings: withKeys({ sealingKey: base64(...keys) }), store: database.store }, (line) =>
    lines.push(line),
  );
  return lines;
}

describe('sealing keys', () => {
  it('given the schema, then every sealed column is among those that are re-sealed', async () => {
    const { rows } = await sql<{ name: string }>`
      SELECT table_name || '.' || column_name AS name FROM information_schema.columns
      WHERE table_schema = 'public' AND column_name LIKE 'sealed%' AND data_type = 'text' ORDER BY 1`.execute(
      database.store.db,
    );
    const listed = SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`).sort();
    assert.deepEqual(rows.map(({ name }) => name).sort(), listed);
  });

  it('SEC-3 given a key that is not the one in use, then the start is refused with what is missing, and nothing has changed', async () => {
    const wrong = randomBytes(32).toString('base64');
    // No password is given for the application's role: it would derive from the wrong key.
    const more = { DRAWBRIDGE_SEALING_KEY: wrong, DRAWBRIDGE_APPLICATION_PASSWORD: '', PORT: '0' };
    const refused = await run(database, ['serve'], more);
    assert.equal(refused.code, 1, refused.stdout);
    assert.match(
      refused.stderr,
      /^drawbridge: The sealing key \S{8}, under which secrets here are sealed, is not among/,
    );
    assert.equal(refused.stderr.trim().split('\n').length, 1);
    assert.ok(!refused.stderr.includes(wrong));
    await opens({ sealingKey: base64(OLD) });
  });

  it('SEC-3 given no key, half a key, or two ways at once, then it is refused and says what to do', async () => {
    for (const [secrets, said] of [
      [{ sealingKey: '' }, /is missing.*openssl/],
      [{ sealingKey: base64(OLD).slice(0, 20) }, /not 32 bytes/],
      [{ sealingKey: `${base64(OLD)},abc` }, /not 32 bytes/],
      [{ sealingKey: base64(OLD), sealingKeyFile: '/nowhere' }, /one way/],
    ] as const) {
      assert.throws(
        () => withKeys(secrets),
        (error) => error instanceof Fault && said.test(error.toLine()),
      );
    }
  });

  it('given the keys in a file, or printed by a command as a key management service’s are, then they serve as well', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drawbridge-keys-'));
    database.onEnd(async () => rmSync(folder, { recursive: true }));
    const file = join(folder, 'keys');
    writeFileSync(file, `${base64(OLD)}\n${base64(NEW)}\n`);
    for (const way of [{ sealingKeyFile: file }, { sealingKeyCommand: `cat ${file}` }]) {
      const { sealingKeys } = withKeys({ sealingKey: undefined, ...way }).secrets;
      assert.deepEqual(sealingKeys.current.secret, OLD);
      assert.deepEqual(sealingKeys.find(both.current.id)?.secret, NEW);
    }
    for (const way of [{ sealingKeyFile: '/nowhere' }, { sealingKeyCommand: 'exit 3' }])
      assert.throws(() => withKeys({ sealingKey: undefined, ...way }), /sealingKey(File|Command)/);
  });

  it('SEC-4 given a rotation that is killed midway, then everything opens; begun again it ends, and then the old key is needless', async () => {
    await sealSomethingEverywhere(company);
    await keepTokens(company, TOKENS);
    const before = await underWhich();
    for (const [column, keys] of Object.entries(before)) assert.notEqual(keys.length, 0, `something is in ${column}`);

    const rotation = start(database, ['keys', 'rotate'], { DRAWBRIDGE_SEALING_KEY: base64(NEW, OLD) });
    let told = '';
    rotation.stdout?.on('data', (text) => {
      told += text;
    });
    await until(async () => /^\d{4,} re-sealed/m.test(told), 60, 'some batches are done');
    rotation.kill('SIGKILL');
    await until(async () => rotation.signalCode !== null, 10, 'it is killed');
    const tokens = (await underWhich())['oauth_tokens.sealed_token'] ?? [];
    assert.deepEqual([...new Set(tokens)].sort(), [both.current.id, sealingKeysOf([OLD]).current.id].sort(), 'midway');
    const all = await openAll(both);
    assert.ok(all > TOKENS);
    await assert.rejects(opens({ sealingKey: base64(OLD) }), /is not among/, 'the old key alone is refused by now');
    const midway = await run(database, ['keys'], { DRAWBRIDGE_SEALING_KEY: base64(NEW, OLD) });
    assert.match(midway.stdout, /\(seals\): \d+ rows/);
    assert.match(midway.stdout, /\(only opens\): \d+ rows/);

    assert.match((await rotate(NEW, OLD)).at(-1) ?? '', /Everything is sealed under the key \S{8}/);
    assert.deepEqual([...new Set(Object.values(await underWhich()).flat())], [both.current.id]);
    assert.equal(await openAll(sealingKeysOf([NEW])), all, 'nothing is lost');
    await opens({ sealingKey: base64(NEW) });
    await assert.rejects(opens({ sealingKey: base64(OLD) }), /is not among/);
    assert.equal((await rotate(NEW)).length, 1, 'nothing is left to do');
    const { body } = await company.api('get', '/audit-events?action=secrets.resealed').expect(200);
    assert.ok(body.events.length > 0);
  });

  it('given a row that does not open, then the others are re-sealed, and it is said that one is stuck', async () => {
    await company.within(({ db }) =>
      sql`UPDATE oauth_tokens SET sealed_token = left(sealed_token, -4) || 'AAAA' WHERE id = (SELECT min(id::text)::uuid FROM oauth_tokens)`.execute(
        db,
      ),
    );
    const third = randomBytes(32);
    await opens({ sealingKey: base64(third, NEW) });
    await assert.rejects(rotate(third, NEW), /1 stored secrets do not open/);
    const uses = Object.values(await underWhich()).flat();
    assert.equal(uses.filter((key) => key === both.current.id).length, 1);
    await assert.rejects(opens({ sealingKey: base64(third) }), /is not among/, 'the key is not forgotten');
  });

  it('given somebody writes a secret anew while it is re-sealed, then theirs stays', async () => {
    const keys = sealingKeysOf([randomBytes(32), NEW]);
    const column = SEALED_COLUMNS.find(({ table }) => table === 'webhook_endpoints');
    assert.ok(column);
    const fresh = seal(both, `webhook_endpoint:${company.id}:platform`, 'fresh');
    let resealed: Promise<{ done: number }> | undefined;
    await company.within(async (tx) => {
      await tx.db.updateTable('webhook_endpoints').set({ sealed_secret: fresh }).execute();
      // It reads what was there before, and waits for this transaction to write.
      resealed = company.within((other) => resealBatch(other, keys, column, null, 10));
      await pause(300);
    });
    assert.equal((await resealed)?.done, 0);
    const { sealed_secret: kept } = await company.within((tx) =>
      tx.db.selectFrom('webhook_endpoints').select('sealed_secret').executeTakeFirstOrThrow(),
    );
    assert.equal(kept, fresh);
  });
});
