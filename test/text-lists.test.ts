import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { counted, linesInWords, listedFirst, saidOnce } from '../src/text.ts';

describe('lists and counts in words', () => {
  it('names the first of many, and says how many there are besides', () => {
    assert.deepEqual(
      [[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']].map((names) => listedFirst(names, 2)),
      ['', 'a', 'a and b', 'a, b and 1 more', 'a, b and 2 more'],
    );
    assert.equal(listedFirst(['a', 'b', 'c'], Infinity), 'a, b and c');
  });

  it('says once what is said of several bots, with the name of each in its place', () => {
    const said = ['ada', 'bea'].map((bot) => ({ bot, text: 'no key', hint: `make-keys --bot=${bot}` }));
    const alone = { bot: 'cid', text: 'no key of adas', hint: 'reauth cid' };
    assert.deepEqual(saidOnce([...said, alone]), [
      { bots: ['ada', 'bea'], text: 'no key', hint: 'make-keys' },
      { bots: ['cid'], text: 'no key of adas', hint: 'reauth cid' },
    ]);
  });

  it('tells which lines a post has', () => {
    assert.deepEqual(
      [1, 2, 3].map((lines) => linesInWords(3, lines)),
      ['line 3', 'lines 3 and 4', 'lines 3 to 5'],
    );
  });

  it('counts things', () => {
    assert.deepEqual(
      [0, 1, 2, 14_600].map((number) => counted(number, 'post')),
      ['0 posts', '1 post', '2 posts', '14,600 posts'],
    );
  });
});
