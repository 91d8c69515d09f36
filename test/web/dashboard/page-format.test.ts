import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withClocks } from '../../../src/text.ts';
import { lastDayBefore } from '../../../src/web/dashboard/charts.ts';
import { atClock, inWords, ordinal } from '../../../src/web/dashboard/parts.ts';
import { awayFrom } from '../../../src/web/browser/away.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe('how far away an instant is', () => {
  const table: [number, string][] = [
    [0, 'now'],
    [44 * second, 'now'],
    [-44 * second, 'just now'],
    [45 * second, 'in 1 min'],
    [14 * minute, 'in 14 min'],
    [-14 * minute, '14 min ago'],
    [89 * minute, 'in 89 min'],
    [90 * minute, 'in 2 h'],
    [-35 * hour, '35 h ago'],
    [36 * hour, 'in 2 days'],
    [-400 * day, '400 days ago'],
  ];
  for (const [away, said] of table)
    it(`is said as ${said}`, () => {
      assert.equal(awayFrom(1_000 * day, 1_000 * day + away), said);
    });
});

describe('an instant by a clock', () => {
  const now = '2026-03-28T12:00:00Z';
  it('is near or far', () => {
    assert.equal(atClock('2026-03-29T07:00:00Z', 'Europe/Berlin', now), 'Sun 09:00 CEST');
    assert.equal(atClock('2026-03-28T07:00:00Z', 'Europe/Berlin', now), 'Sat 08:00 CET');
    assert.equal(atClock('2026-04-28T07:00:00Z', 'Europe/Berlin', now), '28 Apr, 09:00 CEST');
    assert.equal(atClock('2026-03-28T15:00:00Z', 'Asia/Tokyo', now), 'Sun 00:00 GMT+9');
    assert.equal(atClock('2025-12-28T15:00:00Z', 'UTC', now), '28 Dec, 15:00 UTC');
  });

  it('stands in the place of instants in a text', () => {
    const text = 'sent at 2026-03-28T07:00:00.000Z; again at 2026-03-28T08:00:00Z';
    const shown = withClocks(text, (instant) => atClock(instant, 'UTC', now));
    assert.equal(shown, 'sent at Sat 07:00 UTC; again at Sat 08:00 UTC');
  });

  it('tells the last day of a month', () => {
    assert.equal(lastDayBefore('2026-08-31T22:00:00Z', 'Europe/Berlin'), '31 August');
    assert.equal(lastDayBefore('2026-09-01T00:00:00Z', 'UTC'), '31 August');
  });
});

describe('words', () => {
  it('count and order', () => {
    assert.deepEqual([0, 1, 12, 13, 1300].map(inWords), ['no', 'one', 'twelve', '13', '1,300']);
    assert.deepEqual([1, 12, 13, 21, 22, 103, 111, 1001].map(ordinal), [
      'first',
      'twelfth',
      '13th',
      '21st',
      '22nd',
      '103rd',
      '111th',
      '1,001st',
    ]);
  });
});
