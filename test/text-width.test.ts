import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutTo, padded, widthOf } from '../src/text.ts';

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
  ] as const) {
    it(`is ${width} for ${JSON.stringify(text)}`, () => {
      assert.equal(widthOf(text), width);
      assert.equal(widthOf(padded(text, 12)), 12);
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
