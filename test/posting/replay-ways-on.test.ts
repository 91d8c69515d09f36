import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fingerprints, type Cursor, startOf } from '../../src/ledger/state.ts';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import type { Line } from '../../src/poems/poem.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { bestPath, knownTexts, type ReplayPath, replayPaths } from '../../src/posting/replay.ts';

const linesOf = (...texts: string[]): Line[] => texts.map((text, index) => ({ text, at: index + 1 }));
const old = linesOf('one', 'two', 'three', 'four');
const edited = linesOf('one', 'won', 'three', 'four');
const place = { ...startOf(fingerprints(old)), next: 1 };

const look = { bot: 'howl', at: 9000 };

/** The best way to a post of a bot that knows the text of its poem as it is now. */
const best = (
  from: Cursor,
  lines: Line[],
  atEnd: 'loop' | 'stop',
  text: string,
): ReturnType<typeof bestPath> =>
  bestPath(replayPaths(from, { lines, rules: rulesOfX }, atEnd, look), text, knownTexts(lines), look);

const skippedIn = (events: LedgerEvent[] = []): number[] =>
  events.flatMap((event) => (event.event === 'skipped' ? [event.line] : []));

const kindsOf = (way: ReturnType<typeof bestPath>): string[] | undefined =>
  way?.before.map(({ event }) => event);

/** Ways from a place as `old 1`: where each begins. */
const shown = (lines: Line[], atEnd: 'loop' | 'stop', from: Cursor = place): string[] =>
  Array.from(
    replayPaths(from, { lines, rules: rulesOfX }, atEnd, look),
    ({ from: { poem, next }, before }: ReplayPath) =>
      [
        poem === place.poem ? 'old' : 'new',
        next,
        ...(before.at(-1)?.event === 'again' ? [`after ${skippedIn(before).join()}`] : []),
      ].join(' '),
  );

describe('the ways on from a place', () => {
  it('is one where nothing was edited, and two where the poem begins again', () => {
    assert.deepEqual(shown(old, 'stop'), ['old 1']);
    assert.deepEqual(shown(old, 'loop'), ['old 1', 'old 0 after 1,2,3']);
  });

  it('are in both poems where it was edited', () => {
    assert.deepEqual(shown(edited, 'stop'), ['old 1', 'new 1']);
    assert.deepEqual(shown(edited, 'loop'), ['old 1', 'new 1', 'old 0 after 1,2,3', 'new 0 after 1,2,3']);
  });

  it('are in the old poem where the place in the new one is lost', () => {
    assert.deepEqual(shown(linesOf('sun', 'moon'), 'loop'), ['old 1', 'old 0 after 1,2,3']);
  });

  it('leave out of the rest what was done ahead', () => {
    assert.deepEqual(shown(old, 'loop', { ...place, ahead: [2] }), ['old 1', 'old 0 after 1,3']);
  });
});

describe('the best way to a post', () => {
  it('passes over the fewest lines', () => {
    const ways = (['stop', 'loop'] as const).map((atEnd) => best(place, edited, atEnd, 'four'));
    assert.deepEqual(
      ways.map((way) => skippedIn(way?.before)),
      [
        [1, 2],
        [1, 2],
      ],
    );
    assert.deepEqual(kindsOf(best(place, edited, 'stop', 'won')), ['edited']);
    assert.deepEqual(kindsOf(best(place, old, 'loop', 'one')), ['skipped', 'skipped', 'skipped', 'again']);
  });

  it('is the first of those that are alike: the poem as it was', () => {
    assert.deepEqual(kindsOf(best(place, edited, 'stop', 'three')), ['skipped']);
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
