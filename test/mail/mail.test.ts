import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { type Mail, postMail } from '../../src/mail/outbox.ts';
import { sendDueMails, startMailWorker, sweepMails } from '../../src/mail/send-due.ts';
import { loadSettings } from '../../src/settings.ts';
import { startMailServer } from '../doubles/mail-server.ts';
import { until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const mailServer = await startMailServer();
const database = await openTestDatabase({ mail: mailServer.settings });
const server = await startTestServer(database);
database.onEnd(() => mailServer.close());

const LETTER: Mail = {
  kind: 'leaver',
  about: 'case-1',
  recipient: 'olga@acme.example',
  subject: 'Lea has left',
  text: 'Her access has ended. Grüße, https://platform.example/secret-link',
};

const post = (company: Company, mail: Partial<Mail> = {}) =>
  company.within((tx) => postMail(server.deps, tx, { ...LETTER, ...mail }));
const send = (company: Company) => sendDueMails(server.deps, company.id);
const mails = async (company: Company, query = '') =>
  (await company.api('get', `/mails${query}`).expect(200)).body.mails;
const timePasses = (company: Company) =>
  company.within(({ db }) => sql`UPDATE mails SET next_attempt_at = now() WHERE finished_at IS NULL`.execute(db));
const lastReceived = (recipient: string) => mailServer.received.findLast(({ to }) => to.includes(recipient));

describe('mail', () => {
  it('given a mail server with TLS and a password, when a mail is posted, then a worker takes it there and its text is kept no longer', async () => {
    const company = await makeCompany(server, database);
    await startMailWorker(server.deps);
    assert.equal(await post(company, { recipient: 'first@acme.example' }), true);
    const received = await until(async () => lastReceived('first@acme.example'), 10, 'the mail');
    assert.equal(received.from, 'bridge@platform.example');
    assert.equal(received.text.trim(), LETTER.text);
    assert.equal(received.headers['subject'], LETTER.subject);
    const [mail] = await until(
      async () => {
        const all = await mails(company);
        return all[0].state === 'sent' && all;
      },
      5,
      'the state',
    );
    assert.equal(received.headers['message-id'], `<${mail.id}@platform.example>`);
    assert.doesNotMatch(JSON.stringify(mail), /secret-link/);
    const left = await company.within(({ db }) => db.selectFrom('mails').select('sealed_text').execute());
    assert.deepEqual(left, [{ sealed_text: null }]);
  });

  it('given a mail that waits, then its text stands nowhere in clear', async () => {
    const company = await makeCompany(server, database);
    await post(company);
    const rows = await company.within(({ db }) => db.selectFrom('mails').selectAll().execute());
    assert.doesNotMatch(JSON.stringify(rows), /secret-link|access has ended/);
  });

  it('given the work that posts it is rolled back, then no mail leaves', async () => {
    const company = await makeCompany(server, database);
    const work = company.within(async (tx) => {
      await postMail(server.deps, tx, LETTER);
      throw new Error('no');
    });
    await assert.rejects(work);
    assert.deepEqual(await mails(company), []);
  });

  it('given the server says "later", then it is tried again after a pause, under the same id', async () => {
    const company = await makeCompany(server, database);
    mailServer.refuseWith(451);
    await post(company, { recipient: 'later@acme.example' });
    await send(company);
    const [waiting] = await mails(company, '?state=retry');
    assert.match(waiting.lastError, /451/);
    assert.ok(Date.parse(waiting.nextAttemptAt) > Date.now());
    mailServer.refuseWith(undefined);
    await timePasses(company);
    await sweepMails(server.deps);
    await send(company);
    const [sent] = await until(
      async () => {
        const all = await mails(company, '?state=sent');
        return all.length === 1 && all;
      },
      5,
      'the second try',
    );
    assert.deepEqual([sent.id, sent.attempts], [waiting.id, 2]);
  });

  it('given the server says "never", then it is given up loudly, and a person can have it tried again', async () => {
    const company = await makeCompany(server, database);
    mailServer.refuseWith(550);
    await post(company, { recipient: 'never@acme.example' });
    await send(company);
    const [failed] = await mails(company);
    assert.equal(failed.state, 'failed');
    const { body } = await company.api('get', '/audit-events?action=mail.failed').expect(200);
    assert.match(body.events[0].reason, /550/);
    mailServer.refuseWith(undefined);
    await company.api('post', `/mails/${failed.id}/retry`).expect(204);
    await send(company);
    assert.equal((await mails(company))[0].state, 'sent');
    await company.api('post', `/mails/${failed.id}/retry`).expect(409);
    await company.api('post', '/mails/nobody/retry').expect(404);
  });

  it('given a recipient that reads like several, and a subject like a header, then neither gets through', async () => {
    const company = await makeCompany(server, database);
    const before = mailServer.received.length;
    await post(company, { recipient: 'a@acme.example, b@evil.example', subject: 'Hello' });
    await post(company, { recipient: 'plain@acme.example', subject: 'Hello\r\nBcc: b@evil.example' });
    await send(company);
    const received = mailServer.received.slice(before);
    assert.ok(
      received.every(({ to }) => !to.includes('b@evil.example')),
      JSON.stringify(received),
    );
    assert.equal(lastReceived('plain@acme.example')?.headers['bcc'], undefined);
  });

  it('given no mail server in the settings, then nothing is put in and the caller is told', async () => {
    const company = await makeCompany(server, database);
    const { mail: _, ...settings } = server.deps.settings;
    const posted = await company.within((tx) => postMail({ ...server.deps, settings }, tx, LETTER));
    assert.equal(posted, false);
    assert.deepEqual(await mails(company), []);
  });

  it('given another organization, then its mails are not there', async () => {
    const [company, other] = [await makeCompany(server, database), await makeCompany(server, database)];
    await post(company);
    assert.deepEqual(await mails(other), []);
    const [mail] = await mails(company);
    await other.api('post', `/mails/${mail.id}/retry`).expect(404);
  });

  it('given a password and no TLS, then the settings are refused', () => {
    const { caCertificate: _, ...plain } = mailServer.settings;
    const load = () =>
      loadSettings({ mail: { ...plain, tls: 'none' } }, { DRAWBRIDGE_SEALING_KEY: 'x' }, 'config/none.yaml');
    assert.throws(load, /mail\.tls \(DRAWBRIDGE_SMTP_TLS\): a password is not sent without TLS/);
  });
});
