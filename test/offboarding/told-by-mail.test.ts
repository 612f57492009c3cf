/** A leaver's manager, or the owners, are told by e-mail: a step of the case like the others. */
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { workDueSteps } from '../../src/offboarding/work-steps.ts';
import { arrangeDirectory, USER } from '../directory/scim/arrange.ts';
import { startMailServer } from '../doubles/mail-server.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const mailServer = await startMailServer();
const database = await openTestDatabase({ mail: mailServer.settings });
const server = await startTestServer(database);
database.onEnd(() => mailServer.close());

const mail = (made: Company, name: string) => `${name}@${made.slug}.example`;

/** A company that tells of leavers, with Lea, her manager Max by the feed's word, and the owner Olga. */
async function companyThatTells(manager: (made: Company) => string = (made) => mail(made, 'max')): Promise<Company> {
  const made = await makeCompany(server, database);
  await made.api('patch', '').send({ tellOfLeavers: true, name: 'Acme' }).expect(200);
  made.header('id,email,name,department,title,status,manager');
  const row = (name: string, more: string) => `${name},${mail(made, name)},${name},Sales,Agent,active,${more}`;
  made.write(row('lea', manager(made)), row('max', ''), row('olga', ''));
  await made.sync();
  const role = { user: mail(made, 'olga'), role: 'owner', scope: { workspace: 'main' } };
  await made.api('post', '/memberships').send(role).expect(201);
  await made
    .api('post', '/memberships')
    .send({ ...role, user: mail(made, 'lea'), role: 'member' })
    .expect(201);
  return made;
}

const letGo = async (made: Company, name = 'lea') =>
  (
    await made
      .api('post', `/people/${mail(made, name)}/offboard`)
      .send({ reason: 'a reason that is nobody else’s' })
      .expect(201)
  ).body;
const work = (made: Company, on = server) => workDueSteps(on.deps, made.id);
const caseOf = async (made: Company, name = 'lea') =>
  (await made.api('get', `/offboarding-cases?user=${mail(made, name)}`).expect(200)).body.cases[0];
const received = (recipient: string) => mailServer.received.filter(({ to }) => to.includes(recipient));
const timePasses = (made: Company) =>
  made.within(({ db }) =>
    sql`UPDATE offboarding_steps SET next_attempt_at = now() WHERE finished_at IS NULL`.execute(db),
  );

describe('who is told', () => {
  it('given a manager whom the directory names, then they read who left, when, what ended and where to look, and the case closes', async () => {
    const made = await companyThatTells();
    const { id, openedAt } = await letGo(made);
    await work(made);
    const [told, ...more] = received(mail(made, 'max'));
    assert.deepEqual([more, received(mail(made, 'olga'))], [[], []]);
    assert.equal(told?.headers['subject'], 'lea has left Acme');
    const text = told?.text ?? '';
    assert.match(text, new RegExp(`lea \\(${mail(made, 'lea')}\\) has left Acme`));
    assert.ok(text.includes(`On ${openedAt.slice(0, 16).replace('T', ' ')} UTC all access here ended: 1 role.`), text);
    assert.ok(text.includes(`${server.url}/console/offboarding/${id}`), text);
    assert.doesNotMatch(text, /nobody else/, 'why is not told');
    const done = await caseOf(made);
    assert.deepEqual(
      done.steps.map((each: Record<string, unknown>) => [each['kind'], each['target'], each['state']]),
      [['mail', 'manager or owners', 'delivered']],
    );
    assert.deepEqual(done.steps[0].proof.told, [await made.person(mail(made, 'max'))]);
    assert.notEqual(done.closedAt, null);
  });

  it('given the manager is named by key or by SCIM id, then it is the same; given a name of nobody or of themselves, then the owners are told', async () => {
    const byKey = await companyThatTells(() => 'max');
    await letGo(byKey);
    await work(byKey);
    assert.equal(received(mail(byKey, 'max')).length, 1);

    const made = await companyThatTells(() => 'stranger@elsewhere.example');
    const of = { organization: made.slug, organizationId: made.id, workspaceId: '' };
    const scim = await arrangeDirectory(server, of, 'idp');
    const person = async (userName: string, more: object = {}) =>
      (await scim.scim('post', '/Users', { schemas: [USER, ENTERPRISE], userName, active: true, ...more }).expect(201))
        .body.id;
    const boss = await person(`boss@${made.slug}.example`);
    await person(`mia@${made.slug}.example`, { [ENTERPRISE]: { manager: { value: boss } } });
    await letGo(made, 'mia');
    await letGo(made, 'lea');
    await work(made);
    assert.deepEqual(
      ['boss', 'olga'].map((name) => received(mail(made, name)).map(({ headers }) => headers['subject'])),
      [[`mia@${made.slug}.example has left Acme`], ['lea has left Acme']],
    );
    assert.deepEqual(received('stranger@elsewhere.example'), [], 'nobody outside is told');
  });

  it('given the manager has left too, then the owners are told; given nobody is there to be told, then the step says so and the case closes', async () => {
    const made = await companyThatTells();
    await letGo(made, 'max');
    await letGo(made, 'lea');
    await work(made);
    const told = received(mail(made, 'olga')).map(({ headers }) => headers['subject']);
    assert.deepEqual(told.sort(), ['lea has left Acme', 'max has left Acme']);
    await made.within(({ db }) => sql`DELETE FROM memberships WHERE role = 'owner'`.execute(db));
    await letGo(made, 'olga');
    await work(made);
    const { steps, closedAt } = await caseOf(made, 'olga');
    assert.equal(steps[0].state, 'unsupported');
    assert.match(steps[0].proof.reason, /nobody is owner/);
    assert.notEqual(closedAt, null);
  });

  it('given the organization has not asked for it, then there is no such step', async () => {
    const made = await companyThatTells();
    await made.api('patch', '').send({ tellOfLeavers: false }).expect(200);
    assert.deepEqual((await letGo(made)).steps, []);
  });

  it('given thirty leave in one feed, then managers hear of their own, and owners once of all', async () => {
    const made = await makeCompany(server, database, { guards: { maxDeprovisionShare: 1 } });
    await made.api('patch', '').send({ tellOfLeavers: true, name: 'Acme' }).expect(200);
    made.header('id,email,name,department,title,status,manager');
    const rows = (state: string) =>
      Array.from(
        { length: 30 },
        (_, at) => `${at},${mail(made, `p${at}`)},P ${at},Sales,Agent,${state},${at < 2 ? 'max' : ''}`,
      );
    const stay = ['max', 'olga'].map((name) => `${name},${mail(made, name)},${name},Sales,Agent,active,`);
    made.write(...rows('active'), ...stay);
    await made.sync();
    const owner = { user: mail(made, 'olga'), role: 'owner', scope: { workspace: 'main' } };
    await made.api('post', '/memberships').send(owner).expect(201);
    await made.within(({ db, organizationId }) =>
      sql`INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by)
        SELECT ${organizationId}::uuid, u.id, 'workspace', w.id, 'member', 'manual', 'test' FROM users u, workspaces w
        WHERE u.display_name LIKE 'P %'`.execute(db),
    );
    made.write(...rows('inactive'), ...stay);
    const run = await made.sync();
    if (run.status === 'held') await made.api('post', `/runs/${run.id}/approve`).expect(200);
    await work(made);
    assert.deepEqual(
      received(mail(made, 'max'))
        .map(({ headers }) => headers['subject'])
        .sort(),
      ['P 0 has left Acme', 'P 1 has left Acme'],
    );
    const [all, ...more] = received(mail(made, 'olga'));
    assert.deepEqual([all?.headers['subject'], more], ['30 people have left Acme', []]);
    assert.match(all?.text ?? '', /^P 7\r?$/m);
    const { rows: open } = await made.within(({ db }) =>
      sql`SELECT FROM offboarding_cases WHERE closed_at IS NULL`.execute(db),
    );
    assert.deepEqual(open, []);
  });
});

