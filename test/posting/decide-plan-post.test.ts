import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fingerprints } from '../../src/ledger/state.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { type PlannedPost, planPost } from '../../src/posting/decide.ts';

const texts = ['rain', 'x'.repeat(200), 'y'.repeat(200), 'tin'];
const lines = texts.map((text) => ({ text }));
const poem = fingerprints(lines);
const one = (line: number): PlannedPost => ({ line, lines: 1, text: texts[line] ?? '' });

describe('what is posted next', () => {
  const cases: [
    name: string,
    next: number,
    ahead: number[],
    join: boolean,
    planned: PlannedPost | undefined,
  ][] = [
    ['the first line', 0, [], false, one(0)],
    ['the last line', 3, [], false, one(3)],
    ['nothing at the end', 4, [], false, undefined],
    [
      'a refrain with the line after it',
      0,
      [],
      true,
      { line: 0, lines: 2, text: `rain\n${'x'.repeat(200)}` },
    ],
    ['a refrain alone where both are too heavy for a post', 1, [], true, one(1)],
    ['a refrain alone where the line after it is done', 0, [1], true, one(0)],
    ['a refrain alone at the end', 3, [], true, one(3)],
    ['nothing at the end for a refrain', 4, [], true, undefined],
  ];
  for (const [name, next, ahead, join, planned] of cases) {
    it(`is ${name}`, () => {
      assert.deepEqual(
        planPost({ poem, next, ahead }, lines, { joinRefrain: join, rules: rulesOfX }),
        planned,
      );
    });
  }
});
