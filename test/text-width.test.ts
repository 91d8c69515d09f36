import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutTo, tableLines, widthOf } from '../src/text.ts';

describe('the width of a text in a terminal', () => {
  for (const [text, width] of [
    ['', 0],
    ['snow-ledger', 11],
    ['парус', 5],
    ['静夜思', 6],
    ['진달래꽃', 8],
    ['カーナ', 6],
    ['قَصِيدَة', 5],
    ['cafe\u0301', 4],
    ['🌙', 2],
    ['…', 1],
    ['\u001b[31m静\u001b[39m', 2],
    ['\u001b]8;;https://x.com/a\u0007夜a\u001b]8;;\u0007', 3],
  ] as const) {
    it(`is ${width} for ${JSON.stringify(text)}`, () => {
      assert.equal(widthOf(text), width);
    });
  }

  it('is never more than there is room for, and no letter is cut in two', () => {
    assert.equal(cutTo('静夜思', 6), '静夜思');
    assert.equal(cutTo('静夜思', 5), '静夜…');
    assert.equal(cutTo('静夜思', 4), '静…');
    assert.equal(cutTo('cafe\u0301s', 5), 'cafe\u0301s');
    assert.equal(cutTo('cafe\u0301 noir', 5), 'cafe\u0301…');
  });
});

describe('a table', () => {
  it('has columns as wide as their widest cells, whatever the script and the colours', () => {
    const rows = [
      ['bot', 'state', 'link'],
      ['静夜思', '\u001b[32mfine\u001b[39m', 'a'],
      ['howl', 'in doubt', ''],
    ];
    assert.deepEqual(tableLines(rows), [
      'bot     state     link',
      '静夜思  \u001b[32mfine\u001b[39m      a',
      'howl    in doubt',
    ]);
  });

  it('has numbers at the right, and no column narrower than it is to be', () => {
    const rows = [
      ['bot', 'posts', 'state'],
      ['howl', '12', 'fine'],
      ['ode', '1,000,000', 'fine'],
    ];
    assert.deepEqual(tableLines(rows, { right: [1], minWidths: [6] }), [
      'bot         posts  state',
      'howl           12  fine',
      'ode     1,000,000  fine',
    ]);
  });

  it('has rows of several lines', () => {
    const rows = [
      ['bot', 'account', 'files'],
      ['howl', '@howl_bot\n17', 'poems/howl.txt\nkeys/howl.json\nkeys/howl.json.age'],
      ['ode', '', 'poems/ode.txt'],
    ];
    assert.deepEqual(tableLines(rows, { gap: ' │ ' }), [
      'bot  │ account   │ files',
      'howl │ @howl_bot │ poems/howl.txt',
      '     │ 17        │ keys/howl.json',
      '     │           │ keys/howl.json.age',
      'ode  │           │ poems/ode.txt',
    ]);
  });

  it('has no lines where there are no rows', () => {
    assert.deepEqual(tableLines([]), []);
  });
});
