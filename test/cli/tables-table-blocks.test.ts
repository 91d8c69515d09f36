import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Table from 'cli-table3';
import { tableLines } from '../../src/cli/tables.ts';

const style = { head: [], border: [], compact: true };
const parts = ['top', 'bottom', 'left', 'right', 'mid'];
const chars = Object.fromEntries(
  [...parts, ...parts.flatMap((part) => ['mid', 'left', 'right'].map((end) => `${part}-${end}`))].map(
    (part) => [part, ''],
  ),
);

const rows = (count: number): string[][] => [
  ['bot', 'account', 'files'],
  ...Array.from({ length: count }, (_, n) => [
    `bot-${n}`,
    '@夜'.repeat(n % 7),
    n % 3 === 0 ? 'poem\nbundle of it' : '',
  ]),
];

describe('a table drawn block by block', () => {
  for (const count of [0, 1, 31, 32, 33, 200])
    it(`is the table that cli-table3 draws at once (${count} rows)`, () => {
      const whole = new Table({ style, chars });
      for (const row of rows(count)) whole.push(row);
      const lines = whole.toString().split('\n');
      assert.deepEqual(
        tableLines({ style, chars }, rows(count)),
        lines.map((line) => line.trimEnd()),
      );
    });
});
