/** What a manager or owner reads about who left. Pure. It doesn't say why: a reason is between who gave it and whoever may see the case. */
import type { Case } from './cases.ts';

export interface Leaver {
  readonly name: string;
  readonly email: string;
  readonly organization: string;
  readonly at: Date;
  readonly ended: Case['ended'];
  /** The case in the console. */
  readonly url: string;
}

/** Of one person. */
export function letterOfOne({ name, email, organization, at, ended, url }: Leaver) {
  const { sessions, grants, memberships, apiKeys, apps, oauthTokens } = ended;
  const list = [
    counted(sessions, 'session'),
    counted(grants, 'access token'),
    counted(apps.length, 'app'),
    counted(memberships.length, 'role'),
    counted(apiKeys.filter(({ end }) => end === 'revoke').length, 'API key'),
  ].filter((each) => each !== '');
  const staying = apiKeys.filter(({ end }) => end !== 'revoke').map(({ display, kind }) => `${display} (${kind})`);
  return {
    subject: `${nameOf(name, email)} has left ${organization}`,
    text: paragraphs(
      `${name === '' ? email : `${name} (${email})`} has left ${organization}.`,
      `On ${minute(at)} all access here ended${list.length === 0 ? '.' : `: ${list.join(', ')}.`}`,
      oauthTokens === 0
        ? ''
        : `${counted(oauthTokens, 'token')} that ${oauthTokens === 1 ? 'was' : 'were'} kept for other services can't be used any more, and end there too.`,
      staying.length === 0 ? '' : `API keys that machines go on with: ${staying.join(', ')}.`,
      `What is proven, and what is still open:\n${url}`,
    ),
  };
}

export interface Leavers {
  readonly organization: string;
  readonly at: Date;
  readonly number: number;
  /** Some of them. */
  readonly names: readonly string[];
  readonly url: string;
}

/** Of very many at the same moment. */
export function letterOfMany({ organization, at, number, names, url }: Leavers) {
  const more = number - names.length;
  return {
    subject: `${number} people have left ${organization}`,
    text: paragraphs(
      `${number} people have left ${organization}. On ${minute(at)} all their access here ended.`,
      [...names, ...(more > 0 ? [`and ${more} more`] : [])].join('\n'),
      `What is proven, and what is still open:\n${url}`,
    ),
  };
}

/** How somebody is named in a line. */
function nameOf(name: string, email: string): string {
  return name === '' ? email : name;
}

function counted(count: number, one: string): string {
  return count === 0 ? '' : `${count} ${one}${count === 1 ? '' : 's'}`;
}

function minute(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function paragraphs(...all: string[]): string {
  return `${all.filter((each) => each !== '').join('\n\n')}\n`;
}
