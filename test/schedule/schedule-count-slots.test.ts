import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countSlots, nextAfter } from '../../src/schedule/schedule.ts';

const day = 86_400_000;
const from = Date.parse('2026-05-01T00:00:00Z');

function slotsIn(expression: string, days: number, begins = from): number {
  return countSlots({ expression, timezone: 'UTC' }, { from: begins, until: from + days * day });
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
    assert.equal(slotsIn('* 9 * * *', 60, from + 9.75 * 3_600_000), 3554);
  });

  it('counts what comes one after the other, whatever the clock of the zone does', () => {
    const expressions = ['30 2 * * *', '0 0 * * *', '*/30 * * * *', '*/20 0-3 * * *', '15 1,23 * * 0'];
    // Their clocks change at two in the morning, at midnight, by half an hour, and by a whole day.
    for (const timezone of ['Europe/Berlin', 'Africa/Cairo', 'Australia/Lord_Howe', 'Pacific/Apia'])
      for (const expression of expressions) {
        const schedule = { expression, timezone };
        const [begins, until] = [Date.parse('2011-12-20T05:10Z'), Date.parse('2012-01-10T22:15Z')];
        for (const shift of [0, 90 * day, 100 * day, 280 * day]) {
          const stretch = { from: begins + shift, until: until + shift };
          let one = 0;
          for (let slot = nextAfter(schedule, stretch.from); slot && slot <= stretch.until; one++)
            slot = nextAfter(schedule, slot);
          assert.equal(countSlots(schedule, stretch), one, `${expression} in ${timezone}`);
        }
      }
  });
});
