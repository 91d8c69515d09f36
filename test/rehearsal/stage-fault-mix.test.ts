import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FaultMix } from '../../src/rehearsal/stage.ts';

const draws = (rate: number, seed: string, count = 2000): string[] => {
  const mix = new FaultMix(rate, seed);
  return Array.from({ length: count }, () => JSON.stringify(mix.draw() ?? null));
};

describe('the mix of faults', () => {
  it('spoils the share of the requests that it is told to', () => {
    const share = (rate: number): number =>
      draws(rate, 'a').filter((drawn) => drawn !== 'null').length / 2000;
    assert.equal(share(0), 0);
    assert.equal(share(1), 1);
    assert.ok(Math.abs(share(0.1) - 0.1) < 0.02);
  });

  it('has every kind, and counts them', () => {
    const mix = new FaultMix(1, 'a');
    for (let count = 0; count < 2000; count++) mix.draw();
    assert.deepEqual([...mix.drawn.keys()].sort(), [
      '429',
      '503',
      'altered',
      'cut',
      'delay',
      'drop',
      'hang',
      'late',
    ]);
    assert.equal(
      [...mix.drawn.values()].reduce((sum, count) => sum + count, 0),
      2000,
    );
  });

  it('is the same with the same seed', () => {
    assert.deepEqual(draws(0.2, 'a'), draws(0.2, 'a'));
    assert.notDeepEqual(draws(0.2, 'a'), draws(0.2, 'b'));
  });
});
