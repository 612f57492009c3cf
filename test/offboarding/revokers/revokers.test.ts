import { startAtlassian } from '../../doubles/providers/atlassian.ts';
import { startAuth0 } from '../../doubles/providers/auth0.ts';
import { startGitHubApp } from '../../doubles/providers/github-app.ts';
import { startGoogle } from '../../doubles/providers/google.ts';
import { startGraph } from '../../doubles/providers/graph.ts';
import { startOauthManners } from '../../doubles/providers/oauth-manners.ts';
import { startOktaOrg } from '../../doubles/providers/okta-org.ts';
import { startScimApp } from '../../doubles/providers/scim-app.ts';
import { startSlack } from '../../doubles/providers/slack.ts';
import { startZoom } from '../../doubles/providers/zoom.ts';
import { checkRevoker } from './kit.ts';

for (const manners of ['plain', 'keycloak', 'salesforce', 'gitlab'] as const) {
  const start = () => startOauthManners(manners);
  checkRevoker(`rfc7009, ${manners}`, { start, secrets: ['clientSecret'], probes: true, briefly: manners !== 'plain' });
}
for (const end of ['grant', 'token'] as const) {
  checkRevoker(`github, ${end}`, {
    start: () => startGitHubApp(end),
    secrets: ['clientSecret'],
    probes: true,
    briefly: end === 'token',
  });
}
const leaked = { start: () => startGitHubApp('leaked'), deniedMeansGone: true };
checkRevoker('github-leaked', { ...leaked, secrets: [], probes: true });
for (const gone of ['token_revoked', 'invalid_auth', 'account_inactive']) {
  checkRevoker(`slack, ${gone}`, {
    start: () => startSlack(gone),
    secrets: [],
    probes: true,
    briefly: gone !== 'invalid_auth',
  });
}
checkRevoker('google tokens', { start: () => startGoogle('tokens'), secrets: [], probes: true });
checkRevoker('google people', { start: () => startGoogle('people'), secrets: ['serviceAccount'], probes: false });
checkRevoker('microsoft', { start: startGraph, secrets: ['clientSecret'], probes: true });
checkRevoker('atlassian', { start: startAtlassian, secrets: ['apiKey'], probes: true });
const zoomTokens = { start: () => startZoom('tokens'), deniedMeansGone: true };
checkRevoker('zoom tokens', { ...zoomTokens, secrets: ['clientSecret'], probes: true });
checkRevoker('zoom people', { start: () => startZoom('people'), secrets: ['accountClientSecret'], probes: false });
checkRevoker('okta tokens', { start: () => startOktaOrg('tokens'), secrets: ['clientSecret'], probes: true });
checkRevoker('okta people', { start: () => startOktaOrg('people'), secrets: ['apiToken'], probes: false });
checkRevoker('auth0', { start: startAuth0, secrets: ['clientSecret'], probes: true, tries: 4 });
for (const end of ['deactivate', 'delete'] as const) {
  checkRevoker(`scim-downstream, ${end}`, { start: () => startScimApp(end), secrets: ['token'], probes: true });
}
