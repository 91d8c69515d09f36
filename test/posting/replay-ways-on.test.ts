import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fingerprints, type Cursor, startOf } from '../../src/ledger/cursor.ts';
import type { Line } from '../../src/poems/poem.ts';
import {
  bestPath,
  knownTexts,
  type ReplayPath,
  replayPaths,
  type ReplayStep,
} from '../../src/posting/replay.ts';

const linesOf = (...texts: string[]): Line[] => texts.map((text, index) => ({ text, at: index + 1 }));
const old = linesOf('one', 'two', 'three', 'four');
const edited = linesOf('one', 'won', 'three', 'four');
const place = { ...startOf(fingerprints(old)), next: 1 };

/** The best way to a post of a bot that knows the text of its poem as it is now. */
const best = (from: Cursor, lines: Line[], atEnd: 'loop' | 'stop', text: string): ReplayStep | undefined =>
  bestPath(replayPaths(from, lines, atEnd), text, knownTexts(lines));

/** Ways as `old 1`: where each begins. */
const shown = (ways: Iterable<ReplayPath>): string[] =>
  Array.from(ways, ({ from, again }) =>
    [
      from.poem === place.poem ? 'old' : 'new',
      from.next,
      ...(again ? [`after ${again.rest.join()}`] : []),
    ].join(' '),
  );

describe('the ways on from a place', () => {
  it('is one where nothing was edited, and two where the poem begins again', () => {
    assert.deepEqual(shown(replayPaths(place, old, 'stop')), ['old 1']);
    assert.deepEqual(shown(replayPaths(place, old, 'loop')), ['old 1', 'old 0 after 1,2,3']);
  });

  it('are in both poems where it was edited', () => {
    assert.deepEqual(shown(replayPaths(place, edited, 'stop')), ['old 1', 'new 1']);
    assert.deepEqual(shown(replayPaths(place, edited, 'loop')), [
      'old 1',
      'new 1',
      'old 0 after 1,2,3',
      'new 0 after 1,2,3',
    ]);
  });

  it('are in the old poem where the place in the new one is lost', () => {
    assert.deepEqual(shown(replayPaths(place, linesOf('sun', 'moon'), 'loop')), [
      'old 1',
      'old 0 after 1,2,3',
    ]);
  });

  it('leave out of the rest what was done ahead', () => {
    assert.deepEqual(shown(replayPaths({ ...place, ahead: [2] }, old, 'loop')), ['old 1', 'old 0 after 1,3']);
  });
});

describe('the best way to a post', () => {
  it('passes over the fewest lines', () => {
    const ways = (['stop', 'loop'] as const).map((atEnd) => best(place, edited, atEnd, 'four'));
    assert.deepEqual(
      ways.map((way) => way?.skipped),
      [
        [1, 2],
        [1, 2],
      ],
    );
    assert.equal(best(place, edited, 'stop', 'won')?.skipped.length, 0);
    assert.deepEqual(best(place, old, 'loop', 'one')?.again, { rest: [1, 2, 3] });
  });

  it('is the first of those that are alike: the poem as it was', () => {
    assert.equal(best(place, edited, 'stop', 'three')?.edited, undefined);
  });

  it('knows two lines in one post by each of them, wherever the line break is', () => {
    const lines = linesOf('a\nb', 'c\nd', 'e');
    const stanzas = startOf(fingerprints(lines));
    const joined = best(stanzas, lines, 'stop', 'a\nb\nc\nd');
    assert.deepEqual([joined?.at.next, joined?.lines], [0, 2]);
    assert.equal(best(stanzas, lines, 'stop', 'a\nb\nd')?.lines, undefined);
  });

  it('is none where no line reads so', () => {
    assert.equal(best(place, edited, 'loop', 'hello'), undefined);
  });

  it('knows lines that X has changed, alone and joined, where the poem still has them', () => {
    const lines = linesOf('soft\u200bly & slowly', '\u2764\ufe0f stone', 'end');
    const from = startOf(fingerprints(lines));
    assert.equal(best(from, lines, 'stop', 'softly &#38; slowly')?.lines, 1);
    assert.equal(best(from, lines, 'stop', 'softly &amp; slowly \u2764 stone')?.lines, 2);
    assert.equal(best(from, lines, 'stop', 'softly and slowly'), undefined);
    // Of an older line there is nothing but its fingerprint.
    assert.equal(
      best(from, linesOf('rain', '\u2764\ufe0f stone', 'end'), 'stop', 'softly & slowly'),
      undefined,
    );
  });
});
