import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calendarEnds } from '../../src/schedule/schedule.ts';

const at = (instant: string): number => Date.parse(instant);
const ends = (timezone: string, instant: string): string[] => {
  const { day, month } = calendarEnds(timezone, at(instant));
  return [day, month].map((end) => new Date(end).toISOString());
};

describe('the ends of a day and a month', () => {
  const rows: [timezone: string, instant: string, day: string, month: string][] = [
    ['UTC', '2026-11-21T00:00:00Z', '2026-11-22T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    ['UTC', '2026-11-21T23:59:59.999Z', '2026-11-22T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    ['Asia/Tokyo', '2026-12-31T15:00:00Z', '2027-01-01T15:00:00.000Z', '2027-01-31T15:00:00.000Z'],
    // A day of 23 hours, and one of 25.
    ['Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-29T22:00:00.000Z', '2026-03-31T22:00:00.000Z'],
    ['Europe/Berlin', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00.000Z', '2026-10-31T23:00:00.000Z'],
    // Midnight itself is skipped: the day begins at one.
    ['America/Asuncion', '2024-10-05T12:00:00Z', '2024-10-06T04:00:00.000Z', '2024-11-01T03:00:00.000Z'],
    ['Asia/Kathmandu', '2026-02-28T18:00:00Z', '2026-02-28T18:15:00.000Z', '2026-02-28T18:15:00.000Z'],
  ];
  for (const [timezone, instant, day, month] of rows) {
    it(`in ${timezone} at ${instant}`, () => {
      assert.deepEqual(ends(timezone, instant), [day, month]);
    });
  }

  it('are found anew as time passes, and for a clock that is set back', () => {
    assert.equal(ends('UTC', '2026-01-02T10:00:00Z')[0], '2026-01-03T00:00:00.000Z');
    assert.equal(ends('UTC', '2026-01-05T10:00:00Z')[0], '2026-01-06T00:00:00.000Z');
    assert.equal(ends('UTC', '2026-01-01T10:00:00Z')[0], '2026-01-02T00:00:00.000Z');
  });
});
