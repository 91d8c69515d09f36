import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { usualPrices } from '../../src/cost.ts';
import { findSharedTexts, lintPoem, type Pace } from '../../src/poems/lint.ts';
import { splitPoem, type Unit } from '../../src/poems/poem.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';

const hour = 3_600_000;
const daily: Pace = {
  every: 24 * hour,
  remembers: { surely: 12 * hour, maybe: 168 * hour },
  refrain: 'join',
  atEnd: 'stop',
};

interface Given {
  unit?: Unit;
  pace?: Partial<Pace>;
  prices?: Partial<typeof usualPrices>;
}

/** `3 link: what it says` for each lint of a poem. */
function lints(rows: readonly string[], { unit = 'line', pace, prices }: Given = {}): string[] {
  const split = { unit, rules: rulesOfX };
  const options = { ...split, prices: { ...usualPrices, ...prices }, pace: { ...daily, ...pace } };
  const found = lintPoem(splitPoem(rows.join('\n'), split), options);
  return found.map(({ code, line, message }) => `${line} ${code}: ${message}`);
}

const codes = (rows: readonly string[], given?: Given): string[] =>
  lints(rows, given).map((lint) => lint.split(':')[0] ?? '');

const long = Array.from({ length: 60 }, (_, n) => `word${n}`).join(' ');

describe('what X will make of a poem', () => {
  const quiet = [
    'A line.',
    'It ends... here',
    'e.g. this, 3.14 or $5 and 100 % #1',
    'me@example.com',
    'No.5, p.m.',
  ];
  it('is nothing to speak of where it is words', () => {
    assert.deepEqual(lints(quiet), []);
  });

  const entities: [row: string, codes: string[]][] = [
    ['all night.It rained', ['accidental-link']],
    ['sky.is falling', ['accidental-link']],
    ['example.com', ['accidental-link']],
    ['see https://example.com', ['link']],
    ['see www.example.com', ['link']],
    ['see example.com/poems', ['link']],
    ['for @bob', ['mention']],
    ['for ＠bob', ['mention']],
    ['the #moon', ['hashtag']],
    ['the ＃moon', ['hashtag']],
    ['$AAPL', ['cashtag']],
    ['$AAPL and $TSLA', ['cashtag']],
    ['@bob, the #moon and night.It', ['mention', 'hashtag', 'accidental-link']],
    ['https://example.com/@bob#moon', ['link']],
    [' a space', ['leading-space']],
    ['\u3000一', ['leading-space']],
    [long, ['split']],
  ];
  for (const [row, expected] of entities) {
    it(`${JSON.stringify(row.slice(0, 40))} has ${expected.join(', ')}`, () => {
      assert.deepEqual(
        codes(['first', '', row]),
        expected.map((code) => `3 ${code}`),
      );
    });
  }

  it('prices a link by the table', () => {
    assert.deepEqual(lints(['night.It']), [
      '1 accidental-link: night.It is a link to X: it counts 23, and the post may cost $0.20 in place of $0.015, 13 times as much; a space after the full stop would mend it',
    ]);
    assert.match(
      lints(['night.It'], { prices: { linkPost: 0.03 } })[0] ?? '',
      /\$0\.03 in place of \$0\.015, 2 times/,
    );
    assert.match(
      lints(['night.It'], { prices: { post: 0 } })[0] ?? '',
      /may cost \$0\.20 in place of \$0\.00; /,
    );
    assert.match(
      lints(['https://a.io b.io/x'], { prices: { post: 0.2 } })[0] ?? '',
      /are links: each counts 23, and the post costs \$0\.20, as any other/,
    );
  });

  it('says what X does with the second cashtag, in a stanza too', () => {
    assert.match(lints(['$AAPL'])[0] ?? '', /takes one in a post$/);
    const stanza = lints(['$AAPL up', '$TSLA down'], { unit: 'stanza' });
    assert.deepEqual(
      stanza.map((lint) => lint.slice(0, 9)),
      ['1 cashtag', '2 cashtag'],
    );
    for (const lint of stanza) assert.match(lint, /there are 2 in one post: X refuses more than one/);
  });

  it('says where a line breaks', () => {
    assert.deepEqual(lints([long]), [
      '1 split: this line is too long for one post and makes 2: it breaks before “word31 word32 word33…”',
    ]);
    assert.match(lints([`${long} ${long} ${long} ${long}`])[0] ?? '', /makes 6: .*, …$/);
  });

  it('says where a stanza breaks, and leaves the next one alone', () => {
    const rows = ['one', long.slice(0, 200), long.slice(0, 200), '', 'two'];
    assert.deepEqual(lints(rows, { unit: 'stanza' }), [
      '1 split: this stanza is too long for one post and makes 2: it breaks before line 3, “word0 word1 word2…”',
    ]);
  });

  it('counts the rows of a stanza as the file does', () => {
    assert.deepEqual(codes(['a', '', 'b', 'c #moon', ' d @bob'], { unit: 'stanza' }), [
      '4 hashtag',
      '5 mention',
    ]);
  });
});

