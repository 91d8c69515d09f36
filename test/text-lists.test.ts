import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { counted, listedFirst } from '../src/text.ts';

describe('lists and counts in words', () => {
  it('names the first of many, and says how many there are besides', () => {
    assert.deepEqual(
      [[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']].map((names) => listedFirst(names, 2)),
      ['', 'a', 'a and b', 'a, b and 1 more', 'a, b and 2 more'],
    );
    assert.equal(listedFirst(['a', 'b', 'c'], Infinity), 'a, b and c');
  });

  it('counts things', () => {
    assert.deepEqual(
      [0, 1, 2, 14_600].map((number) => counted(number, 'post')),
      ['0 posts', '1 post', '2 posts', '14,600 posts'],
    );
  });
});
