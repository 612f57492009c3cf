import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { progressOn } from '../../src/directory/progress.ts';

function watching(isTTY: boolean, expected: number) {
  let text = '';
  let time = 0;
  const output = { isTTY, write: (more: string) => (text += more) };
  const progress = progressOn(output, expected, () => time);
  return { progress, text: () => text, pass: (ms: number) => (time += ms) };
}

describe('the progress of a run', () => {
  it('given a terminal, then a bar is drawn over itself, and the line is left when it ends', () => {
    const { progress, text } = watching(true, 4000);
    progress.show({ phase: 'reading', records: 1000 });
    progress.show({ phase: 'reading', records: 2000 });
    progress.end();
    const [, first = '', second = ''] = text().split('\r');
    assert.match(first, /^\[#{8}\.{22}\] 1,000 of about 4,000 people read/);
    assert.match(second, /^\[#{15}\.{15}\] 2,000 of about 4,000 people read/);
    assert.ok(text().endsWith('\n'));
  });

  it('given nobody knows how many there will be, then only their number is told', () => {
    const { progress, text } = watching(true, 0);
    progress.show({ phase: 'reading', records: 2000 });
    assert.doesNotMatch(text(), /\[#|of about/);
    assert.match(text(), /2,000 people read/);
  });

  it('given more come than last time, then the bar is full and not longer', () => {
    const { progress, text } = watching(true, 10);
    progress.show({ phase: 'reading', records: 2000 });
    assert.match(text(), /\[#{30}\]/);
  });

  it('given everybody was read, then it is told what is done now', () => {
    const { progress, text } = watching(true, 4000);
    progress.show({ phase: 'planning', records: 4100 });
    assert.match(text(), /4,100 of about 4,000 people read, planning/);
  });

  it('given no terminal, then plain lines come now and then', () => {
    const { progress, text, pass } = watching(false, 4000);
    for (let records = 500; records <= 4000; records += 500) {
      pass(2000);
      progress.show({ phase: 'reading', records: records });
    }
    progress.end();
    assert.equal(text(), '1,500 of about 4,000 people read\n3,000 of about 4,000 people read\n');
  });
});
