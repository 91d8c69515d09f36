import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countEach, countSlots } from '../../src/schedule/calendar.ts';

const day = 86_400_000;
const from = Date.parse('2026-05-01T00:00:00Z');
const utc = (expression: string) => ({ expression, timezone: 'UTC' });

describe('counting slots', () => {
  it('counts one by one', () => {
    assert.equal(countEach(utc('0 9 * * *'), { from, until: from + 10 * day }), 10);
    assert.equal(countEach(utc('0 0 * * *'), { from, until: from + day }), 1);
    assert.equal(countEach(utc('0 9 * * *'), { from, until: from }), 0);
    assert.equal(countEach(utc('0 9 29 2 *'), { from, until: from + 10 * day }), 0);
  });

  for (const [expression, days, slots] of [
    ['0 9 * * *', 365, 365],
    ['0 * * * *', 30, 720],
    ['* * * * * *', 365, 31_536_000],
    ['*/5 9-10 * * *', 10, 240],
    ['10-19 0 1 * *', 365, 120],
    ['0 9 29 2 *', 365, 0],
    ['* * 1 1 *', 365, 1440],
  ] as const) {
    it(`counts ${slots} of ${expression} in ${days} days without looking at each`, () => {
      assert.equal(countSlots(utc(expression), { from, until: from + days * day }, 0), slots);
    });
  }

  it('counts from the middle of an hour on', () => {
    const late = from + 9.75 * 3_600_000;
    const counted = countSlots(utc('* 9 * * *'), { from: late, until: from + 10 * day }, 0);
    assert.ok(Math.abs(counted - 555) <= 60, `${counted} is near enough to 555`);
  });

  it('looks no closer than it must', () => {
    const counted = countSlots(utc('0 9 * * *'), { from, until: from + 10 * day }, 1000);
    assert.ok(counted >= 10 && counted <= 1000);
  });
});
