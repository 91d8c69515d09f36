import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { olderSplit, splitPoem, type Unit } from '../../src/poems/poem.ts';
import { fitsInPost, rulesOfX } from '../../src/poems/tweet-text.ts';

const isValid = fitsInPost;
const textsOf = (poem: string, unit: Unit = 'line'): string[] =>
  splitPoem(poem, { unit, rules: rulesOfX }).map(({ text }) => text);

describe('the lines of a poem', () => {
  const cases: [name: string, poem: string, lines: [at: number, text: string][]][] = [
    ['nothing', '', []],
    ['one line without an end', 'Lamp', [[1, 'Lamp']]],
    [
      'ends of every kind',
      'a\nb\r\nc\rd',
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
        [4, 'd'],
      ],
    ],
    [
      'blank lines',
      '\n \n\t\na\n\u00a0\u3000\n\nb\n',
      [
        [4, 'a'],
        [7, 'b'],
      ],
    ],
    [
      'lines of characters nobody sees',
      'a\n\u200b\n\u200d\u2060\n\u00ad\nb',
      [
        [1, 'a'],
        [5, 'b'],
      ],
    ],
    ['inner and outer space', '  far   out  ', [[1, '  far   out  ']]],
    [
      'a CR before a CRLF',
      'a\r\r\nb',
      [
        [1, 'a'],
        [3, 'b'],
      ],
    ],
    ['a line that is not ended by other separators', 'a\u2028b\u0085c', [[1, 'a\u2028b\u0085c']]],
    ['280 letters', 'x'.repeat(280), [[1, 'x'.repeat(280)]]],
    [
      'a line of 281',
      `a\n${'x'.repeat(140)} ${'y'.repeat(140)}`,
      [
        [1, 'a'],
        [2, 'x'.repeat(140)],
        [2, 'y'.repeat(140)],
      ],
    ],
    [
      'a word of 281',
      'x'.repeat(281),
      [
        [1, 'x'.repeat(141)],
        [1, 'x'.repeat(140)],
      ],
    ],
    ['the end of a DOS file', 'a\r\n\u001a', [[1, 'a']]],
    [
      '140 emoji that are younger than 2018',
      '\u2764\ufe0f\u200d\u{1f525}'.repeat(140),
      [[1, '\u2764\ufe0f\u200d\u{1f525}'.repeat(140)]],
    ],
  ];
  for (const [name, poem, lines] of cases) {
    it(`reads ${name}`, () => {
      assert.deepEqual(
        splitPoem(poem, { unit: 'line', rules: rulesOfX }).map(({ text, at }) => ({ text, at })),
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
    [
      'stanzas',
      'a\nb\n\nc\nd\n',
      [
        [1, 'a\nb'],
        [4, 'c\nd'],
      ],
    ],
    [
      'several blank lines, and some at both ends',
      '\n\na\n\n\u200b\n\nb\n\n',
      [
        [3, 'a'],
        [7, 'b'],
      ],
    ],
    [
      'other line ends',
      'a\r\nb\r\rc',
      [
        [1, 'a\nb'],
        [4, 'c'],
      ],
    ],
    [
      'a stanza that is too heavy',
      `${'x'.repeat(200)}\n${'y'.repeat(79)}\n${'z'.repeat(80)}`,
      [
        [1, 'x'.repeat(200)],
        [2, `${'y'.repeat(79)}\n${'z'.repeat(80)}`],
      ],
    ],
    [
      'a line of a stanza that is too heavy',
      `a\n${'x'.repeat(281)}\nb`,
      [
        [1, `a\n${'x'.repeat(141)}`],
        [2, `${'x'.repeat(140)}\nb`],
      ],
    ],
  ];
  for (const [name, poem, lines] of cases) {
    it(`reads ${name}`, () => {
      assert.deepEqual(
        splitPoem(poem, { unit: 'stanza', rules: rulesOfX }).map(({ text, at }) => ({ text, at })),
        lines.map(([at, text]) => ({ text, at })),
      );
    });
  }
});

describe('any row that is too heavy for one post', () => {
  const word = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.string({
        unit: fc.constantFrom(...Array.from('abcdefgh,;:.\u00e9\u00df')),
        minLength: 1,
        maxLength: 14,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.string({
        unit: fc.constantFrom('\u96e8', '\u98a8', '\ud55c', '\u3072'),
        minLength: 1,
        maxLength: 40,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '\u{1f426}',
        '\u{1f469}\u200d\u{1f33e}',
        '\u{1f1f3}\u{1f1ff}',
        'caf\u00e9',
        'cafe\u0301',
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom('https://example.com/a/long/way/round', 'sky.is', '(see example.org/x)'),
    },
    { weight: 1, arbitrary: fc.integer({ min: 281, max: 700 }).map((length) => 'x'.repeat(length)) },
  );
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

describe('the breaks of a long line', () => {
  const filler = (length: number): string => 'word '.repeat(60).slice(0, length).trimEnd();
  const cases: [name: string, first: string, second: string][] = [
    ['the end of a sentence', `${filler(150)}, and so. It`, `${filler(120)}; ${filler(60)}`],
    ['the end of one that is closed by quotes', `${filler(160)}; \u201cso.\u201d`, `It ${filler(150)}`],
    ['a semicolon', `${filler(150)}, and on;`, `${filler(120)}, ${filler(60)}`],
    ['a colon', `${filler(150)}:`, `and ${filler(140)}`],
    ['a dash', `${filler(150)} \u2014`, `and ${filler(140)}`],
    ['a dash between words', `${filler(150)}\u2014`, `and ${filler(140)}`],
    ['two hyphens', `${filler(150)}--`, `and ${filler(140)}`],
    ['a comma', `${filler(150)},`, `and ${filler(140)}`],
  ];
  for (const [name, first, second] of cases) {
    it(`are at ${name}`, () => {
      const isDash = /[\u2014-]$/.test(first) && name !== 'a dash';
      const [one, other] = textsOf(`${first}${isDash ? '' : ' '}${second}`);
      assert.equal(one, name === 'the end of a sentence' ? first.slice(0, -3) : first);
      assert.equal(`${one}${isDash ? '' : ' '}${other}`, `${first}${isDash ? '' : ' '}${second}`);
    });
  }

  it('are at no stop that ends no sentence', () => {
    assert.equal(
      textsOf(`${filler(140)} Mr. Smith went; ${filler(150)}`)[0],
      `${filler(140)} Mr. Smith went;`,
    );
    assert.equal(
      textsOf(`${filler(140)} \u201cgo!\u201d she said; ${filler(140)}`)[0],
      `${filler(140)} \u201cgo!\u201d she said;`,
    );
  });

  it('follow the stops of Chinese and Japanese, and never part what closes', () => {
    const [first = '', second = ''] = textsOf(`${'\u96e8'.repeat(80)}\u3002\u300d${'\u98a8'.repeat(90)}`);
    assert.deepEqual([first.at(-1), second[0]], ['\u300d', '\u98a8']);
  });

  it('leave no orphan where they need not', () => {
    const pieces = textsOf(`${filler(279)}. And the sea.`);
    assert.equal(pieces.length, 2);
    for (const piece of pieces) assert.ok(piece.length >= 35, piece);
  });

  it('are never worse than those of older versions: no more posts, and none lighter where that can be', () => {
    const word = fc.oneof(
      fc.string({ unit: fc.constantFrom(...Array.from('abcdef')), minLength: 1, maxLength: 12 }),
      fc.constantFrom('so,', 'on;', 'end.', 'It', '\u2014', 'caf\u00e9', '\u201cgo!\u201d', 'night\u2014and'),
    );
    const rows = fc.array(word, { minLength: 30, maxLength: 160 }).map((words) => words.join(' '));
    fc.assert(
      fc.property(rows, (row) => {
        const [now, before] = [textsOf(row), olderSplit(row)];
        assert.ok(now.length <= before.length, `${now.length} posts, and there were ${before.length}`);
        const lightest = (all: string[]): number => Math.min(...all.map((text) => text.length));
        if (now.length === before.length && now.length > 1)
          assert.ok(lightest(now) >= Math.min(35, lightest(before)), JSON.stringify(now));
      }),
      { numRuns: 100 },
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