describe('refrains', () => {
  it('are told with their place and how soon they come', () => {
    assert.deepEqual(
      lints(['oh', 'a', ' oh', 'b', 'oh']).filter((lint) => lint.includes('refrain')),
      [
        '3 refrain: repeats line 1, about 2 days after it: X may refuse it, and then it goes into one post with the line after it',
        '5 refrain: repeats line 3, about 2 days after it: X may refuse it, and then it waits until X takes it (it is the last line)',
      ],
    );
  });

  it('are the same line in another normal form', () => {
    assert.deepEqual(codes(['é', 'e\u0301']), ['2 refrain']);
  });

  const policies: [refrain: Pace['refrain'], fate: RegExp][] = [
    ['join', /then it goes into one post with the line after it$/],
    ['defer', /then it waits until X takes it$/],
    ['skip', /then it is passed over$/],
  ];
  for (const [refrain, fate] of policies) {
    it(`are told what ${refrain} does`, () => {
      const [lint = ''] = lints(['oh', 'oh', 'a'], { pace: { refrain, every: hour } });
      assert.match(lint, /^2 refrain: repeats line 1, about 60 minutes after it: X will probably refuse it/);
      assert.match(lint, fate);
    });
  }

  it('cannot be told how soon they come where there is one slot', () => {
    assert.match(
      lints(['oh', 'oh'], { pace: { every: undefined } })[0] ?? '',
      /repeats line 1: X may refuse it/,
    );
  });

  it('come when a poem begins again too soon', () => {
    const pace = { every: hour, atEnd: 'loop' } as const;
    const rows = Array.from({ length: 11 }, (_, n) => `line ${n}`);
    assert.deepEqual(lints(rows, { pace }), [
      '1 refrain: the poem begins again about 11 hours after it began: X will probably refuse it, and then it goes into one post with the line after it',
    ]);
    assert.deepEqual(lints([...rows, 'line 11'], { pace }), [
      '1 refrain: the poem begins again about 12 hours after it began: X may refuse it, and then it goes into one post with the line after it',
    ]);
    assert.match(
      lints([...rows, 'line 11', 'line 0'], { pace })[1] ?? '',
      /^1 refrain: when the poem begins again, repeats line 13, about 60 minutes after it: X will probably/,
    );
  });

  it('are held to one rule inside a poem and where it begins again', () => {
    const rows = Array.from({ length: 30 }, (_, n) => `line ${n}`);
    const says = (days: number): (string | undefined)[] => {
      const inside = lints([...rows.slice(0, days), 'line 0']);
      const again = lints(rows.slice(0, days), { pace: { atEnd: 'loop' } });
      return [inside, again].map(([lint = '']) => / (will probably|may) refuse/.exec(lint)?.[1]);
    };
    assert.deepEqual([1, 4, 7, 8, 30].map(says), [
      ['may', 'may'],
      ['may', 'may'],
      ['may', 'may'],
      [undefined, undefined],
      [undefined, undefined],
    ]);
    assert.deepEqual(lints([...rows, 'line 0']), ['31 refrain: repeats line 1, about 30 days after it']);
    assert.deepEqual(lints(rows, { pace: { atEnd: 'loop' } }), []);
  });

  it('say why they cannot be joined', () => {
    const why = (...rows: string[]): string | undefined =>
      /\((.*)\)$/.exec(lints(rows, { pace: { every: hour } }).at(-1) ?? '')?.[1];
    assert.equal(why('oh', 'a', 'oh'), 'it is the last line');
    assert.equal(why('oh', 'oh', 'x'.repeat(279)), 'the line after it does not fit into its post');
    assert.match(lints(['oh'], { pace: { atEnd: 'loop' } })[0] ?? '', /\(it is the only line\)$/);
  });
});

describe('control characters', () => {
  it('are named with their line, which is posted without them', () => {
    assert.deepEqual(lints(['a', 'ring\u0007 the bell', 'last\u001a']), [
      '2 control-character: holds the control character U+0007 (BEL), and is posted without it',
      '3 control-character: holds the control character U+001A (^Z, the end of a DOS file), and is posted without it',
    ]);
    assert.match(
      lints(['\u001b[31mred\u001b[0m\u0008'])[0] ?? '',
      /holds the control characters U\+001B \(ESC\), U\+0008 \(backspace\), and is posted without them$/,
    );
    assert.deepEqual(lints(['a\tb']), []);
  });

  it('tell of a file that was converted as Latin-1 and was not', () => {
    assert.match(
      lints(['\u0093Come in,\u0094 she said'])[0] ?? '',
      /U\+0093, U\+0094.*iconv -f windows-1252/,
    );
  });

  it('are named in the row of a stanza that they are in', () => {
    assert.match(lints(['a', 'b\u0007', 'c'], { unit: 'stanza' })[0] ?? '', /^2 control-character/);
  });
});

describe('one text carried by two bots', () => {
  const shared = (poems: Record<string, string[]>): string[] =>
    findSharedTexts(
      Object.entries(poems).map(([bot, rows]) => ({
        bot,
        file: `poems/${bot}.txt`,
        lines: splitPoem(rows.join('\n'), { unit: 'line', rules: rulesOfX }),
      })),
    ).map(({ bot, code, file, line, message }) => `${bot} ${code} ${file}:${line}: ${message}`);

  it('is told once for each pair, with the first place and how many there are', () => {
    const rows = ['a', 'b', 'oh', 'oh', 'c'];
    assert.deepEqual(shared({ ada: rows, bea: ['x', ' b ', 'oh', 'oh', 'c'], cid: ['y', 'x'] }), [
      'bea shared-text poems/bea.txt:2: ada has this text too (poems/ada.txt:2), and 2 more of this poem: X forbids one text on two accounts',
      'cid shared-text poems/cid.txt:2: bea has this text too (poems/bea.txt:1): X forbids one text on two accounts',
    ]);
  });

  it('is no refrain', () => {
    assert.deepEqual(shared({ ada: ['oh', 'oh'], bea: ['a'] }), []);
  });

  it('makes no more pairs than there are bots where all have one poem', () => {
    const poems = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`bot-${n}`, ['a', 'b']]));
    assert.equal(shared(poems).length, 199);
  });
});
