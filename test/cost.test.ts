import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import {
  inMicros,
  inUsd,
  parsePrices,
  readingCost,
  readPrices,
  showPrice,
  showUsd,
  usualPrices,
} from '../src/cost.ts';
import { FlockError } from '../src/errors.ts';
import { costOf } from '../src/posting/budget.ts';

const root = mkdtempSync(path.join(tmpdir(), 'prices-'));
after(() => {
  rmSync(root, { recursive: true });
});

describe('the price table', () => {
  it('is the program’s own where the flock has none, and the flock’s where it has one', async () => {
    assert.deepEqual(await readPrices(root), usualPrices);
    const own = { ...usualPrices, date: '2027-01-01', post: 0.02 };
    writeFileSync(path.join(root, 'prices.json'), `\ufeff${JSON.stringify(own)}`);
    assert.deepEqual(await readPrices(root), own);
  });

  const refused: [name: string, text: string, why: RegExp][] = [
    ['of another version', JSON.stringify({ ...usualPrices, version: 2 }), /prices\.json: version is not 1/],
    ['without a version', JSON.stringify({ ...usualPrices, version: undefined }), /prices\.json: version/],
    [
      'with a price below nothing',
      JSON.stringify({ ...usualPrices, post: -1 }),
      /post should not be negative/,
    ],
    ['with a price in cents', JSON.stringify({ ...usualPrices, linkPost: 20_000 }), /linkPost should be/],
    ['with a price in words', JSON.stringify({ ...usualPrices, post: '0.015' }), /post should be a number/],
    ['without a date', JSON.stringify({ ...usualPrices, date: 'August' }), /date should be a date/],
    ['with a price of something else', JSON.stringify({ ...usualPrices, like: 1 }), /has an unknown price/],
    ['that is no JSON', '{"version": 1', /not JSON/],
    ['that is no table', '[]', /prices\.json: not a table of prices$/],
    ['without a price', JSON.stringify({ ...usualPrices, post: undefined }), /prices\.json: post should be/],
  ];
  for (const [name, text, why] of refused) {
    it(`is refused: one ${name}`, () => {
      assert.throws(
        () => parsePrices(text),
        (error) => {
          assert.ok(error instanceof FlockError);
          assert.equal(error.exit, 'config');
          assert.match(error.message, why);
          assert.match(error.hint ?? '', /"version":1/);
          return true;
        },
      );
    });
  }
});

describe('a price table that cannot be read', () => {
  for (const [name, make] of [
    ['a link', (file: string) => symlinkSync('elsewhere.json', file)],
    ['a folder', (file: string) => mkdirSync(file)],
    ['too large', (file: string) => writeFileSync(file, ' '.repeat(100_000))],
  ] as const) {
    it(`is told with what to do about it where it is ${name}`, async () => {
      const home = mkdtempSync(path.join(root, 'home-'));
      make(path.join(home, 'prices.json'));
      await assert.rejects(readPrices(home), { exit: 'config', hint: /^put a regular file there/ });
    });
  }
});

describe('the cost of a post', () => {
  const costs: [text: string, usd: number][] = [
    ['The tide comes in by itself.', 0.015],
    ['see https://poems.example.com/tide', 0.2],
    ['It was night.It was late.', 0.2],
    ['It was night. It was late.', 0.015],
    ['and so to bed ... perhaps', 0.015],
    ['@heron #tide $TIDE', 0.015],
  ];
  for (const [text, usd] of costs) {
    it(`is $${usd} for ${JSON.stringify(text)}`, () => {
      assert.equal(inUsd(costOf(text, usualPrices)), usd);
    });
  }

  it('counts what is read', () => {
    assert.equal(readingCost({ posts: 3, accounts: 2 }, usualPrices), inMicros(0.035));
    assert.equal(readingCost({}, usualPrices), 0);
  });
});

describe('money', () => {
  it('adds up without noise', () => {
    const sum = Array.from({ length: 10_000 }, () => inMicros(0.015)).reduce((a, b) => a + b, 0);
    assert.equal(inUsd(sum), 150);
  });

  const shown: [micros: number, text: string][] = [
    [0, '$0.00'],
    [4_999, '<$0.01'],
    [15_000, '$0.02'],
    [200_000, '$0.20'],
    [10_800_000, '$10.80'],
    [1_296_000_000, '$1,296.00'],
    [1_015_000, '$1.02'],
  ];
  for (const [micros, text] of shown) {
    it(`reads ${text}`, () => {
      assert.equal(showUsd(micros), text);
    });
  }

  it('has prices with all of their decimals', () => {
    assert.deepEqual([0.015, 0.2, 5].map(showPrice), ['$0.015', '$0.20', '$5.00']);
  });
});
