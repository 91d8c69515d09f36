import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fingerprints, startOf } from '../../src/posting/place.ts';
import { bestWay, waysOn, type Way } from '../../src/posting/ways-on.ts';

const printsOf = (...texts: string[]): string => fingerprints(texts.map((text) => ({ text })));
const old = printsOf('one', 'two', 'three', 'four');
const edited = printsOf('one', 'won', 'three', 'four');
const place = { ...startOf(old), next: 1 };

/** Ways as `old 1`: where each begins. */
const shown = (ways: Iterable<Way>): string[] =>
  Array.from(ways, ({ from, again }) =>
    [from.poem === old ? 'old' : 'new', from.next, ...(again ? [`after ${again.rest.join()}`] : [])].join(
      ' ',
    ),
  );

describe('the ways on from a place', () => {
  it('is one where nothing was edited, and two where the poem begins again', () => {
    assert.deepEqual(shown(waysOn(place, old, 'stop')), ['old 1']);
    assert.deepEqual(shown(waysOn(place, old, 'loop')), ['old 1', 'old 0 after 1,2,3']);
  });

  it('are in both poems where it was edited', () => {
    assert.deepEqual(shown(waysOn(place, edited, 'stop')), ['old 1', 'new 1']);
    assert.deepEqual(shown(waysOn(place, edited, 'loop')), [
      'old 1',
      'new 1',
      'old 0 after 1,2,3',
      'new 0 after 1,2,3',
    ]);
  });

  it('are in the old poem where the place in the new one is lost', () => {
    assert.deepEqual(shown(waysOn(place, printsOf('sun', 'moon'), 'loop')), ['old 1', 'old 0 after 1,2,3']);
  });

  it('leave out of the rest what was done ahead', () => {
    assert.deepEqual(shown(waysOn({ ...place, ahead: [2] }, old, 'loop')), ['old 1', 'old 0 after 1,3']);
  });
});

describe('the best way to a post', () => {
  it('passes over the fewest lines', () => {
    const ways = (['stop', 'loop'] as const).map((atEnd) => bestWay(waysOn(place, edited, atEnd), 'four'));
    assert.deepEqual(
      ways.map((way) => way?.skipped),
      [
        [1, 2],
        [1, 2],
      ],
    );
    assert.equal(bestWay(waysOn(place, edited, 'stop'), 'won')?.skipped.length, 0);
    assert.deepEqual(bestWay(waysOn(place, old, 'loop'), 'one')?.again, { rest: [1, 2, 3] });
  });

  it('is the first of those that are alike: the poem as it was', () => {
    assert.equal(bestWay(waysOn(place, edited, 'stop'), 'three')?.edited, undefined);
  });

  it('knows two lines in one post by each of them, wherever the line break is', () => {
    const stanzas = startOf(printsOf('a\nb', 'c\nd', 'e'));
    const joined = bestWay(waysOn(stanzas, stanzas.poem, 'stop'), 'a\nb\nc\nd');
    assert.deepEqual([joined?.at.next, joined?.lines], [0, 2]);
    assert.equal(bestWay(waysOn(stanzas, stanzas.poem, 'stop'), 'a\nb\nd')?.lines, undefined);
  });

  it('is none where no line reads so', () => {
    assert.equal(bestWay(waysOn(place, edited, 'loop'), 'hello'), undefined);
  });
});
