/** An OpenLDAP server as a customer's directory: a real slapd, asked over the wire, with every run by the public API. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { sql } from 'kysely';
import { Attribute, Change } from 'ldapts';
import {
  ADMIN,
  type Attributes,
  type Directives,
  lacksSlapd,
  type Slapd,
  SUFFIX,
  startSlapd,
} from '../../doubles/slapd.ts';
import { type Company, makeCompany } from '../../harness/company.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const slapds: Slapd[] = [];
after(async () => {
  for (const slapd of slapds) await slapd.close();
});

const PEOPLE = `ou=people,${SUFFIX}`;
const GROUPS = `ou=groups,${SUFFIX}`;

const person = (uid: string, more: Attributes = {}): Attributes => ({
  objectClass: ['inetOrgPerson'],
  uid,
  cn: `${uid} of Acme`,
  sn: uid,
  mail: `${uid}@Acme.example`,
  ...more,
});
const group = (cn: string, ...member: string[]): Attributes => ({ objectClass: 'groupOfNames', cn, member });
const dn = (uid: string) => `uid=${uid},${PEOPLE}`;

async function given(entries: Readonly<Record<string, Attributes>>, directives: Directives = {}) {
  const slapd = await startSlapd(directives);
  slapds.push(slapd);
  await slapd.add(entries);
  const company = await makeCompany(server, database);
  return { slapd, company };
}

const config = (slapd: Slapd, more: object = {}) => ({
  url: slapd.url,
  caCertificate: slapd.certificate,
  preset: 'openldap',
  bindDn: ADMIN.dn,
  users: { baseDns: [PEOPLE] },
  groups: { baseDns: [GROUPS] },
  timeoutSeconds: 5,
  ...more,
});

/** Puts the directory `staff` and runs it. */
async function sync(company: Company, slapd: Slapd, more: object = {}, secrets: object = { password: ADMIN.password }) {
  const put = await company
    .api('put', '/directories/staff')
    .send({ kind: 'ldap', config: config(slapd, more), secrets });
  assert.ok(put.ok, JSON.stringify(put.body));
  return company.api('post', '/directories/staff/runs').send({});
}

async function applied(company: Company, slapd: Slapd, more: object = {}) {
  const { body } = await sync(company, slapd, more);
  assert.equal(body.status, 'applied', JSON.stringify(body));
  return body;
}

/** Who is active, by address, and in which groups. */
async function standing(company: Company): Promise<Record<string, string[]>> {
  return company.within(async ({ db }) => {
    const { rows } = await sql<{ email: string; groups: string[] }>`
      SELECT d.email, coalesce(array_agg(g.display_name ORDER BY g.display_name) FILTER (WHERE g.id IS NOT NULL), '{}') AS groups
      FROM directory_users d LEFT JOIN directory_group_members m ON m.member_id = d.id
      LEFT JOIN directory_groups g ON g.id = m.group_id
      WHERE d.deleted_at IS NULL AND d.active GROUP BY d.email ORDER BY d.email`.execute(db);
    return Object.fromEntries(rows.map(({ email, groups }) => [email, groups]));
  });
}

