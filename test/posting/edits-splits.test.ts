import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { advance, fingerprints, isFinished, type Cursor, startOf } from '../../src/ledger/state.ts';
import { type Line, olderSplit, splitPoem } from '../../src/poems/poem.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { readingOf } from '../../src/posting/edits.ts';

const long = (name: string): string =>
  `${`${name} was the best of times, it was the worst of times; `.repeat(7)}and that was ${name}.`;

/** A poem as a ledger of an older version knows it. */
const older = (text: string): Line[] =>
  text.split('\n').flatMap((row, index) => olderSplit(row).map((piece) => ({ text: piece, at: index + 1 })));

const bare = (texts: readonly string[]): string => texts.join('').replaceAll(/\s+/gu, '');

/** What a bot says from a place on, line by line, looking at its poem before each as the daemon does. */
function saidFrom(place: Cursor, lines: readonly Line[], most = Infinity): { said: string[]; place: Cursor } {
  const said: string[] = [];
  let at = place;
  while (said.length < most) {
    const read = readingOf(at, lines, rulesOfX);
    assert.ok(read.place, 'its place is lost');
    at = read.place;
    assert.equal(fingerprints([...read.lines]), at.poem);
    if (isFinished(at)) break;
    said.push(read.lines[at.next]?.text ?? '');
    at = advance(at, 1);
  }
  return { said, place: at };
}

describe('a poem that was split otherwise when its bot began it', () => {
  const text = [long('It'), 'a short line', long('She'), long('He'), 'the last line'].join('\n');
  const before = older(text);
  const lines = splitPoem(text, { unit: 'line', rules: rulesOfX });

  it('is split otherwise today', () => {
    assert.notDeepEqual(
      lines.map((line) => line.text),
      before.map((line) => line.text),
    );
  });

  it('is said whole, nothing twice, from wherever the bot is in it', () => {
    for (let next = 0; next <= before.length; next++) {
      const done = before.slice(0, next).map((line) => line.text);
      const { said } = saidFrom({ poem: fingerprints(before), next, ahead: [] }, lines);
      assert.equal(bare([...done, ...said]), bare([text]), `from ${next}`);
    }
  });

  it('breaks at the best places from the next line on that is not begun', () => {
    // It has said one of the three posts of the first line.
    const { said } = saidFrom({ poem: fingerprints(before), next: 1, ahead: [] }, lines);
    assert.deepEqual(
      said.slice(0, 2),
      before.slice(1, 3).map((line) => line.text),
    );
    const rest = lines.findIndex((line) => line.text === 'a short line');
    assert.deepEqual(
      said.slice(-lines.slice(rest).length),
      lines.slice(rest).map((line) => line.text),
    );
  });

  it('is said as it is split today once it begins again', () => {
    const { place } = saidFrom({ poem: fingerprints(before), next: 2, ahead: [] }, lines);
    const { said } = saidFrom(startOf(place.poem), lines);
    assert.deepEqual(
      said,
      lines.map((line) => line.text),
    );
  });

  it('may be edited at the same time', () => {
    const poem = fingerprints(before);
    const fixed = text
      .replace('a short line', 'a longer line')
      .replace('He was the best', 'He was the very best');
    const { said } = saidFrom(
      { poem, next: 1, ahead: [] },
      splitPoem(fixed, { unit: 'line', rules: rulesOfX }),
    );
    assert.equal(bare([before[0]?.text ?? '', ...said]), bare([fixed]));
    // The line it is in the middle of, where that is still to come.
    const end = text.replace('that was It.', 'that was all.');
    const { said: rest } = saidFrom(
      { poem, next: 1, ahead: [] },
      splitPoem(end, { unit: 'line', rules: rulesOfX }),
    );
    assert.equal(bare([before[0]?.text ?? '', ...rest]), bare([end]));
  });

  it('keeps what was done ahead', () => {
    const at = before.findIndex((line) => line.text === 'a short line');
    const { said } = saidFrom({ poem: fingerprints(before), next: 0, ahead: [at] }, lines);
    assert.equal(bare(said), bare([text.replace('a short line', '')]));
  });

  it('is lost where it has become another poem', () => {
    const other = splitPoem([long('You'), long('They'), 'the end'].join('\n'), {
      unit: 'line',
      rules: rulesOfX,
    });
    assert.equal(
      readingOf({ poem: fingerprints(before), next: 2, ahead: [] }, other, rulesOfX).place,
      undefined,
    );
  });

  it('is not split again once it is known as it is split today', () => {
    const place = { poem: fingerprints(lines), next: 2, ahead: [] };
    assert.deepEqual(readingOf(place, lines, rulesOfX), { lines, poem: place.poem, place });
  });

  it('may be read in stanzas', () => {
    const stanza = [long('It'), 'a short line', 'another one', long('She')].join('\n');
    const posts = olderSplit(stanza).map((piece) => ({ text: piece, at: 1 }));
    const today = splitPoem(stanza, { unit: 'stanza', rules: rulesOfX });
    for (let next = 0; next <= posts.length; next++) {
      const { said } = saidFrom({ poem: fingerprints(posts), next, ahead: [] }, today);
      assert.equal(bare([...posts.slice(0, next).map((post) => post.text), ...said]), bare([stanza]));
    }
  });

  it('is said whole whatever it says, wherever its bot is, however often flockd is upgraded', () => {
    const word = fc.oneof(
      fc.string({ unit: fc.constantFrom(...Array.from('abcdef')), minLength: 1, maxLength: 12 }),
      fc.constantFrom(
        'so,',
        'on;',
        'end.',
        'It',
        '\u2764\ufe0f\u200d\u{1f525}',
        'night\u2014and',
        '\u96e8\u98a8',
      ),
    );
    const row = fc.array(word, { minLength: 1, maxLength: 150 }).map((words) => words.join(' '));
    const poem = fc.array(row, { minLength: 1, maxLength: 6 }).map((rows) => rows.join('\n'));
    fc.assert(
      fc.property(poem, fc.nat(), (written, where) => {
        const known = older(written);
        const next = where % (known.length + 1);
        const done = known.slice(0, next).map((line) => line.text);
        const { said } = saidFrom(
          { poem: fingerprints(known), next, ahead: [] },
          splitPoem(written, { unit: 'line', rules: rulesOfX }),
        );
        assert.equal(bare([...done, ...said]), bare([written]));
      }),
      { numRuns: 200 },
    );
  });
});
