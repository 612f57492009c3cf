/** Searches (AuthZEN, Search APIs): who may do this here, where may they, what may they do. Each answer is one that a question would give. */

import type { Store } from '../store/database.ts';
import { inTenant } from '../store/tenant.ts';
import { subscriptionRefusal } from './decide.ts';
import { endOfKey } from './decide-key.ts';
import type { KnownSubject, Named } from './evaluation.sql.ts';
import { type Asker, type Decisions, decideFor, type Known, type KnownPlace } from './evaluation.ts';
import { type Found, keysThatMay, peopleWhoMay, placesWhere } from './search.sql.ts';
import type { Page } from './search-page.ts';
import { type Asked, askedEverywhere } from './search-rules.ts';
import type { Resource } from './subject.ts';

export interface SearchDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly decisions: Decisions;
}

/** The people or keys that may do something; one more than the page holds where there are more. */
export async function subjectsWho(
  { store, decisions }: SearchDependencies,
  asker: Asker,
  question: { readonly type: string; readonly action: string; readonly resource: Named },
  page: Page,
): Promise<Found[]> {
  const { place } = await decisions.known(asker, null, question.resource);
  const search = { user: peopleWhoMay, api_key: keysThatMay }[question.type];
  if (place === undefined || search === undefined) return [];
  const asked = askedEverywhere(place.model, question.action, place.resource);
  const ended = asked?.layers.subscription && subscriptionRefusal(place.resource, new Date()) !== null;
  if (asked === undefined || ended) return [];
  const { organizationId, origin } = asker;
  return inTenant(store.db, organizationId, origin, (tx) => search(tx, asked, place.resource, page), 'reader');
}

/** The places of a type in which a subject may do something; one more than the page holds where there are more. */
export async function resourcesWhere(
  { store, decisions }: SearchDependencies,
  asker: Asker,
  question: { readonly type: string; readonly action: string; readonly subject: Named },
  page: Page,
): Promise<Found[]> {
  const { type, action } = question;
  const whole = { type: 'organization', id: asker.organizationId };
  const { subject, place } = await decisions.known(asker, question.subject, whole);
  if (subject === undefined || place === undefined) return [];
  if (type === 'organization')
    return page.after === '' && mayThere(subject, place, action) ? [{ id: whole.id, name: '' }] : [];
  if (type !== 'workspace' && type !== 'product') return [];
  const asked = askedEverywhere(place.model, action, SHAPES[type]);
  const by = asked && whoseRoles(subject, place, asked);
  if (asked === undefined || by === undefined) return [];
  const { organizationId, origin } = asker;
  return inTenant(store.db, organizationId, origin, (tx) => placesWhere(tx, asked, type, by, page), 'reader');
}

/** The actions that a subject may do in a place, by name; one more than the page holds where there are more. */
export function actionsOf({ subject, place }: Known, { after, limit }: Page): string[] {
  if (subject === undefined || place === undefined) return [];
  const now = new Date();
  const allowed = [...place.model.permissions.keys()].filter(
    (action) => action > after && decideFor(subject, place, action, now).decision,
  );
  return allowed.sort().slice(0, limit + 1);
}

/** Any place of a kind: what can be asked is the same of all. */
const SHAPES: Record<'workspace' | 'product', Resource> = {
  workspace: { organizationId: '', workspaceId: '', product: null },
  product: { organizationId: '', workspaceId: '', product: { id: '', subscription: { status: '', endsAt: null } } },
};

function mayThere(subject: KnownSubject, place: KnownPlace, action: string): boolean {
  return decideFor(subject, place, action, new Date()).decision;
}

/** Whose roles count for a subject, and where at all; undefined where it may nothing. */
function whoseRoles({ person, personId, key }: KnownSubject, { model }: KnownPlace, asked: Asked) {
  if (key === null) return person === null ? undefined : { personId, bounds: null };
  if (endOfKey(model, key, new Date()) !== null || !key.scopes.includes(asked.action)) return undefined;
  if (asked.keyKinds.asThemselves.includes(key.kind)) return { personId: null, bounds: key };
  return asked.keyKinds.asCreators.includes(key.kind) && personId !== null ? { personId, bounds: key } : undefined;
}
