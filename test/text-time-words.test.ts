import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { atClock, duration, maxRelativeTime, relativeTime, withClocks } from '../src/text.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe('a time away', () => {
  const cases: [ms: number, words: string][] = [
    [0, 'now'],
    [-999, 'now'],
    [second, 'in 1 s'],
    [-59_999, '59 s ago'],
    [-66 * second, '1 min ago'],
    [minute, 'in 1 min'],
    [2 * minute, 'in 2 min'],
    [-119 * minute, '119 min ago'],
    [2 * hour - 1, 'in 119 min'],
    [2 * hour, 'in 2 h'],
    [-2 * day + 1, '47 h ago'],
    [-2 * day, '2 d ago'],
    [400 * day, 'in 400 d'],
  ];
  for (const [ms, words] of cases) {
    it(`of ${ms} ms is ${words}`, () => {
      assert.equal(relativeTime(ms), words);
    });
  }

  it('is never longer than a column for it, within three years', () => {
    for (let ms = 1; ms < 1000 * day; ms = Math.ceil(ms * 1.01)) {
      assert.ok(relativeTime(ms).length <= maxRelativeTime.ahead, relativeTime(ms));
      assert.ok(relativeTime(-ms).length <= maxRelativeTime.past, relativeTime(-ms));
    }
  });
});

describe('a duration', () => {
  it('is rounded down', () => {
    assert.equal(duration(3 * hour + 59 * minute), '3 h');
  });
});

describe('an instant', () => {
  for (const [zone, shown] of [
    ['UTC', '2026-11-22 00:30 UTC'],
    ['Europe/Berlin', '2026-11-22 01:30 CET'],
    ['America/New_York', '2026-11-21 19:30 EST'],
    ['Australia/Sydney', '2026-11-22 11:30 AEDT'],
    ['Asia/Kolkata', '2026-11-22 06:00 GMT+5:30'],
  ] as const) {
    it(`is shown to the minute as the clock of ${zone} has it`, () => {
      assert.equal(atClock('2026-11-22T00:30:59.999Z', zone), shown);
    });
  }

  it('has the name that the zone has on that day', () => {
    assert.equal(atClock('2026-08-22T09:00:00Z', 'Europe/Berlin'), '2026-08-22 11:00 CEST');
  });

  it('is found in the midst of a text', () => {
    const text = 'paused since 2026-11-21T10:55:41.235Z, and 2026-11-21T10:55:41Z';
    assert.equal(
      withClocks(text, (instant) => atClock(instant, 'Europe/Berlin')),
      'paused since 2026-11-21 11:55 CET, and 2026-11-21 11:55 CET',
    );
  });
});
