import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flockDays } from '../../src/flock/view.ts';
import { FlockHistory } from '../../src/ledger/history.ts';

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
    const days = flockDays({ ...input, history: history([]) }).map(({ day }) => day);
    assert.equal(days.length, 239);
    assert.deepEqual([days[0], days[182], days[238]], ['2026-02-21', '2026-08-22', '2026-10-17']);
  });

  it('are known in the ledger by their ends', () => {
    const days = flockDays({ ...input, history: history([['2026-08-21T22:00:00Z', 12], ['2026-08-22T22:00:00Z', 3]]) }); // prettier-ignore
    assert.deepEqual(days[181], { day: '2026-08-21', posted: 12, usd: 0.18, planned: 0 });
    assert.deepEqual(days[182], { day: '2026-08-22', posted: 3, usd: 0.045, planned: 0 });
  });

  it('begin where the zone’s do, be they 23 hours long', () => {
    const now = Date.parse('2026-03-29T10:00:00Z');
    const days = flockDays({ ...input, now, history: history([['2026-03-29T22:00:00Z', 5]]) });
    assert.deepEqual(days[182], { day: '2026-03-29', posted: 5, usd: 0.075, planned: 0 });
    const night = flockDays({ ...input, now: Date.parse('2026-08-21T22:30:00Z'), history: history([]) });
    assert.equal(night[182]?.day, '2026-08-22');
  });

  it('that have one date in the zone of now are added up', () => {
    const both: [string, number][] = [['2026-08-20T22:00:00Z', 1], ['2026-08-21T02:00:00Z', 2], ['2026-08-21T22:00:00Z', 4]]; // prettier-ignore
    const days = flockDays({ ...input, history: history(both) });
    assert.deepEqual(days.slice(180, 182).map(({ posted }) => posted), [1, 6]); // prettier-ignore
  });

  it('are planned from today on', () => {
    const planned = new Map([['2026-08-21', 9], ['2026-08-22', 4], ['2026-08-23', 6]]); // prettier-ignore
    const days = flockDays({ ...input, planned, history: history([]) });
    assert.deepEqual(days.slice(181, 185).map((day) => day.planned), [0, 4, 6, 0]); // prettier-ignore
  });
});
