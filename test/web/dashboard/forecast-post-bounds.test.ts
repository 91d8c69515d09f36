import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { usualPrices } from '../../../src/cost.ts';
import { within } from '../../../src/web/dashboard/forecast.ts';

const days = ['2026-08-30', '2026-08-31', '2026-09-01', '2026-09-02'];
const spent = { posts: 0, micros: 0 };
const bounded = (budget: object, before = spent, inAll?: number) =>
  within([5, 5, 5, 5], days, { budget, prices: usualPrices, spent: before, inAll });

describe('the posts that are to come', () => {
  it('are all there are slots for, where nothing bounds them', () => {
    assert.deepEqual(bounded({}), [5, 5, 5, 5]);
  });

  it('are so many a day, those of today that were made not again', () => {
    assert.deepEqual(bounded({ postsPerDay: 3 }), [3, 3, 3, 3]);
    assert.deepEqual(bounded({ postsPerDay: 3 }, { posts: 2, micros: 0 }), [1, 3, 3, 3]);
    assert.deepEqual(bounded({ postsPerDay: 0 }), [0, 0, 0, 0]);
    assert.deepEqual(bounded({ postsPerDay: 3 }, { posts: 9, micros: 0 }), [0, 3, 3, 3]);
  });

  it('are as many a month as there is money for', () => {
    // $0.105 is seven posts, though binary fractions make it a little less.
    assert.deepEqual(bounded({ usdPerMonth: 0.105 }), [5, 2, 5, 2]);
    assert.deepEqual(bounded({ usdPerMonth: 0.105 }, { posts: 1, micros: 30_000 }), [5, 0, 5, 2]);
    assert.deepEqual(bounded({ usdPerMonth: 0 }), [0, 0, 0, 0]);
    const prices = { ...usualPrices, post: 0 };
    assert.deepEqual(within([5], days, { budget: { usdPerMonth: 0 }, prices, spent }), [5]);
  });

  it('end with the poem', () => {
    assert.deepEqual(bounded({}, spent, 7), [5, 2, 0, 0]);
  });
});