describe('people and groups from a real slapd', { skip: lacksSlapd }, () => {
  it('given people and groups within groups, when it is pulled, then everybody is in theirs and in those around them', async () => {
    const { slapd, company } = await given({
      'uid=ana,ou=people': person('ana'),
      'uid=ben,ou=people': person('ben'),
      'uid=cam,ou=people': person('cam'),
      'cn=compilers,ou=groups': group('compilers', dn('ana')),
      'cn=engineering,ou=groups': group('engineering', `cn=compilers,${GROUPS}`, dn('ben')),
      'cn=all,ou=groups': group('all', `cn=engineering,${GROUPS}`, dn('cam'), `uid=nobody,${PEOPLE}`),
    });
    await applied(company, slapd);
    assert.deepEqual(await standing(company), {
      'ana@acme.example': ['all', 'compilers', 'engineering'],
      'ben@acme.example': ['all', 'engineering'],
      'cam@acme.example': ['all'],
    });
  });

  it('given one person is asked for, then what has become of them is known without a run', async () => {
    const { slapd, company } = await given({
      'uid=ana,ou=people': person('ana'),
      'uid=ben,ou=people': person('ben'),
      'cn=all,ou=groups': group('all', dn('ana'), dn('ben')),
    });
    await applied(company, slapd);
    const ask = async (email: string) =>
      (await company.api('post', `/people/${email}/sync`).send({}).expect(200)).body.directories[0].answer;
    assert.equal(await ask('ana@acme.example'), 'found');
    await slapd.admin.del(dn('ana'));
    assert.equal(await ask('ana@acme.example'), 'missing');
    assert.deepEqual(await standing(company), { 'ben@acme.example': ['all'] });
  });

  it('given groups that contain each other, then their members are in both, and it ends', async () => {
    const { slapd, company } = await given({
      'uid=ana,ou=people': person('ana'),
      'cn=one,ou=groups': group('one', `cn=other,${GROUPS}`, dn('ana')),
      'cn=other,ou=groups': group('other', `cn=one,${GROUPS}`),
    });
    await applied(company, slapd);
    assert.deepEqual(await standing(company), { 'ana@acme.example': ['one', 'other'] });
  });

  it('given members by uniqueMember, by memberUid, and by names written otherwise, then they are found', async () => {
    const { slapd, company } = await given({
      'uid=ana,ou=people': person('ana'),
      'cn=Ben \\C3\\84rmel\\2C jr.,ou=people': person('ben', { cn: 'Ben Ärmel, jr.' }),
      'cn=unique,ou=groups': {
        objectClass: 'groupOfUniqueNames',
        cn: 'unique',
        uniqueMember: [`UID=ANA, OU=People,${SUFFIX}#'0101'B`, `cn=ben ärmel\\, jr.,${PEOPLE}`],
      },
      'cn=posix,ou=groups': { objectClass: 'posixGroup', cn: 'posix', gidNumber: '100', memberUid: ['ana', 'zoe'] },
    });
    await applied(company, slapd);
    assert.deepEqual(await standing(company), {
      'ana@acme.example': ['posix', 'unique'],
      'ben@acme.example': ['unique'],
    });
  });

  it('given somebody is renamed and moved, then they are the same person, with another name', async () => {
    const { slapd, company } = await given({
      'ou=berlin,ou=people': { objectClass: 'organizationalUnit', ou: 'berlin' },
      'uid=ana,ou=people': person('ana'),
      'cn=all,ou=groups': group('all', dn('ana')),
    });
    await applied(company, slapd);
    const before = await company.person('ana@acme.example');
    await slapd.admin.modifyDN(dn('ana'), `uid=anna,ou=berlin,${PEOPLE}`);
    await slapd.admin.modify(`cn=all,${GROUPS}`, [
      new Change({
        operation: 'replace',
        modification: new Attribute({ type: 'member', values: [`uid=anna,ou=berlin,${PEOPLE}`] }),
      }),
    ]);
    const { counts } = await applied(company, slapd);
    assert.deepEqual(Object.keys(counts), []);
    assert.equal(await company.person('ana@acme.example'), before);
    assert.deepEqual(await standing(company), { 'ana@acme.example': ['all'] });
  });

  it('given somebody is deleted, and somebody leaves a group, then so it is here', async () => {
    const { slapd, company } = await given({
      'uid=ana,ou=people': person('ana'),
      'uid=ben,ou=people': person('ben'),
      'cn=all,ou=groups': group('all', dn('ana'), dn('ben')),
    });
    await applied(company, slapd);
    await slapd.admin.del(dn('ben'));
    await slapd.admin.modify(`cn=all,${GROUPS}`, [
      new Change({ operation: 'delete', modification: new Attribute({ type: 'member', values: [dn('ana')] }) }),
    ]);
    const { counts } = await applied(company, slapd);
    assert.deepEqual(counts, { 'user.deprovision': 1 });
    assert.deepEqual(await standing(company), { 'ana@acme.example': [] });
  });

  it('given accounts that somebody disabled, then they are out; given one that wrong passwords locked, then not', async () => {
    const { slapd, company } = await given({
      'uid=ana,ou=people': person('ana'),
      'uid=ben,ou=people': person('ben', { pwdAccountLockedTime: '000001010000Z' }),
      'uid=cam,ou=people': person('cam', { pwdAccountLockedTime: '20260101000000Z' }),
      'uid=dan,ou=people': person('dan', { objectClass: ['inetOrgPerson', 'nsLockable'], nsAccountLock: 'TRUE' }),
      'uid=eve,ou=people': person('eve', { employeeType: 'Former' }),
    });
    const inactive = { attribute: 'employeeType', values: ['former', 'retired'] };
    await applied(company, slapd, { users: { baseDns: [PEOPLE], inactive } });
    assert.deepEqual(Object.keys(await standing(company)), ['ana@acme.example', 'cam@acme.example']);
  });

  it('given what the entries say, then it is kept as it is for rules, without passwords', async () => {
    const { slapd, company } = await given({
      'uid=ana,ou=people': person('ana', { title: 'Dr.', ou: ['Research', 'Labs'], userPassword: 'top secret' }),
    });
    await applied(company, slapd);
    const facts = await company.within(({ db }) => db.selectFrom('directory_users').selectAll().execute());
    assert.deepEqual(facts[0]?.attributes, {
      dn: dn('ana'),
      cn: 'ana of Acme',
      sn: 'ana',
      mail: 'ana@Acme.example',
      title: 'Dr.',
      ou: ['Research', 'Labs'],
      uid: 'ana',
    });
    const users = { baseDns: [PEOPLE], attributes: ['userPassword'] };
    const put = await company.api('put', '/directories/staff').send({ kind: 'ldap', config: config(slapd, { users }) });
    assert.equal(put.status, 400);
    assert.match(JSON.stringify(put.body), /never asked for/);
  });

  it('given an entry without an address that is one, and one without a uid, then both are told, and nothing is changed', async () => {
    const { slapd, company } = await given({
      'uid=ana,ou=people': person('ana', { mail: 'ana at acme' }),
      'cn=ben,ou=people': { objectClass: 'inetOrgPerson', cn: 'ben', sn: 'ben' },
      'uid=cam,ou=people': person('cam'),
    });
    const { status, body } = await sync(company, slapd);
    assert.equal(status, 400);
    assert.deepEqual(
      body.errors.map(({ where, reason }: { where: string; reason: string }) => `${where}: ${reason}`).sort(),
      [`cn=ben,${PEOPLE}: uid are missing`, `${dn('ana')}: mail is not an e-mail address`].sort(),
    );
    assert.deepEqual(await standing(company), {});
  });

  it('given 1,203 people in pages of 100, and a group of all, then all are there', async () => {
    const uids = Array.from({ length: 1203 }, (_, at) => `p${at}`);
    const { slapd, company } = await given({
      ...Object.fromEntries(uids.map((uid) => [`uid=${uid},ou=people`, person(uid)])),
      'cn=all,ou=groups': group('all', ...uids.map(dn)),
    });
    const { counts } = await applied(company, slapd, { pageSize: 100 });
    assert.deepEqual(counts, { 'user.create': 1203 });
    const everybody = Object.values(await standing(company));
    assert.equal(everybody.length, 1203);
    assert.ok(everybody.every((groups) => groups.join() === 'all'));
    assert.deepEqual((await applied(company, slapd, { pageSize: 100 })).counts, {});
  });
});

