/**
 * GitHub (as an Enterprise Server: everything below one address) as far as signing in goes, after its documentation: OAuth 2.0 with
 * PKCE, errors of the token endpoint under status 200, an API in pages that refuses whoever names no user agent.
 */
import { createHash, randomUUID } from 'node:crypto';
import express, { type Request, type Response } from 'express';
import { serve } from '../../src/demo/idp/serve.ts';

export interface GitHubPerson {
  readonly id: number;
  readonly login: string;
  readonly name: string | null;
  readonly emails: readonly { readonly email: string; readonly primary: boolean; readonly verified: boolean }[];
  /** Teams by their organization. */
  readonly organizations: Readonly<Record<string, readonly string[]>>;
}

export interface GitHub {
  readonly url: string;
  readonly client: { readonly id: string; readonly secret: string };
  /** Whoever is signed in there from now on; undefined: somebody who declines. */
  signedIn(person: GitHubPerson | undefined): void;
  /** Answers this path of the API otherwise. */
  answer(path: string, instead: ((response: Response) => void) | undefined): void;
  close(): Promise<void>;
}

interface Code {
  readonly person: GitHubPerson;
  readonly challenge: string;
  readonly redirectUri: string;
  readonly scope: string;
}

export async function startGitHub(): Promise<GitHub> {
  const { url, server, close } = await serve(0);
  const client = { id: 'Iv1.double', secret: randomUUID() };
  const codes = new Map<string, Code>();
  const tokens = new Map<string, { person: GitHubPerson; scopes: readonly string[] }>();
  const instead = new Map<string, (response: Response) => void>();
  let present: GitHubPerson | undefined;

  const app = express();
  app.get('/login/oauth/authorize', ({ query }, response) => {
    const asked = query as Record<string, string>;
    const { state = '', redirect_uri: redirectUri = '', scope = '', code_challenge: challenge = '' } = asked;
    if (asked['client_id'] !== client.id) return void response.status(404).send('Not Found');
    const declined = { error: 'access_denied', error_description: 'The user has denied your application access.' };
    const code = randomUUID();
    if (present !== undefined) codes.set(code, { person: present, challenge, redirectUri, scope });
    const answer: Record<string, string> = present === undefined ? { ...declined, state } : { code, state };
    response.redirect(`${redirectUri}?${new URLSearchParams(answer)}`);
  });
  app.post('/login/oauth/access_token', express.urlencoded({ extended: false }), (request, response) => {
    const form = request.body as Record<string, string>;
    // Who does not ask for JSON gets a form.
    if (!request.accepts('json')) return void response.type('form').send('error=not_asked_for_json');
    const code = codes.get(form['code'] ?? '');
    const refuse = (error: string) =>
      response.json({ error, error_description: `${error} was refused.`, error_uri: `${url}/docs` });
    if (form['client_id'] !== client.id || form['client_secret'] !== client.secret)
      return void refuse('incorrect_client_credentials');
    codes.delete(form['code'] ?? '');
    const verifier = createHash('sha256')
      .update(form['code_verifier'] ?? '')
      .digest('base64url');
    if (code === undefined || code.challenge !== verifier) return void refuse('bad_verification_code');
    if (code.redirectUri !== form['redirect_uri']) return void refuse('redirect_uri_mismatch');
    const token = `gho_${randomUUID()}`;
    const scopes = code.scope.split(/[\s,]+/).filter(Boolean);
    tokens.set(token, { person: code.person, scopes });
    response.json({ access_token: token, token_type: 'bearer', scope: scopes.join(',') });
  });

  const api = (path: string, scope: string | undefined, list: (person: GitHubPerson) => unknown) =>
    app.get(`/api/v3${path}`, (request, response) => {
      const special = instead.get(path);
      if (special !== undefined) return void special(response);
      if (!request.get('user-agent'))
        return void response.status(403).send('Request forbidden by administrative rules.');
      const found = tokens.get(/^Bearer (.+)$/.exec(request.get('authorization') ?? '')?.[1] ?? '');
      if (found === undefined) return void response.status(401).json({ message: 'Bad credentials' });
      if (scope !== undefined && !found.scopes.includes(scope))
        return void response.status(404).json({ message: 'Not Found' });
      const all = list(found.person);
      if (Array.isArray(all)) sendPage(url, request, response, all);
      else response.json(all);
    });
  api('/user', undefined, ({ id, login, name }) => ({ id, login, name, email: 'public@elsewhere.test', type: 'User' }));
  api('/user/emails', 'user:email', ({ emails }) => emails.map((each) => ({ ...each, visibility: null })));
  api('/user/orgs', 'read:org', ({ organizations }) => Object.keys(organizations).map((login) => ({ login, id: 1 })));
  api('/user/teams', 'read:org', ({ organizations }) =>
    Object.entries(organizations).flatMap(([login, teams]) =>
      teams.map((slug) => ({ id: 1, slug, name: slug.toUpperCase(), organization: { login } })),
    ),
  );
  server.on('request', app);

  return {
    ...{ url, client },
    signedIn: (person) => {
      present = person;
    },
    answer: (path, how) => {
      if (how === undefined) instead.delete(path);
      else instead.set(path, how);
    },
    close,
  };
}

function sendPage(url: string, { query, path }: Request, response: Response, all: readonly unknown[]): void {
  const size = Math.min(Number(query['per_page'] ?? 30), 100);
  const page = Number(query['page'] ?? 1);
  const at = (number: number) => `<${url}${path}?per_page=${size}&page=${number}>`;
  if (page * size < all.length) response.set('Link', `${at(page + 1)}; rel="next", ${at(9)}; rel="last"`);
  response.json(all.slice((page - 1) * size, page * size));
}
