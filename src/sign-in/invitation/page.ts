/** What the invited see. */
import type { Response } from 'express';
import type { Fault } from '../../errors.ts';
import { troubleOf } from '../local/pages.ts';
import { type Html, html, sendPage } from '../page.ts';

/** An invitation as it is told to whoever holds its link. */
export interface ToldInvitation {
  readonly email: string;
  readonly name: string;
  readonly organization: { readonly slug: string; readonly name: string };
  readonly invitedBy: string;
  readonly expiresAt: Date;
  readonly roles: readonly { readonly place: string; readonly role: string }[];
  /** What to do next: choose a password, or sign in (and, with an account, accept there). */
  readonly next: 'password' | 'sign-in';
  /** Where to sign in; null where there is nowhere yet. */
  readonly signInUrl: string | null;
}

/** The page behind the link. */
export function showInvited(response: Response, baseUrl: string, told: ToldInvitation, fault?: Fault): void {
  const body = html`${troubleOf(fault)}${whatFor(told)}${told.next === 'password' ? passwordForm(told) : null}${signInLink(told)}`;
  sendPage(response, baseUrl, fault?.status ?? 200, `You are invited to ${told.organization.name}`, body);
}

/** The page of somebody who is signed in. @param told undefined where nothing waits for them */
export function showWaiting(response: Response, baseUrl: string, told: ToldInvitation | undefined): void {
  if (told === undefined) {
    const body = html`<p>No invitation is waiting for you.</p><p><a href="/me">Your roles</a></p>`;
    sendPage(response, baseUrl, 200, 'Invitations', body);
    return;
  }
  const body = html`${whatFor(told)}<form method="post" action="/sign-in/invitation"><button>Accept</button></form>`;
  sendPage(response, baseUrl, 200, `You are invited to ${told.organization.name}`, body);
}

function whatFor({ invitedBy, email, roles }: ToldInvitation): Html {
  const rows = roles.map(({ place, role }) => html`<tr><td>${role}</td><td>${place}</td></tr>\n`);
  return html`<p>${invitedBy} invites ${email}.</p>
<table><thead><tr><th scope="col">Role</th><th scope="col">Where</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function passwordForm({ email, name }: ToldInvitation): Html {
  return html`<form method="post">
<input type="hidden" name="username" autocomplete="username" value="${email}">
<label for="name">Your name</label>
<input id="name" name="name" autocomplete="name" maxlength="200" value="${name}">
<label for="password">Choose a password <span class="soft">(at least 12 characters)</span></label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="12" required>
<button>Accept</button>
</form>`;
}

function signInLink({ next, signInUrl }: ToldInvitation): Html | null {
  if (signInUrl === null) return null;
  const words = next === 'password' ? 'Or sign in through your organization' : 'Sign in to accept';
  return html`<p><a class="button" href="${signInUrl}">${words}</a></p>`;
}