describe('how it is reached', { skip: lacksSlapd }, async () => {
  const ana = { 'uid=ana,ou=people': person('ana') };

  it('given LDAPS, StartTLS, or neither on a network of one’s own, then it is read', async () => {
    const { slapd, company } = await given(ana);
    for (const how of [{ url: slapd.secureUrl }, { startTls: true }, { startTls: false, caCertificate: undefined }]) {
      await applied(company, slapd, how);
      assert.deepEqual(Object.keys(await standing(company)), ['ana@acme.example']);
    }
  });

  it('given a certificate that nobody vouches for, or that names another, then the password is never sent', async () => {
    const { slapd, company } = await given(ana);
    const other = await given({});
    for (const url of [slapd.secureUrl, slapd.url]) {
      for (const [how, reason] of [
        [{ caCertificate: undefined }, /DEPTH_ZERO_SELF_SIGNED_CERT/],
        [{ caCertificate: other.slapd.certificate }, /DEPTH_ZERO_SELF_SIGNED_CERT|SIGNATURE/],
        [{ serverName: 'ldap.acme.example' }, /ALTNAME_INVALID/],
      ] as const) {
        const { status, body } = await sync(company, slapd, { url, ...how });
        assert.equal(status, 502, JSON.stringify(body));
        assert.match(body.detail, reason);
      }
    }
  });

  it('given a wrong password, or an empty one, then that is told, and nobody is gone', async () => {
    const { slapd, company } = await given(ana);
    await applied(company, slapd);
    const wrong = await sync(company, slapd, {}, { password: 'wrong' });
    assert.equal(wrong.status, 502);
    assert.match(wrong.body.detail, /refuses the sign-in/);
    assert.ok(!JSON.stringify(wrong.body).includes('wrong'), 'the password is not told');
    const empty = await company
      .api('put', '/directories/staff')
      .send({ kind: 'ldap', config: config(slapd), secrets: { password: '' } });
    assert.equal(empty.status, 400);
    assert.deepEqual(Object.keys(await standing(company)), ['ana@acme.example']);
  });

  it('given a base that is not there, then that is told, and nobody is gone', async () => {
    const { slapd, company } = await given(ana);
    await applied(company, slapd);
    const { status, body } = await sync(company, slapd, { users: { baseDns: [`ou=gone,${SUFFIX}`] } });
    assert.equal(status, 400);
    assert.match(body.detail, /no such base/);
    assert.deepEqual(Object.keys(await standing(company)), ['ana@acme.example']);
  });

  it('given nobody is found any more, then the run is held for a person', async () => {
    const { slapd, company } = await given(ana);
    await applied(company, slapd);
    await slapd.admin.del(dn('ana'));
    const { body } = await sync(company, slapd);
    assert.equal(body.status, 'held', JSON.stringify(body));
    assert.deepEqual(Object.keys(await standing(company)), ['ana@acme.example']);
  });

  it('given settings that make no sense, then each is told', async () => {
    const { slapd, company } = await given({});
    for (const [more, message] of [
      [{ url: 'https://ldap.acme.example' }, /ldaps:/],
      [{ url: 'ldap://user:pass@host/dc=acme?cn' }, /ldaps:/],
      [{ users: { baseDns: [PEOPLE], filter: '(objectClass=person' } }, /not an LDAP filter/],
      [{ users: { baseDns: [PEOPLE], email: ['mail)(x=*'] } }, /not the name of an attribute/],
      [{ caCertificate: 'none' }, /PEM/],
      [{ preset: 'active-directory', users: { baseDns: [PEOPLE], key: 'employeeID' } }, /objectGUID/],
    ] as const) {
      const { status, body } = await company
        .api('put', '/directories/staff')
        .send({ kind: 'ldap', config: config(slapd, more) });
      assert.equal(status, 400, JSON.stringify(body));
      assert.match(JSON.stringify(body), message);
    }
  });
});

