/** Feeds of one company as files: for the product as an HR system exports it, and the same rows for bare SQL to copy. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface FeedFiles {
  /** People with their groups, for us. */
  readonly hr: string;
  /** The same in two tables. */
  readonly people: string;
  readonly members: string;
}

const DEPARTMENTS = ['Engineering', 'Sales', 'Support', 'Finance', 'Legal'];
const PEOPLE_A_GROUP = 500;
const GROUPS_EACH = 3;

/**
 * Writes a feed of so many people, each in three groups.
 * @param moved every how many-th person has another title, department and group; 0 for nobody
 */
export function writeFeed(folder: string, name: string, size: number, moved: number): FeedFiles {
  const files = {
    hr: join(folder, `${name}.csv`),
    people: join(folder, `${name}-people.csv`),
    members: join(folder, `${name}-members.csv`),
  };
  const [hr, people, members] = [sink(files.hr), sink(files.people), sink(files.members)];
  hr.line('id,email,name,department,title,status,location,groups');
  const groups = Math.max(GROUPS_EACH, Math.ceil(size / PEOPLE_A_GROUP) * GROUPS_EACH);
  for (let at = 0; at < size; at++) {
    const shift = moved > 0 && at % moved === 0 ? 1 : 0;
    const department = DEPARTMENTS[(at + shift) % DEPARTMENTS.length];
    const said = `E${at},person${at}@acme.test,Person ${at} of Acme,${department},Agent ${(at + shift) % 9},active,Site ${at % 40}`;
    const names = Array.from({ length: GROUPS_EACH }, (_, nth) => groupName((at * (nth + 1) + nth + shift) % groups));
    hr.line(`${said},${names.join(';')}`);
    people.line(said);
    for (const group of new Set(names)) members.line(`${group},E${at}`);
  }
  for (const each of [hr, people, members]) each.close();
  return files;
}

function groupName(at: number): string {
  return `Team ${at}`;
}

function sink(path: string): { line(text: string): void; close(): void } {
  const file = openSync(path, 'w', 0o644);
  let waiting: string[] = [];
  const flush = () => {
    if (waiting.length > 0) writeSync(file, `${waiting.join('\n')}\n`);
    waiting = [];
  };
  return {
    line: (text) => {
      waiting.push(text);
      if (waiting.length >= 10_000) flush();
    },
    close: () => {
      flush();
      closeSync(file);
    },
  };
}
