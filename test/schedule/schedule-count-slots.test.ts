import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { slotCounter } from '../../src/schedule/schedule.ts';

const day = 86_400_000;
const from = Date.parse('2026-05-01T00:00:00Z');

function slotsIn(expression: string, days: number, begins = from): number {
  return slotCounter()({ expression, timezone: 'UTC' }, { from: begins, until: from + days * day });
}

describe('counting slots', () => {
  it('counts one by one', () => {
    assert.equal(slotsIn('0 9 * * *', 10), 10);
    assert.equal(slotsIn('0 0 * * *', 1), 1);
    assert.equal(slotsIn('0 9 * * *', 0), 0);
    assert.equal(slotsIn('0 9 29 2 *', 10), 0);
    assert.equal(slotsIn('* 9 * * *', 10, from + 9.75 * 3_600_000), 554);
  });

  for (const [expression, days, slots] of [
    ['0 9 * * *', 365, 365],
    ['0 * * * *', 60, 1440],
    ['* * * * * *', 365, 31_536_000],
    ['* * * * * *', 10, 864_000],
    ['*/5 9-10 * * *', 100, 2400],
    ['10-19 0 1 * *', 365, 120],
    ['0 9 29 2 *', 365, 0],
    ['* * 1 1 *', 365, 1440],
  ] as const) {
    it(`counts ${slots} of ${expression} in ${days} days without looking at each`, () => {
      assert.equal(slotsIn(expression, days), slots);
    });
  }

  it('counts from the middle of an hour on', () => {
    const counted = slotsIn('* 9 * * *', 60, from + 9.75 * 3_600_000);
    assert.ok(Math.abs(counted - 3554) <= 60, `${counted} is near enough to 3554`);
  });

  it('counts again for another stretch or schedule', () => {
    const counter = slotCounter();
    const daily = { expression: '0 9 * * *', timezone: 'UTC' };
    assert.equal(counter(daily, { from, until: from + 3 * day }), 3);
    assert.equal(counter(daily, { from, until: from + 4 * day }), 4);
    assert.equal(counter({ ...daily, expression: '0 * * * *' }, { from, until: from + 4 * day }), 96);
  });
});
