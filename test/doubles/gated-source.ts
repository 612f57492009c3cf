/** An HR system that a test holds up while it is read: it answers when it is let. */
import type { Company } from '../harness/company.ts';
import { LOOSE_GUARDS } from '../harness/loose-guards.ts';
import { type HttpAnswer, startHttpDouble } from './http-double.ts';

export interface GatedSource {
  /** How many requests have come. */
  asked(): number;
  /** From now on whoever asks waits. */
  shut(): void;
  /** Those who wait are answered, with what stood when they asked. */
  open(): void;
  /** What it says of people. */
  people: readonly Readonly<Record<string, string>>[];
  /** Puts it as the company's directory `slow`. */
  putInto(company: Company): Promise<string>;
  close(): Promise<void>;
}

export async function startGatedSource(): Promise<GatedSource> {
  let waiting: (() => void)[] = [];
  let isShut = false;
  let asked = 0;
  const answer = async (): Promise<HttpAnswer> => {
    asked += 1;
    const body = { people: source.people };
    if (isShut) await new Promise<void>((done) => waiting.push(done));
    return { body };
  };
  const double = await startHttpDouble(answer, () => true);
  const open = () => {
    isShut = false;
    for (const each of waiting) each();
    waiting = [];
  };
  const config = {
    baseUrl: double.url,
    auth: { kind: 'none' },
    people: { path: '/people', at: 'people', paging: { kind: 'none' } },
    fields: { id: 'id', email: 'email', name: ['name'] },
  };
  const source: GatedSource = {
    people: [],
    asked: () => asked,
    shut: () => {
      isShut = true;
    },
    open,
    putInto: async (company) => {
      const put = await company.api('put', '/directories/slow').send({ kind: 'rest', config, guards: LOOSE_GUARDS });
      if (!put.ok) throw new Error(put.text);
      return put.body.id;
    },
    close: () => {
      open();
      return double.close();
    },
  };
  return source;
}
