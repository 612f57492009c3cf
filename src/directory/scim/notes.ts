/** What there is to tell of a request once it is answered: what it changed, what of it was passed over and why. */
import type { Request } from 'express';
import type { Change } from '../reconcile/changes.ts';
import { findAttribute, type ResourceType } from './attribute.ts';
import { type Attributes, isObject } from './conform.ts';

const MOST = 100;

export class Notes {
  /** Attributes, members and accesses, each a few words. */
  readonly changed: string[] = [];
  readonly ignored: string[] = [];

  /** For a second try of what only met somebody else. */
  forget(): void {
    this.changed.length = 0;
    this.ignored.length = 0;
  }

  /** What followed from the facts: accounts and memberships. */
  followed(changes: readonly Change[]): void {
    for (const { kind, email, role, scope_kind, reason } of changes.slice(0, MOST)) {
      const what = [kind, email, role && `${role} (${scope_kind})`].filter(Boolean).join(' ');
      (isWithheld(kind) ? this.ignored : this.changed).push(`${what}: ${reason}`);
    }
    if (changes.length > MOST) this.changed.push(`and ${changes.length - MOST} more`);
  }

  /** What of a body only this server writes, or is never kept. */
  passedOver(type: ResourceType, body: unknown): void {
    for (const name of namesWritten(body)) {
      const attribute = findAttribute(type.core.attributes, name.replace(`${type.core.id}:`, ''));
      if (attribute?.mutability === 'writeOnly') this.ignored.push(`${attribute.name}: accepted and never kept`);
      if (attribute?.mutability === 'readOnly') this.ignored.push(`${attribute.name}: written by this server only`);
    }
  }
}

const notes = new WeakMap<Request, Notes>();

/** The notes of a request. */
export function notesOf(request: Request): Notes {
  const known = notes.get(request) ?? new Notes();
  notes.set(request, known);
  return known;
}

function isWithheld(kind: Change['kind']): boolean {
  return kind === 'user.ambiguous' || kind === 'user.protected' || kind === 'membership.withheld';
}

function namesWritten(body: unknown): string[] {
  if (!isObject(body)) return [];
  const operations = body['Operations'];
  if (!Array.isArray(operations)) return Object.keys(body);
  return operations.filter(isObject).flatMap(({ path, value }: Attributes) => {
    if (typeof path === 'string') return [path];
    return isObject(value) ? Object.keys(value) : [];
  });
}
