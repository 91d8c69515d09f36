import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BotState, fingerprints } from '../../src/ledger/state.ts';
import { type Line, splitPoem } from '../../src/poems/poem.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { beginLook, beginOfLook, lookFor } from '../../src/posting/reconcile.ts';

const poem = 'aaaaaaaabbbbbbbb';
const state: BotState = {
  place: { poem, next: 1, ahead: [] },
  pass: 1,
  served: 50,
  posts: 1,
  restored: true,
};
const finished: BotState = { ...state, place: { ...state.place, next: 2 } };
const open = {
  event: 'intent',
  bot: 'howl',
  slot: 4,
  until: 4,
  line: 1,
  lines: 1,
  print: 'bbbbbbbb',
} as const;

describe('what a restored bot looks for', () => {
  it('is its next line, as it knows its poem', () => {
    assert.deepEqual(lookFor('howl', { ...state, last: { at: 40, line: 0, id: '7' } }, 60), {
      event: 'intent',
      bot: 'howl',
      at: 40,
      slot: 50,
      until: 60,
      line: 1,
      lines: 1,
      print: 'bbbbbbbb',
      since: '7',
      look: true,
    });
  });

  it('is no line beyond the end of its poem', () => {
    const { line, print } = lookFor('howl', finished, 60);
    assert.deepEqual([line, print], [1, 'bbbbbbbb']);
  });

  it('begins with its last post, or else the earlier of its last slot and what is in doubt', () => {
    assert.equal(beginOfLook({ ...state, last: { at: 40, line: 0 } }), 40);
    assert.equal(beginOfLook(state), 50);
    assert.equal(beginOfLook({ ...state, open: { ...open, at: 45 } }), 45);
    assert.equal(beginOfLook({ ...state, open: { ...open, at: 55 } }), 50);
  });

  it('is nothing where it stops at the end, and its poem has no more lines', () => {
    const linesOf = (text: string): Line[] => splitPoem(text, { unit: 'line', rules: rulesOfX });
    const lines = linesOf('one\ntwo');
    const begins = (next: number, now: readonly Line[], atEnd: 'loop' | 'stop'): string => {
      const known = { ...state, place: { poem: fingerprints(lines), next, ahead: [] } };
      return beginLook('howl', known, { lines: now, rules: rulesOfX, atEnd }, 60).event;
    };
    assert.deepEqual(
      [
        begins(1, lines, 'stop'),
        begins(2, lines, 'stop'),
        begins(2, linesOf('one\ntwo\nthree'), 'stop'),
        begins(2, lines, 'loop'),
      ],
      ['intent', 'checked', 'intent', 'intent'],
    );
  });
});
