import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { foundSince, type Memory } from '../../src/posting/found-since.ts';
import { fingerprints, type Place } from '../../src/posting/place.ts';

const poem = ['la', 'one', 'la', 'two', 'three'];
const fingerprinted = fingerprints(poem.map((text) => ({ text })));
const placeAt = (next: number, ahead: number[] = []): Place => ({ poem: fingerprinted, next, ahead });

/** What is found among these texts by a bot that knows of so many lines, as `line` or `line+1` for two. */
function found(next: number, texts: string[], more: Partial<Memory> & { ahead?: number[] } = {}): string[] {
  const { ahead, ...rest } = more;
  const timeline = texts.map((text, index) => ({ id: String(index), text }));
  const memory = {
    state: { place: placeAt(next, ahead) },
    texts: poem,
    timeline,
    atEnd: 'stop',
    ...rest,
  } as const;
  return foundSince(memory).map(({ line, lines, again, skipped }) =>
    [
      again ? 'again ' : '',
      `${line}${lines === 2 ? '+1' : ''}`,
      ...skipped.map((passed) => ` without ${passed}`),
    ].join(''),
  );
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
    ['no next pass before the end of this', found(3, ['one'], { atEnd: 'loop' }), []],
    ['no line that was done ahead', found(1, ['one', 'two'], { ahead: [3] }), ['1']],
    [
      'single lines where the poem is another one',
      found(1, ['one', 'la\ntwo', 'three'], { texts: undefined }),
      ['1', '4 without 2 without 3'],
    ],
  ];
  for (const [name, is, expected] of cases) {
    it(`is ${name}`, () => {
      assert.deepEqual(is, expected);
    });
  }

  it('is not its last post, where nobody knows the id of that', () => {
    const last = { at: 0, line: 0 };
    assert.deepEqual(found(1, ['la', 'one'], { state: { place: placeAt(1), last } }), ['1']);
    assert.deepEqual(found(1, ['one'], { state: { place: placeAt(1), last } }), ['1']);
  });
});
