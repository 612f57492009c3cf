/** Our addresses at one OpenID provider; its administrator enters them there. */
export function relyingPartyOf(baseUrl: string, connectionId: string) {
  const base = `${baseUrl}/oidc/${connectionId}`;
  return {
    loginUrl: `${base}/login`,
    redirectUri: `${base}/callback`,
    /** Of the keys with which we sign where clientAuthentication is private_key_jwt. */
    jwksUri: `${base}/jwks`,
    postLogoutRedirectUri: `${base}/logged-out`,
    backchannelLogoutUri: `${base}/backchannel-logout`,
    /** Okta's Universal Logout. */
    tokenRevocationUri: `${base}/global-token-revocation`,
  };
}
