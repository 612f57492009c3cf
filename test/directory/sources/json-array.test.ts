/** Lists within long JSON, one element at a time: whatever JSON.parse finds there is found, and whatever it refuses is refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { elementsOf } from '../../../src/directory/sources/json-array.ts';

async function* cut(text: string, size: number) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string, path: readonly string[], size = 7): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const element of elementsOf(cut(text, size), path, 'here')) found.push(element);
  return found;
}

describe('a list within JSON', () => {
  it('given any document, in pieces of any size, then its elements are found as JSON.parse finds them', async () => {
    const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }).filter((name) => name !== '__proto__');
    const document = fc.record({
      list: fc.array(fc.jsonValue()),
      others: fc.dictionary(key, fc.jsonValue()),
      path: fc.array(key, { maxLength: 3 }),
      indent: fc.constantFrom(0, 2),
      size: fc.integer({ min: 1, max: 20 }),
    });
    await fc.assert(
      fc.asyncProperty(document, async ({ list, others, path, indent, size }) => {
        const whole = path.reduceRight<unknown>((inner, name) => ({ ...others, [name]: inner }), list);
        const text = JSON.stringify(whole, null, indent);
        assert.deepEqual(await read(text, path, size), JSON.parse(JSON.stringify(list)));
      }),
      { numRuns: 300 },
    );
  });

  it('given a document that is cut anywhere, then it is refused', async () => {
    const text = JSON.stringify({
      before: ['{"', { Report_Entry: [1] }],
      Report_Entry: [{ a: '\\"]' }, [], 'x'],
      after: 1,
    });
    assert.deepEqual(await read(text, ['Report_Entry']), [{ a: '\\"]' }, [], 'x']);
    for (let end = 0; end < text.length; end += 1) {
      await assert.rejects(read(text.slice(0, end), ['Report_Entry']), { code: 'invalid-feed' }, text.slice(0, end));
    }
  });

  for (const wrong of [
    '{"l":[1,]}',
    '{"l":[,1]}',
    '{"l":[1}]}',
    '{"l":[1] 2}',
    '{"l":[]}]',
    '{"l":[1],"l":[2]}',
    '{"l":{}}',
    '{}',
    '<html>',
    '',
  ]) {
    it(`given ${wrong || 'nothing'}, then it is refused`, async () => {
      await assert.rejects(read(wrong, ['l']), { code: 'invalid-feed' });
    });
  }

  it('given an element without end, then it is refused before it fills the memory', async () => {
    async function* endless() {
      yield Buffer.from('[{"a":"');
      for (;;) yield Buffer.alloc(1024 * 1024, 'x');
    }
    await assert.rejects(elementsOf(endless(), [], 'here').next(), { code: 'invalid-feed' });
  });
});
