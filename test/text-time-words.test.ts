import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { atClock, duration, withClocks } from '../src/text.ts';

describe('a duration', () => {
  it('is rounded down', () => {
    assert.equal(duration((3 * 60 + 59) * 60_000), '3 h');
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
