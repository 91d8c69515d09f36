import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import twitterText from 'twitter-text';
import { splitPoem, type Unit } from '../../src/poems/split-poem.ts';

const isValid = (text: string): boolean => twitterText.parseTweet(text).valid;
const textsOf = (poem: string, unit: Unit = 'line'): string[] =>
  splitPoem(poem, unit).map(({ text }) => text);

describe('the lines of a poem', () => {
  const cases: [name: string, poem: string, lines: [at: number, text: string][]][] = [
    ['nothing', '', []],
    ['one line without an end', 'Lamp', [[1, 'Lamp']]],
    ['ends of every kind', 'a\nb\r\nc\rd', [[1, 'a'], [2, 'b'], [3, 'c'], [4, 'd']]],
    ['blank lines', '\n \n\t\na\n\u00a0\u3000\n\nb\n', [[4, 'a'], [7, 'b']]],
    ['lines of characters nobody sees', 'a\n\u200b\n\u200d\u2060\n\u00ad\nb', [[1, 'a'], [5, 'b']]],
    ['inner and outer space', '  far   out  ', [[1, '  far   out  ']]],
    ['a CR before a CRLF', 'a\r\r\nb', [[1, 'a'], [3, 'b']]],
    ['a line that is not ended by other separators', 'a\u2028b\u0085c', [[1, 'a\u2028b\u0085c']]],
    ['280 letters', 'x'.repeat(280), [[1, 'x'.repeat(280)]]],
    ['a line of 281', `a\n${'x'.repeat(140)} ${'y'.repeat(140)}`, [[1, 'a'], [2, 'x'.repeat(140)], [2, 'y'.repeat(140)]]],
    ['a word of 281', 'x'.repeat(281), [[1, 'x'.repeat(280)], [1, 'x']]],
  ]; // prettier-ignore
  for (const [name, poem, lines] of cases) {
    it(`reads ${name}`, () => {
      assert.deepEqual(
        splitPoem(poem, 'line'),
        lines.map(([at, text]) => ({ text, at })),
      );
    });
  }

  it('breaks an overlong word between characters a reader sees, not within them', () => {
    const farmer = '\u{1f469}\u200d\u{1f33e}';
    const pieces = textsOf(farmer.repeat(300));
    assert.equal(pieces.join(''), farmer.repeat(300));
    for (const piece of pieces) assert.equal(piece.length % farmer.length, 0);
  });

  it('breaks even a character with more accents than a post holds', () => {
    const pieces = textsOf(`a${'\u0301'.repeat(600)}`);
    assert.equal(pieces.join(''), `a${'\u0301'.repeat(600)}`);
    for (const piece of pieces) assert.ok(isValid(piece), `${piece.length} characters`);
  });

  it('gives a long poem in a moment', () => {
    const poem = `${'word '.repeat(20_000)}\n${'z'.repeat(20_000)}`;
    const pieces = textsOf(poem);
    assert.equal(pieces.length, Math.ceil(20_000 / 56) + Math.ceil(20_000 / 280));
  });
});

describe('the stanzas of a poem', () => {
  const cases: [name: string, poem: string, lines: [at: number, text: string][]][] = [
    ['stanzas', 'a\nb\n\nc\nd\n', [[1, 'a\nb'], [4, 'c\nd']]],
    ['several blank lines, and some at both ends', '\n\na\n\n\u200b\n\nb\n\n', [[3, 'a'], [7, 'b']]],
    ['other line ends', 'a\r\nb\r\rc', [[1, 'a\nb'], [4, 'c']]],
    ['a stanza that is too heavy', `${'x'.repeat(200)}\n${'y'.repeat(79)}\n${'z'.repeat(80)}`, [[1, `${'x'.repeat(200)}\n${'y'.repeat(79)}`], [3, 'z'.repeat(80)]]],
    ['a line of a stanza that is too heavy', `a\n${'x'.repeat(281)}\nb`, [[1, 'a'], [2, 'x'.repeat(280)], [2, 'x\nb']]],
  ]; // prettier-ignore
  for (const [name, poem, lines] of cases) {
    it(`reads ${name}`, () => {
      assert.deepEqual(
        splitPoem(poem, 'stanza'),
        lines.map(([at, text]) => ({ text, at })),
      );
    });
  }
});

describe('any row that is too heavy for one post', () => {
  const word = fc.oneof(
    { weight: 6, arbitrary: fc.string({ unit: fc.constantFrom(...Array.from('abcdefgh,;-\u00e9\u00df')), minLength: 1, maxLength: 14 }) },
    { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom('\u96e8', '\u98a8', '\ud55c', '\u3072'), minLength: 1, maxLength: 40 }) },
    { weight: 2, arbitrary: fc.constantFrom('\u{1f426}', '\u{1f469}\u200d\u{1f33e}', '\u{1f1f3}\u{1f1ff}', 'caf\u00e9', 'cafe\u0301') },
    { weight: 1, arbitrary: fc.constantFrom('https://example.com/a/long/way/round', 'sky.is', '(see example.org/x)') },
    { weight: 1, arbitrary: fc.integer({ min: 281, max: 700 }).map((length) => 'x'.repeat(length)) },
  ); // prettier-ignore
  const space = fc.constantFrom(' ', ' ', ' ', '  ', '\t', '\u00a0', '\u3000', '   ');
  const row = fc
    .array(fc.tuple(space, word), { minLength: 5, maxLength: 40 })
    .map((parts) => parts.flat().join(''));

  const bare = (text: string): string => text.replaceAll(/\s+/gu, '');

  it('becomes posts that X takes, with every word in its order and none lost', () => {
    fc.assert(
      fc.property(row, (poem) => {
        const pieces = textsOf(poem);
        for (const piece of pieces) assert.ok(isValid(piece), JSON.stringify(piece));
        assert.equal(bare(pieces.join('')), bare(poem));
        const words = poem.split(/\s+/u).filter((w) => w !== '' && isValid(w));
        const found = new Set(pieces.flatMap((piece) => piece.split(/\s+/u)));
        for (const whole of words) assert.ok(found.has(whole), `${whole} was broken`);
      }),
      { numRuns: 60 },
    );
  });

  it('becomes as few posts as its break points allow', () => {
    fc.assert(
      fc.property(row, (poem) => {
        const words = poem.split(/\s+/u).filter((w) => isValid(w));
        assert.equal(textsOf(words.join(' ')).length, fewest(words));
      }),
      { numRuns: 40 },
    );
  });
});

/** The fewest posts words can be put into without breaking one: every way is tried. */
function fewest(words: readonly string[]): number {
  const best = [0];
  for (let end = 1; end <= words.length; end++) {
    let least = Infinity;
    for (let from = end - 1; from >= 0; from--) {
      const text = words.slice(from, end).join(' ');
      // The longest link here is 36 characters for a weight of 23, so nothing longer than this fits.
      if (text.length > 700) break;
      if (isValid(text)) least = Math.min(least, (best[from] ?? Infinity) + 1);
    }
    best.push(least);
  }
  return best.at(-1) ?? 0;
}
