import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fingerprints, type Cursor } from '../../src/ledger/state.ts';
import { splitPoem, type Unit } from '../../src/poems/poem.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { type Edit, needsLongLook, readFor } from '../../src/posting/edits.ts';

const placeIn = (text: string, unit: Unit, next: number, ahead: number[] = []): Cursor => ({
  poem: fingerprints(splitPoem(text, { unit, rules: rulesOfX })),
  next,
  ahead,
});

/** What a bot writes down of a poem, or the place that it has where it knows the poem so already. */
const edit = (place: Cursor, text: string, unit: Unit): Edit =>
  readFor(
    'howl',
    place,
    { text, split: { unit, rules: rulesOfX }, lines: splitPoem(text, { unit, rules: rulesOfX }) },
    { at: 7, key: 'k' },
  ).edit ?? {
    event: 'edited',
    bot: 'howl',
    at: 7,
    ...place,
    ahead: [...place.ahead],
  };

/** Three stanzas of two lines, one line and three. */
const poem = 'a one\na two\n\nb one\n\nc one\nc two\nc three\n';

describe('a unit that was changed in the middle of a poem', () => {
  const rows: [
    name: string,
    from: Unit,
    next: number,
    ahead: number[],
    to: number | 'parked',
    ahead?: number[],
  ][] = [
    ['at the beginning', 'line', 0, [], 0],
    ['after the first stanza', 'line', 2, [], 1],
    ['after the second', 'line', 3, [], 2],
    ['at the end', 'line', 6, [], 3],
    ['in the middle of the first stanza', 'line', 1, [], 'parked'],
    ['in the middle of the last', 'line', 5, [], 'parked'],
    ['with a whole stanza done ahead', 'line', 0, [2], 0, [1]],
    ['with half of a stanza done ahead', 'line', 0, [3], 'parked'],
    ['stanzas: at the beginning', 'stanza', 0, [], 0],
    ['stanzas: after the first', 'stanza', 1, [], 2],
    ['stanzas: after the second', 'stanza', 2, [], 3],
    ['stanzas: at the end', 'stanza', 3, [], 6],
    ['stanzas: with one done ahead', 'stanza', 0, [2], 0, [3, 4, 5]],
  ];
  for (const [name, from, next, ahead, to, aheadNow = []] of rows) {
    it(`${name}: ${to === 'parked' ? 'parks the bot' : 'keeps the place exactly'}`, () => {
      const unit = from === 'line' ? 'stanza' : 'line';
      const found = edit(placeIn(poem, from, next, ahead), poem, unit);
      if (to === 'parked') {
        assert.equal(found.event, 'parked');
        return;
      }
      assert.ok(found.event === 'edited');
      assert.deepEqual([found.next, found.ahead], [to, aheadNow]);
      assert.equal(found.poem, fingerprints(splitPoem(poem, { unit, rules: rulesOfX })));
    });
  }

  it('is put back, or resumed at the stanza that it is in', () => {
    const found = edit(placeIn(poem, 'line', 4), poem, 'stanza');
    assert.ok(found.event === 'parked');
    assert.deepEqual([found.bot, found.at, found.key, found.cause], ['howl', 7, 'k', 'place']);
    assert.match(found.hint, /put the unit back, then: flockd resume howl; .*: flockd resume howl --line 3$/);
  });

  it('never loses a line and never repeats one, wherever the bot is', () => {
    const stanzas = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(stanzas, fc.constantFrom<Unit>('line', 'stanza'), fc.nat(), (sizes, from, seed) => {
        const text = sizes
          .map((size, n) => Array.from({ length: size }, (_, m) => `line ${m} of ${n}`).join('\n'))
          .join('\n\n');
        const before = splitPoem(text, { unit: from, rules: rulesOfX });
        const next = seed % (before.length + 1);
        const unit = from === 'line' ? 'stanza' : 'line';
        const found = edit(placeIn(text, from, next), text, unit);
        // What was posted before and what comes now is the whole poem, or nobody goes on.
        if (found.event === 'parked') return;
        const rows = (pieces: readonly { text: string }[]): string[] =>
          pieces.flatMap((piece) => piece.text.split('\n'));
        const all = [
          ...rows(before.slice(0, next)),
          ...rows(splitPoem(text, { unit, rules: rulesOfX }).slice(found.next)),
        ];
        assert.deepEqual(all, rows(splitPoem(text, { unit: 'line', rules: rulesOfX })));
      }),
    );
  });
});

describe('a poem that was edited', () => {
  it('is followed where enough of it is left', () => {
    const found = edit(placeIn(poem, 'line', 2), poem.replace('b one', 'b two'), 'line');
    assert.ok(found.event === 'edited' && found.by === undefined);
    assert.deepEqual([found.next, found.ahead], [2, []]);
  });

  it('parks the bot where it has become another one, with how to go on', () => {
    const found = edit(placeIn(poem, 'line', 2), 'quite\nanother\npoem\n', 'line');
    assert.ok(found.event === 'parked');
    assert.equal(found.cause, 'place');
    assert.match(found.hint, /put the poem back, then: flockd resume howl; .*: flockd resume howl --line 1$/);
  });
});

describe('how long an edit is looked at', () => {
  const ten = Array.from({ length: 10 }, (_, n) => `line ${n}`).join('\n');
  const cut = (lines: number): string => ten.split('\n').slice(0, lines).join('\n');
  const isLong = (next: number, text: string): boolean => {
    const place = placeIn(ten, 'line', next);
    return needsLongLook(place, edit(place, text, 'line'));
  };
  const rows: [name: string, next: number, text: string, isLong: boolean][] = [
    ['a line that was changed', 2, ten.replace('line 5', 'line five'), false],
    ['a line that was added', 2, `${ten}\nmore`, false],
    ['a line less', 2, cut(9), false],
    ['half of what is left', 2, cut(6), false],
    ['less than half of what is left', 2, cut(5), true],
    ['an end where the bot is', 5, cut(5), true],
    ['an end before the bot is', 8, cut(5), true],
    ['less of a poem that is at its end', 10, cut(5), false],
    ['another poem', 2, 'quite\nanother\npoem', true],
    ['half of the first line', 2, 'li', true],
  ];
  for (const [name, next, text, expected] of rows)
    it(`${expected ? 'a minute' : 'seconds'}: ${name}`, () => {
      assert.equal(isLong(next, text), expected);
    });
});
