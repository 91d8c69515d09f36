import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fingerprints, type Cursor } from '../../src/ledger/state.ts';
import { type Line, olderSplit, splitPoem } from '../../src/poems/poem.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { foundSince, placeByTimeline, type ReplayOptions } from '../../src/posting/replay.ts';

const linesOf = (texts: string[]): Line[] => texts.map((text, index) => ({ text, at: index + 1 }));

const poem = ['la', 'one', 'la', 'two', 'three'];
const known = fingerprints(linesOf(poem));
const placeAt = (next: number, ahead: number[] = []): Cursor => ({ poem: known, next, ahead });

const look = { bot: 'howl', at: 9000 };

/** What is found among these texts by a bot that knows of so many lines, as `line` or `line+1` for two. */
function found(
  next: number,
  texts: string[],
  more: Partial<ReplayOptions> & { ahead?: number[] } = {},
): string[] {
  const { ahead, ...rest } = more;
  const timeline = texts.map((text, index) => ({ id: String(index), text }));
  const memory = {
    ...look,
    state: { place: placeAt(next, ahead) },
    lines: linesOf(poem),
    rules: rulesOfX,
    timeline,
    atEnd: 'stop',
    ...rest,
  } as const;
  return foundSince(memory).map(({ line, lines, before }) => {
    const words = before.map((event) => {
      if (event.event === 'edited') return `at ${event.next} of the new poem`;
      return event.event === 'skipped' ? `without ${event.line}` : event.event;
    });
    // What was passed over in the pass of the post comes last.
    const own = words.findLastIndex((word) => !word.startsWith('without')) + 1;
    return [...words.slice(0, own), `${line}${lines === 2 ? '+1' : ''}`, ...words.slice(own)].join(' ');
  });
}

describe('what a restored bot has posted since', () => {
  const cases: [name: string, found: string[], expected: string[]][] = [
    ['nothing', found(2, []), []],
    ['the next lines', found(1, ['one', 'la', 'two']), ['1', '2', '3']],
    ['a refrain after the first of it', found(0, ['la', 'one', 'la']), ['0', '1', '2']],
    ['a refrain that was joined', found(1, ['one', 'la\ntwo', 'three']), ['1', '2+1', '4']],
    ['a refrain that was left out', found(1, ['one', 'two']), ['1', '3 without 2']],
    ['a line that was changed since', found(1, ['won', 'la', 'two']), ['2 without 1', '3']],
    ['no post of somebody else', found(1, ['hello', 'one', 'hello']), ['1']],
    ['no line before its place', found(4, ['one', 'two']), []],
    ['nothing after the end', found(5, ['la', 'one']), []],
    ['the next pass', found(4, ['three', 'la', 'one'], { atEnd: 'loop' }), ['4', 'again 0', '1']],
    ['no next pass where it stops', found(3, ['one']), []],
    [
      'the next pass, after the last lines of this were left out',
      found(3, ['one'], { atEnd: 'loop' }),
      ['without 3 without 4 again 1 without 0'],
    ],
    ['this pass rather than the next', found(2, ['la', 'two'], { atEnd: 'loop' }), ['2', '3']],
    ['no line that was done ahead', found(1, ['one', 'two'], { ahead: [3] }), ['1']],
    ['nothing joined with a line that was done ahead', found(2, ['la\ntwo'], { ahead: [3] }), []],
    [
      'a refrain that was joined, where the poem is another one by now',
      found(1, ['one', 'la\ntwo', 'three'], { lines: linesOf([...poem, 'four']) }),
      ['1', '2+1', '4'],
    ],
  ];
  for (const [name, is, expected] of cases) {
    it(`is ${name}`, () => {
      assert.deepEqual(is, expected);
    });
  }

  const edits: [name: string, found: string[], expected: string[]][] = [
    [
      'a line as it read before it was changed',
      found(1, ['one', 'la'], { lines: linesOf(poem.with(1, 'won')) }),
      ['1', '2'],
    ],
    [
      'a line as it reads since it was changed',
      found(1, ['won', 'la'], { lines: linesOf(poem.with(1, 'won')) }),
      ['at 1 of the new poem 1', '2'],
    ],
    [
      'no twin of a line that was changed',
      found(0, ['la', 'one'], { lines: linesOf(poem.with(0, 'lo')) }),
      ['0', '1'],
    ],
    [
      'a line that was added at the end',
      found(4, ['three', 'four'], { lines: linesOf([...poem, 'four']) }),
      ['4', 'at 5 of the new poem 5'],
    ],
    [
      'a line that was added after it had come to the end',
      found(5, ['four'], { lines: linesOf([...poem, 'four']) }),
      ['at 5 of the new poem 5'],
    ],
    [
      'the next pass of a poem that was changed',
      found(4, ['three', 'lo', 'one'], { lines: linesOf(poem.with(0, 'lo')), atEnd: 'loop' }),
      ['4', 'at 5 of the new poem again 0', '1'],
    ],
    [
      'what the old poem says where its place in the new one is lost',
      found(1, ['one', 'sun', 'la'], { lines: linesOf(['sun', 'moon', 'star']) }),
      ['1', '2'],
    ],
  ];
  for (const [name, is, expected] of edits) {
    it(`is, where the poem was edited, ${name}`, () => {
      assert.deepEqual(is, expected);
    });
  }

  it('is a poem that was split otherwise when it was saved, and that is split anew since', () => {
    const long = (name: string): string =>
      `${`${name} was the best, it was the worst; `.repeat(15)}and so on.`;
    const rows = [long('It'), 'a short line', long('She')];
    const [older, today] = [
      rows.map(olderSplit),
      rows.map((row) => splitPoem(row, { unit: 'line', rules: rulesOfX })),
    ];
    const known = fingerprints(linesOf(older.flat()));
    const said = [...(older[0] ?? []).slice(1), 'a short line', ...(today[2] ?? []).map(({ text }) => text)];
    const posts = foundSince({
      ...look,
      state: { place: { poem: known, next: 1, ahead: [] } },
      rules: rulesOfX,
      lines: splitPoem(rows.join('\n'), { unit: 'line', rules: rulesOfX }),
      timeline: said.map((text, index) => ({ id: String(index), text: text.replaceAll(' ', ' \u200b') })),
      atEnd: 'stop',
    });
    assert.deepEqual(
      posts.map(({ line }) => line),
      said.map((_, index) => index + 1),
    );
    assert.deepEqual(
      posts.flatMap(({ before }) => before.map((event) => [event.event, 'next' in event && event.next])),
      [['edited', (older[0]?.length ?? 0) + 1]],
    );
  });

  it('tells how the bot has come there, poem and all', () => {
    const lines = linesOf(poem.with(0, 'lo'));
    const changed = fingerprints(lines);
    const found = foundSince({
      ...look,
      state: { place: placeAt(5) },
      lines,
      rules: rulesOfX,
      timeline: ['lo', 'one'].map((text, index) => ({ id: String(index), text })),
      atEnd: 'loop',
    });
    assert.deepEqual(
      found.map(({ before }) => before),
      [
        [
          { event: 'edited', ...look, poem: changed, next: 5, ahead: [] },
          { event: 'again', ...look, poem: changed },
        ],
        [],
      ],
    );
  });

  it('is not its last post, where nobody knows the id of that', () => {
    const last = { at: 0, line: 0 };
    assert.deepEqual(found(1, ['la', 'one'], { state: { place: placeAt(1), last } }), ['1']);
    assert.deepEqual(found(1, ['one'], { state: { place: placeAt(1), last } }), ['1']);
  });
});

