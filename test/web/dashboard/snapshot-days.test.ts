import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { daysOf } from '../../../src/web/dashboard/snapshot.ts';
import { FlockHistory } from '../../../src/ledger/history.ts';

const history = (days: [string, number][]): FlockHistory =>
  new FlockHistory({
    days: days.map(([ends, posts]) => [Date.parse(ends), { posts, micros: posts * 15_000 }]),
    months: [],
    recent: [],
  });

const input = {
  timezone: 'Europe/Berlin',
  now: Date.parse('2026-08-22T10:00:00Z'),
  planned: new Map<string, number>(),
};

describe('the days of a flock', () => {
  it('are half a year, today and two months', () => {
    const days = daysOf(history([]), input).map(({ day }) => day);
    assert.equal(days.length, 239);
    assert.deepEqual([days[0], days[182], days[238]], ['2026-02-21', '2026-08-22', '2026-10-17']);
  });

  it('are known in the ledger by their ends', () => {
    const days = daysOf(
      history([
        ['2026-08-21T22:00:00Z', 12],
        ['2026-08-22T22:00:00Z', 3],
      ]),
      input,
    );
    assert.deepEqual(days[181], { day: '2026-08-21', posted: 12, planned: 0 });
    assert.deepEqual(days[182], { day: '2026-08-22', posted: 3, planned: 0 });
  });

  it('begin where the zone’s do, be they 23 hours long', () => {
    const now = Date.parse('2026-03-29T10:00:00Z');
    const days = daysOf(history([['2026-03-29T22:00:00Z', 5]]), { ...input, now });
    assert.deepEqual(days[182], { day: '2026-03-29', posted: 5, planned: 0 });
    const night = daysOf(history([]), { ...input, now: Date.parse('2026-08-21T22:30:00Z') });
    assert.equal(night[182]?.day, '2026-08-22');
  });

  it('that have one date in the zone of now are added up', () => {
    const both: [string, number][] = [
      ['2026-08-20T22:00:00Z', 1],
      ['2026-08-21T02:00:00Z', 2],
      ['2026-08-21T22:00:00Z', 4],
    ];
    const days = daysOf(history(both), input);
    assert.deepEqual(
      days.slice(180, 182).map(({ posted }) => posted),
      [1, 6],
    );
  });

  it('are planned from today on', () => {
    const planned = new Map([
      ['2026-08-21', 9],
      ['2026-08-22', 4],
      ['2026-08-23', 6],
    ]);
    const days = daysOf(history([]), { ...input, planned });
    assert.deepEqual(
      days.slice(181, 185).map((day) => day.planned),
      [0, 4, 6, 0],
    );
  });
});
