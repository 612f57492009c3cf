/**
 * The access token: held in memory alone, good for minutes, and asked for again in silence as long as the browser's session lasts. The
 * console signs people in as any app of the platform does: a code with PKCE, at Drawbridge's own OpenID provider.
 */

const CLIENT = 'drawbridge-console';
const CALLBACK = `${location.origin}/console/signed-in`;
const ISSUER = `${location.origin}/oauth`;
/** Renewed so long before its end, in milliseconds. */
const EARLY = 30_000;
const BEGUN = 'drawbridge.sign-in';

/** Nobody is signed in (any more). */
export class SignedOut extends Error {
  constructor(reason = 'The session is over.') {
    super(reason);
  }
}

interface Begun {
  readonly state: string;
  readonly verifier: string;
  /** Where the person was going. */
  readonly to: string;
}

let held: { readonly token: string; readonly until: number } | undefined;
let renewing: Promise<string> | undefined;

/** A token that is good for a while. @throws SignedOut */
export async function accessToken(): Promise<string> {
  if (held !== undefined && held.until - EARLY > Date.now()) return held.token;
  renewing ??= renew().finally(() => {
    renewing = undefined;
  });
  return renewing;
}

/** Forgets the token. */
export function forgetToken(): void {
  held = undefined;
}

/** Goes to sign in, and comes back to where it left. */
export async function goToSignIn(to: string): Promise<void> {
  const begun = { state: random(), verifier: random(), to };
  sessionStorage.setItem(BEGUN, JSON.stringify(begun));
  location.assign(await authorizeAddress(begun));
}

/** Ends what `goToSignIn` began, on the page that it comes back to. @returns where the person was going @throws SignedOut */
export async function finishSignIn(answer: URLSearchParams): Promise<string> {
  const kept = sessionStorage.getItem(BEGUN);
  sessionStorage.removeItem(BEGUN);
  if (kept === null) throw new SignedOut('This sign-in was not begun in this tab.');
  const begun = JSON.parse(kept) as Begun;
  await redeem(answer, begun);
  return begun.to;
}

/** The browser's session answers for the person, without a page being shown. */
async function renew(): Promise<string> {
  const begun = { state: random(), verifier: random(), to: '' };
  const landed = await fetch(`${await authorizeAddress(begun)}&prompt=none`, { credentials: 'same-origin' });
  return redeem(new URL(landed.url).searchParams, begun);
}

async function redeem(answer: URLSearchParams, { state, verifier }: Begun): Promise<string> {
  const code = answer.get('code');
  if (code === null) throw new SignedOut();
  if (answer.get('state') !== state || answer.get('iss') !== ISSUER) {
    throw new SignedOut('The answer does not belong to this sign-in.');
  }
  const response = await fetch(`${ISSUER}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: CLIENT,
      redirect_uri: CALLBACK,
      code,
      code_verifier: verifier,
    }),
  });
  if (!response.ok) throw new SignedOut('The sign-in could not be finished.');
  const { access_token: token, expires_in: seconds } = (await response.json()) as {
    access_token: string;
    expires_in: number;
  };
  held = { token, until: Date.now() + seconds * 1000 };
  return token;
}

async function authorizeAddress({ state, verifier }: Begun): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT,
    redirect_uri: CALLBACK,
    scope: 'openid',
    state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
  });
  return `${ISSUER}/authorize?${query}`;
}

function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
