import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scheduleInWords } from '../src/text.ts';

describe('a schedule in words', () => {
  const rows: [expression: string, words: string][] = [
    ['0 9 * * *', 'daily at 09:00'],
    ['30 21,9 * * *', 'daily at 09:30 and 21:30'],
    ['0,30 8,20 * * *', 'daily at 08:00, 08:30, 20:00 and 20:30'],
    ['5 * * * *', 'hourly at :05'],
    ['* * * * *', 'every minute'],
    ['*/1 * * * *', 'every minute'],
    ['*/15 * * * *', 'every 15 minutes'],
    ['10 */3 * * *', 'every 3 hours at :10'],
    ['0 9 * * 1-5', 'Mondays to Fridays at 09:00'],
    ['0 9 * * 0', 'Sundays at 09:00'],
    ['0 9 * * 1,4', 'Mondays and Thursdays at 09:00'],
    ['*/30 * * * 6', 'every 30 minutes, Saturdays'],
  ];
  for (const [expression, words] of rows) {
    it(`${expression} is ${words}`, () => {
      assert.equal(scheduleInWords(expression), words);
    });
  }

  const asWritten = [
    '*/7 * * * *',
    '0 */5 * * *',
    '0 9 1 * *',
    '0 9 * 2 *',
    '0 9 * * 1,2,3,4',
    '0 9 * * mon',
    '0 9-17 * * *',
    '0 0 9 * * *',
    '0 1,2,3,4,5 * * *',
    '@daily',
    '0 9 L * *',
    '*/60 * * * *',
  ];
  for (const expression of asWritten) {
    it(`${expression} is said as it is written`, () => {
      assert.equal(scheduleInWords(expression), expression);
    });
  }
});
