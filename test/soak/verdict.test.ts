import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { range } from '../../scripts/bench/numbers.ts';
import { curveOf } from '../../scripts/soak/curve.ts';
import { verdictOf } from '../../scripts/soak/verdict.ts';

const allowed = { share: 0.05, min: 2 };
const samples = 60;

/** Something that is never the same twice, between -1 and 1. */
const noise = (index: number): number => Math.sin(index * 12.9898) * Math.cos(index * 78.233);

const series = (at: (index: number) => number): number[] => range(samples).map(at);
const grows = (at: (index: number) => number): boolean => verdictOf(series(at), allowed).grows;

describe('the verdict of the soak', () => {
  it('finds growth, steady or late, under noise', () => {
    assert.equal(
      grows((index) => 100 + index / 4 + 3 * noise(index)),
      true,
    );
    assert.equal(
      grows((index) => (index < 40 ? 100 : 110) + noise(index)),
      true,
    );
    assert.equal(
      grows((index) => 10 + index / 10),
      true,
    );
  });

  it('finds none where something is flat, however noisy, and where it falls', () => {
    assert.equal(
      grows((index) => 100 + 20 * noise(index)),
      false,
    );
    assert.equal(
      grows((index) => 100 - index),
      false,
    );
    // A journal that is compacted again and again.
    assert.equal(
      verdictOf(
        series((index) => 10 + (index % 7)),
        { share: 1, min: 0 },
      ).grows,
      false,
    );
  });

  it('does not mind a step, or single samples, while things warm up', () => {
    assert.equal(
      grows((index) => (index < 14 ? 20 : 100) + noise(index)),
      false,
    );
    assert.equal(
      grows((index) => (index % 20 === 19 ? 500 : 100)),
      false,
    );
  });

  it('allows a share or an amount, whichever is more', () => {
    const step = (from: number, by: number): number[] => series((index) => (index < 30 ? from : from + by));
    assert.equal(verdictOf(step(10, 1.9), allowed).grows, false);
    assert.equal(verdictOf(step(10, 2.1), allowed).grows, true);
    assert.equal(verdictOf(step(100, 4.9), allowed).grows, false);
    assert.equal(verdictOf(step(100, 5.1), allowed).grows, true);
  });

  it('tells what it compared', () => {
    assert.deepEqual(verdictOf([1, 10, 10, 20], allowed), {
      grows: true,
      warm: 10,
      end: 20,
      growth: 10,
      allowed: 2,
    });
  });

  it('takes nothing for flat that it cannot compare', () => {
    assert.throws(() => verdictOf([1, 1, 1], allowed), RangeError);
    assert.equal(verdictOf([1, 1, 1, NaN], allowed).grows, true);
  });
});

describe('the curves of the soak', () => {
  it('rise with their values', () => {
    assert.equal(curveOf([0, 1, 2, 3, 4, 5, 6, 7], 8, 0), '▁▂▃▄▅▆▇█');
  });

  it('look flat where nothing happens', () => {
    assert.equal(curveOf([100, 100.1, 100, 100.2], 8, 10), '▁▁▁▁');
    assert.equal(curveOf([0, 0, 0], 8, 0), '▁▁▁');
  });

  it('join what is next to each other where there is no room for all', () => {
    assert.equal(curveOf([0, 0, 0, 7, 7, 7], 2, 0), '▁█');
  });
});