describe('the line that comes next, by the timeline of an account alone', () => {
  const song = ['a', 'la', 'b', 'la', 'c', 'la', 'la', 'd'];
  const settings = { atEnd: 'loop', refrain: 'join' } as const;
  const at = (posts: string[], lines = song, own: Partial<Parameters<typeof placeByTimeline>[2]> = {}) =>
    placeByTimeline(
      linesOf(lines),
      posts.map((text, index) => ({ id: String(index), text })),
      { ...settings, ...own },
    );
  const rows: [name: string, posts: string[], expected: number | 'not there' | 'unclear'][] = [
    ['no post', [], 'not there'],
    ['no post of the poem', ['hello', 'good morning'], 'not there'],
    ['the first line', ['a'], 1],
    ['a line after it', ['a', 'la', 'b'], 3],
    ['a line, with the post of a person after it', ['a', 'la', 'b', 'thank you all'], 3],
    ['a line, with the post of a person before it', ['a', 'hello', 'la', 'b'], 3],
    ['the last line', ['la', 'd'], 8],
    ['a refrain alone', ['la'], 'unclear'],
    ['a refrain after a line', ['b', 'la'], 4],
    ['a refrain after another line', ['c', 'la'], 6],
    ['a refrain twice after a line', ['c', 'la', 'la'], 7],
    ['a refrain twice', ['la', 'la'], 7],
    ['a refrain after what cannot be before it', ['d', 'la'], 'unclear'],
    ['a refrain that was joined with its follower', ['a', 'la\nb'], 3],
    ['a second pass', ['la', 'd', 'a'], 1],
    ['a poem that was sent back by a person', ['c', 'la', 'la', 'd', 'a', 'la'], 2],
  ];
  for (const [name, posts, expected] of rows)
    it(`${typeof expected === 'number' ? `is ${expected + 1}` : `is ${expected}`} after ${name}`, () => {
      assert.equal(at(posts), expected);
    });

  it('is unclear where every line is the same', () => {
    assert.equal(at(['x', 'x'], ['x', 'x', 'x', 'x']), 'unclear');
  });

  const verse = ['rose', 'rain', 'rain', 'rose', 'rain'];

  it('is told of a poem that does not begin again without what would come before its first line', () => {
    assert.equal(at(['rose', 'rain', 'rose', 'rain'], verse), 2);
    assert.equal(at(['rain', 'rose', 'rain'], verse, { atEnd: 'stop' }), 5);
  });

  it('may come after lines that X refused as repetitions, where the bot passes over them', () => {
    const own = { atEnd: 'stop', refrain: 'skip' } as const;
    assert.equal(at(['rose', 'rain', 'rose', 'rain'], verse, own), 5);
    assert.equal(at(['rose', 'rain'], verse, own), 'unclear');
  });

  it('is the first one again after the only line of a poem', () => {
    assert.equal(at(['x'], ['x']), 1);
  });
});
