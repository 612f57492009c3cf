import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startHttpDouble } from '../../doubles/http-double.ts';
import { startAtlassian } from '../../doubles/providers/atlassian.ts';
import { startAuth0 } from '../../doubles/providers/auth0.ts';
import { startGitHubApp } from '../../doubles/providers/github-app.ts';
import { startGraph } from '../../doubles/providers/graph.ts';
import { startOauthManners } from '../../doubles/providers/oauth-manners.ts';
import { startOktaOrg } from '../../doubles/providers/okta-org.ts';
import type { ProviderDouble } from '../../doubles/providers/provider-double.ts';
import { startScimApp } from '../../doubles/providers/scim-app.ts';
import { startSlack } from '../../doubles/providers/slack.ts';
import { startZoom } from '../../doubles/providers/zoom.ts';
import { endAt } from './kit.ts';

const LEA = 'lea@acme.example';
const MAX = 'max@acme.example';

async function at<Double extends ProviderDouble>(start: Promise<Double>, work: (double: Double) => Promise<void>) {
  const double = await start;
  try {
    await work(double);
  } finally {
    await double.close();
  }
}

describe('what is peculiar to a provider', () => {
  it('Microsoft: given a guest, then it is unsupported, and nothing is asked for', async () => {
    await at(startGraph(), async (graph) => {
      graph.users.set(LEA, { id: 'id-g', userType: 'Guest', validFrom: '2026-01-01T00:00:00Z' });
      assert.equal((await endAt(graph, null)).state, 'unsupported');
      assert.equal(graph.revocations(), 0);
    });
  });

  it('Microsoft: given the directory knows the person by id, then by that they are found, whatever their e-mail is there', async () => {
    await at(startGraph(), async (graph) => {
      graph.users.set('other@acme.example', { id: 'oid-1', userType: 'Member', validFrom: '2026-01-01T00:00:00Z' });
      assert.equal((await endAt(graph, null)).state, 'already_gone', 'by e-mail: nobody');
      assert.equal((await endAt(graph, null, { externalId: 'oid-1' })).state, 'revoked');
    });
  });

  it('given a provider that knows nobody of that name, then that is told, and counts as done', async () => {
    for (const start of [
      startGraph,
      startAtlassian,
      startAuth0,
      () => startOktaOrg('people'),
      () => startZoom('people'),
    ]) {
      await at(start(), async (double) => {
        double.give(MAX);
        const outcome = await endAt(double, null);
        assert.equal(outcome.state, 'already_gone');
        assert.match(JSON.stringify(outcome), /knows no such person/);
        assert.equal(double.works(MAX), true);
      });
    }
  });

  it('Slack: given a bot’s token, then it is left alone until the administrator says that bots are ended too', async () => {
    await at(startSlack(), async (slack) => {
      const token = slack.giveBot();
      assert.equal((await endAt(slack, token)).state, 'needs_human');
      assert.equal(slack.works('bot'), true);
      assert.equal((await endAt(slack, token, { said: { bots: true } })).state, 'revoked');
      assert.equal(slack.works('bot'), false);
    });
  });

  it('GitHub: given a refresh token, which the app can not end, then a person is asked; as a found token it can be', async () => {
    await at(startGitHubApp('grant'), async (github) => {
      const token = github.give(LEA);
      assert.equal((await endAt(github, token, { kind: 'refresh_token' })).state, 'needs_human');
      assert.equal(github.works(LEA), true);
    });
    await at(startGitHubApp('leaked'), async (github) => {
      assert.equal((await endAt(github, github.give(LEA), { kind: 'refresh_token' })).state, 'revoked');
    });
  });

  it('GitHub: given the app of another, whose answer is 404 as well, then that does not count as gone', async () => {
    await at(startGitHubApp('grant'), async (github) => {
      const outcome = await endAt(github, github.give(LEA), { said: { clientId: 'Iv1.other' } });
      assert.equal(outcome.state, 'needs_human');
      assert.equal(github.works(LEA), true);
    });
  });

  it('GitLab: given a wrong client, to which it says 200, then it is not believed', async () => {
    await at(startOauthManners('gitlab'), async (gitlab) => {
      const outcome = await endAt(gitlab, gitlab.give(LEA), { said: { clientSecret: 'wrong' } });
      assert.equal(outcome.state, 'needs_human');
      assert.equal(gitlab.works(LEA), true);
    });
  });

  it('Auth0: given a plan without lists of sessions, then what was accepted stands as not confirmed', async () => {
    await at(startAuth0(0), async (auth0) => {
      auth0.listsSessions = false;
      auth0.give(LEA);
      const outcome = await endAt(auth0, null);
      assert.deepEqual([outcome.state, 'proof' in outcome && outcome.proof['confirmed']], ['revoked', false]);
    });
  });

  it('SCIM: given a server that lists everybody whatever is asked, then only the leaver’s account is deactivated', async () => {
    await at(startScimApp('deactivate'), async (app) => {
      app.ignoresFilters = true;
      app.give(MAX);
      app.give(LEA);
      assert.equal((await endAt(app, null)).state, 'revoked');
      assert.deepEqual([app.works(LEA), app.works(MAX)], [false, true]);
    });
  });

  it('SEC-1: given a server that says our secrets back to us, then they are not in the outcome', async () => {
    const echo = await startHttpDouble(
      ({ body }) => {
        return { status: 400, body: { error: new URLSearchParams(body).get('token') } };
      },
      () => true,
    );
    const said = { revoker: 'rfc7009', revocationEndpoint: echo.url, clientId: 'us', clientSecret: 'our_secret' };
    const outcome = await endAt({ ...echo, said } as unknown as ProviderDouble, 'token_of_lea');
    assert.deepEqual(outcome, { state: 'needs_human', error: 'the server answered 400 ((secret))' });
    await echo.close();
  });
});
