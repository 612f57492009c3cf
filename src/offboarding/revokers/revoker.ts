/**
 * What a revoker is: one small interface. It ends one kept token at a provider, or everything that a person has there, or either. It
 * says what came of it as an outcome; a provider's "done" counts only as far as the provider itself lets it be checked.
 */
import type { z } from 'zod';
import type { Outcome } from '../next-step.ts';
import type { Ask } from './ask.ts';

export interface TokenToEnd {
  readonly token: string;
  readonly kind: 'access_token' | 'refresh_token';
}

export interface PersonToEnd {
  readonly id: string;
  readonly email: string;
  /** What the directory that the provider's settings name calls them; null where it knows them no more, or none is named. */
  readonly externalId: string | null;
}

export interface Revoker {
  /** Ends one token. Left out where the provider ends none singly. Asked again after a failure: twice is as good as once. */
  token?(asked: TokenToEnd): Promise<Outcome>;
  /** Ends a person's sessions or account there. Left out where the provider can't, or its settings don't say how. */
  person?(asked: PersonToEnd): Promise<Outcome>;
}

/** What a revoker is given of the world. */
export interface RevokerContext<Secrets> {
  /** What the administrator keeps secret, opened. */
  readonly secrets: Secrets;
  /** Asks by HTTP: bounded in time and size, only where outbound calls may go. What may pass by itself is tried again later. */
  readonly ask: Ask;
  /** The same for libraries. */
  readonly fetch: typeof fetch;
  readonly now: () => Date;
}

/** One kind of revoker: what is said of the provider, what is kept secret, and how it is opened. */
export interface RevokerKind<Settings extends z.ZodObject = z.ZodObject, Secrets extends z.ZodObject = z.ZodObject> {
  readonly settings: Settings;
  /** An object of texts, none under a name that the settings have. */
  readonly secrets: Secrets;
  /** Asks nobody yet. @throws Fault `invalid-input` where something that is needed is not said */
  open(settings: z.output<Settings>, context: RevokerContext<z.output<Secrets>>): Revoker;
}

/** A kind, with its types found from what it says. */
export function revokerKind<Settings extends z.ZodObject, Secrets extends z.ZodObject>(
  kind: RevokerKind<Settings, Secrets>,
): RevokerKind<Settings, Secrets> {
  return kind;
}
