/** What a pulled source gives, one record at a time, so that memory stays flat however many there are. */

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
  /** First and last day, `YYYY-MM-DD` in the directory's time zone, both inclusive. */
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  /** Names of the groups this person is in. */
  readonly groups: readonly string[];
  /** Everything the source said, verbatim; conditions of mapping rules read it. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface Source {
  /**
   * Streams everybody, from the first to the last.
   * @throws Fault `invalid-feed` where a record is wrong, or the feed is cut off or changes while it is read; all that is wrong is
   * listed in `extra.errors` with line or id and reason
   */
  users(): AsyncIterable<SourceUser>;
}