describe('FEED-20: what a server may do', { skip: lacksSlapd }, () => {
  it('given referrals that lead back to themselves, then they are not followed, and the others are read', async () => {
    const { slapd, company } = await given({ 'uid=ana,ou=people': person('ana') });
    const loop = `${slapd.url}/ou=elsewhere,${PEOPLE}`;
    await slapd.add({
      'ou=elsewhere,ou=people': { objectClass: ['referral', 'extensibleObject'], ou: 'elsewhere', ref: loop },
    });
    await applied(company, slapd);
    assert.deepEqual(Object.keys(await standing(company)), ['ana@acme.example']);
  });

  it('given the base itself is elsewhere, then that is told, and nobody is gone', async () => {
    const { slapd, company } = await given(
      { 'uid=ana,ou=people': person('ana') },
      { server: ['referral ldap://127.0.0.1:1'] },
    );
    await applied(company, slapd);
    const { status, body } = await sync(company, slapd, { users: { baseDns: ['dc=other,dc=example'] } });
    assert.equal(status, 502, JSON.stringify(body));
    assert.match(body.detail, /sends us to another server/);
    assert.deepEqual(Object.keys(await standing(company)), ['ana@acme.example']);
  });

  it('given the server gives only so many, then that is told, and nobody is gone', async () => {
    const reader = { objectClass: ['inetOrgPerson'], cn: 'reader', sn: 'reader', userPassword: 'reads' };
    const { slapd, company } = await given(
      {
        'cn=reader': reader,
        ...Object.fromEntries(['ana', 'ben', 'cam'].map((uid) => [`uid=${uid},ou=people`, person(uid)])),
      },
      { database: [`limits dn.exact="cn=reader,${SUFFIX}" size.soft=2 size.hard=2 size.prtotal=2`] },
    );
    await applied(company, slapd);
    for (const pageSize of [1, 500]) {
      const bindDn = `cn=reader,${SUFFIX}`;
      const { status, body } = await sync(company, slapd, { bindDn, pageSize }, { password: 'reads' });
      assert.equal(status, 400, JSON.stringify(body));
      assert.match(body.detail, /limit of size/);
    }
    assert.equal(Object.keys(await standing(company)).length, 3);
  });
});
