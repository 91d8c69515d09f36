import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { duration, longest, relativeTime, shortInstant } from '../../src/cli/time-words.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe('a time away', () => {
  const cases: [ms: number, words: string][] = [
    [0, 'now'],
    [-999, 'now'],
    [second, 'in 1 s'],
    [-119 * second, '119 s ago'],
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
      assert.ok(relativeTime(ms).length <= longest.ahead, relativeTime(ms));
      assert.ok(relativeTime(-ms).length <= longest.past, relativeTime(-ms));
    }
  });
});

describe('a duration', () => {
  it('is rounded down', () => {
    assert.equal(duration(3 * hour + 59 * minute), '3 h');
  });
});

describe('an instant', () => {
  it('is shown to the minute', () => {
    assert.equal(shortInstant('2026-08-22T09:00:59.999Z'), '2026-08-22 09:00');
  });
});
