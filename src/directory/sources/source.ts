/**
 * What a pulled source is: one small interface. It streams records, so that memory stays flat however many there are; where it fails it
 * throws, so that an error, an empty or a cut-off answer is never taken for "everybody left".
 */
import type { z } from 'zod';
import { Fault } from '../../errors.ts';
import type { Download } from './download.ts';
import type { Send } from './http.ts';

export interface SourceUser {
  readonly kind: 'user';
  /** What tells one record from another in this source. */
  readonly sourceKey: string;
  readonly externalId: string | null;
  readonly userName: string;
  /** Lower case. */
  readonly email: string | null;
  readonly displayName: string;
  readonly active: boolean;
  /** First and last day, `YYYY-MM-DD`, both inclusive. */
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  /** Where these days are days, as an IANA name that this machine knows; left out: where the directory is. */
  readonly timeZone?: string;
  /** Names of groups that the record itself says this person is in; sources that have groups of their own say `member` instead. */
  readonly groups: readonly string[];
  /** Of a reading of changes: they are in these groups and no other. */
  readonly groupsWhole?: true;
  /** Everything the source said, verbatim; conditions of mapping rules read it. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The line or id at which to look. */
  readonly where: string;
}

/** A group, whether anybody is in it or not. */
export interface SourceGroup {
  readonly kind: 'group';
  readonly groupKey: string;
  readonly name: string;
  /** Of a reading of changes: the members that it names are all that the group has; said once for a group. */
  readonly whole?: true;
}

/** Somebody, or another group with everybody in it, is in a group. Either side may come later, or never. */
export interface SourceMember {
  readonly kind: 'member';
  readonly groupKey: string;
  readonly memberKey: string;
  readonly memberIs: 'user' | 'group' | 'alias';
}

/**
 * What a source calls somebody or a group where it names members, as by a distinguished name. It holds in its own reading, before or after
 * it is used; where it is not one's alone, nobody is meant by it.
 */
export interface SourceAlias {
  readonly kind: 'alias';
  readonly alias: string;
  readonly of: 'user' | 'group';
  readonly key: string;
}

/**
 * A record that can not be used. Whoever it is about stays as they are; how many a run bears is the directory's setting.
 */
export interface BadRecord {
  readonly kind: 'bad';
  /** Null where not even that can be read: then nobody is held to have left in this run without a person's eyes. */
  readonly sourceKey: string | null;
  /** The line or id at which to look. */
  readonly where: string;
  readonly reason: string;
}

/** Only of a journal: a person or a group is there no more, or somebody is not in a group any more. */
export interface Gone {
  readonly kind: 'gone';
  readonly what: 'user' | 'group';
  readonly key: string;
}
export interface NoMember {
  readonly kind: 'no-member';
  readonly groupKey: string;
  readonly memberKey: string;
}

export type SourceRecord = SourceUser | SourceGroup | SourceMember | SourceAlias | BadRecord | Gone | NoMember;

export interface Reading {
  /** `full`: whoever is not named is not there. `changes`: whoever is not named is as before. */
  readonly extent: 'full' | 'changes';
  /** Whether of two records about the same person, group or member the later counts. Changes always are a journal; `full` must say so. */
  readonly journal?: boolean;
  /**
   * The records, to be read once. Where they are no journal, the second about the same person is a bad record, which the run sees to.
   * @throws Fault `invalid-feed` where the answer is cut off, contradicts itself or changes while it is read; `upstream-failed` where the
   * source does not answer, however often it is asked
   */
  readonly records: AsyncIterable<SourceRecord>;
  /** Asked once all records were read: where the next reading of changes begins; null where there is no such thing. */
  readonly cursor: () => string | null;
}

export interface Source {
  /** Begins to read. @param since the cursor of the last reading that was applied; null for everything */
  read(since: string | null): Promise<Reading>;
  /**
   * Asks for one person, as a whole reading would say them; their groups are left to the next reading. Left out where the source has no
   * way to be asked: then everything is read, and they are looked for in it (seek.ts).
   * @returns null where the source itself says that there is nobody of this key
   * @throws Fault as a reading does; an answer that may be anything else's is one
   */
  readPerson?(sourceKey: string): Promise<SourceUser | BadRecord | null>;
}

/** What a source is given of the world. */
export interface SourceContext<Secrets> {
  /** What the administrator keeps secret, opened. */
  readonly secrets: Secrets;
  /** Asks by HTTP: bounded in time, again where that may help, only where outbound calls may go. */
  readonly send: Send;
  /** Asks for one long answer and streams it. */
  readonly download: Download;
  readonly now: () => Date;
  /** Whether private addresses may be reached, for sources that do not speak HTTP. */
  readonly allowPrivateNetwork: boolean;
}

/** One kind of source: what is said of it, what is kept secret, and how it is opened. */
export interface SourceKind<Settings extends z.ZodType = z.ZodType, Secrets extends z.ZodType = z.ZodType> {
  readonly settings: Settings;
  /** An object of texts; an empty one where there is nothing to keep. */
  readonly secrets: Secrets;
  /** Whether the server's own files are read: then only the operator may say so, for they may be another organization's. */
  readsServerFiles?(settings: z.output<Settings>): boolean;
  open(settings: z.output<Settings>, context: SourceContext<z.output<Secrets>>): Source;
}

/** A kind, with its types found from what it says. */
export function sourceKind<Settings extends z.ZodType, Secrets extends z.ZodType>(
  kind: SourceKind<Settings, Secrets>,
): SourceKind<Settings, Secrets> {
  return kind;
}

/** One person's record. @throws Fault `invalid-feed` where it is somebody else's than was asked for */
export function onlyOf(record: SourceRecord, sourceKey: string): SourceUser | BadRecord {
  if ((record.kind === 'user' || record.kind === 'bad') && record.sourceKey === sourceKey) return record;
  throw new Fault('invalid-feed', 'The source tells of somebody else than was asked for; nothing was changed.');
}

/** A reading of everything, without a cursor. */
export function fullReading(records: AsyncIterable<SourceRecord>): Reading {
  return { extent: 'full', records, cursor: () => null };
}
