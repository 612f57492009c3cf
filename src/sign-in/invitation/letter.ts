/** The mail that invites. Pure. */

export interface InvitationLetter {
  readonly organization: string;
  readonly invitedBy: string;
  readonly reason: string;
  readonly url: string;
  readonly expiresAt: Date;
}

/** Subject and text. */
export function letterOf({ organization, invitedBy, reason, url, expiresAt }: InvitationLetter) {
  const until = `${expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const why = reason === '' ? '' : `\n\n${reason}`;
  return {
    subject: `Invitation to ${organization}`,
    text: `${invitedBy} invites you to ${organization}.${why}

Until ${until}, accept here:
${url}

If you don't know what this is about, leave it: without you, nothing happens.
`,
  };
}