describe('a mail server that doesn’t take it', () => {
  it('given it says "later", then the step waits and says why; given it says "never", a person is asked, and their retry works', async () => {
    const made = await companyThatTells();
    mailServer.refuseWith(451);
    const { id } = await letGo(made);
    await work(made);
    const waiting = await caseOf(made);
    assert.deepEqual([waiting.steps[0].state, waiting.closedAt], ['retry', null]);
    assert.match(waiting.steps[0].lastError, /451/);
    mailServer.refuseWith(550);
    await timePasses(made);
    await work(made);
    const refused = await caseOf(made);
    assert.deepEqual([refused.steps[0].state, refused.closedAt], ['needs_human', null]);
    assert.match(refused.steps[0].lastError, /the mail server refuses it: .*550/);
    mailServer.refuseWith(undefined);
    await made.api('post', `/offboarding-cases/${id}/retry`).expect(200);
    await work(made);
    assert.equal((await caseOf(made)).steps[0].state, 'delivered');
    const ids = received(mail(made, 'max')).map(({ headers }) => headers['message-id']);
    assert.deepEqual(ids, [`<${refused.steps[0].id}.0@platform.example>`]);
  });

  it('given it hangs, then access has ended all the same, and the step is open and says so; given none is set, a person is asked', async () => {
    const sockets: Socket[] = [];
    const hanging = createServer((socket) => void sockets.push(socket));
    await new Promise<void>((done) => hanging.listen(0, '127.0.0.1', done));
    database.onEnd(async () => {
      for (const socket of sockets) socket.destroy();
      hanging.close();
    });
    const { port } = hanging.address() as { port: number };
    const withMail = (said: object | undefined) => {
      const { mail: before, ...settings } = server.deps.settings;
      return {
        ...server,
        deps: {
          ...server.deps,
          settings: said === undefined ? settings : { ...settings, mail: { ...before!, ...said } },
        },
      };
    };
    const made = await companyThatTells();
    await letGo(made);
    await work(made, withMail({ port }));
    const waiting = await caseOf(made);
    assert.deepEqual([waiting.steps[0].state, waiting.closedAt], ['retry', null]);
    assert.match(waiting.steps[0].lastError, /the mail server: /);
    assert.deepEqual(await made.memberships(mail(made, 'lea')), []);
    await timePasses(made);
    await work(made, withMail(undefined));
    assert.match((await caseOf(made)).steps[0].lastError, /no mail server is set/);
  });
});
