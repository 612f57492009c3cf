/** What tests of signals need: a company whose people are known, the worker's next round, and time that passes. */
import assert from 'node:assert/strict';
import { installationKeys } from '../../src/sign-in/oauth/signing-keys.ts';
import { workSignals } from '../../src/signals/work.ts';
import { asSuperuser, sealWhole } from '../audit/arrange.ts';
import type { Company } from '../harness/company.ts';
import type { TestDatabase } from '../harness/database.ts';
import type { TestServer } from '../harness/server.ts';

/** What the worker is built from. */
export function signalling({ deps }: TestServer) {
  return { ...deps, signingKeys: installationKeys(deps) };
}

/** All that is due is told. */
export async function tell(server: TestServer, company: Company): Promise<void> {
  await sealWhole(server, company);
  await workSignals(signalling(server), company.id);
}

/** Pauses between tries are over. */
export async function timePasses(database: TestDatabase): Promise<void> {
  await asSuperuser(
    database,
    `UPDATE signal_deliveries SET next_attempt_at = now() WHERE state IN ('waiting', 'retry')`,
  );
}

/** An endpoint of a company that wants to hear of these. */
export async function subscribe(
  company: Company,
  slug: string,
  body: { readonly url: string; readonly secret?: string; readonly events?: readonly string[] },
): Promise<{ id: string; madeSecret?: string }> {
  const answer = await company.api('put', `/webhook-endpoints/${slug}`).send(body);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}
