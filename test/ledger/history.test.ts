import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { charged, spentBy, type Tally } from '../../src/ledger/history.ts';

const hour = 3_600_000;
const day = 24 * hour;
const at = (date: string): number => Date.parse(`${date}T00:00:00Z`);

/** What is charged to a day and a month, which are known by their ends. */
type Charge = [dayEnds: string, monthEnds: string, posts: number, micros: number];

const after = (...charges: Charge[]): Tally | undefined =>
  charges.reduce<Tally | undefined>(
    (known, [dayEnds, monthEnds, posts, micros]) =>
      charged(known, { dayEnds: at(dayEnds), monthEnds: at(monthEnds) }, { posts, micros }),
    undefined,
  );

const daysOf = (tally: Tally | undefined): Tally['day'][] =>
  tally ? [tally.day, ...(tally.earlier?.days ?? [])] : [];
const monthsOf = (tally: Tally | undefined): Tally['month'][] =>
  tally ? [tally.month, ...(tally.earlier?.months ?? [])] : [];

const postsOn = (tally: Tally | undefined, date: string): number | undefined =>
  daysOf(tally).find(({ ends }) => ends === at(date))?.posts;
const microsIn = (tally: Tally | undefined, date: string): number | undefined =>
  monthsOf(tally).find(({ ends }) => ends === at(date))?.micros;

describe('what a bot has spent', () => {
  it('is added up by day and month', () => {
    const tally = after(
      ['2026-05-01', '2026-06-01', 1, 15],
      ['2026-05-01', '2026-06-01', 1, 15],
      ['2026-05-02', '2026-06-01', 1, 200],
    );
    assert.deepEqual([postsOn(tally, '2026-05-01'), postsOn(tally, '2026-05-02')], [2, 1]);
    assert.deepEqual([microsIn(tally, '2026-06-01'), tally?.total], [230, 230]);
  });

  it('is a look, too, which is no post', () => {
    const tally = after(['2026-05-01', '2026-06-01', 0, 50]);
    assert.deepEqual([postsOn(tally, '2026-05-01'), microsIn(tally, '2026-06-01')], [0, 50]);
  });

  it('knows the month again to which a clock comes back that was ahead', () => {
    const tally = after(
      ['2026-05-01', '2026-06-01', 3, 45],
      ['2027-01-01', '2027-01-01', 1, 15],
      ['2027-02-01', '2027-02-01', 1, 15],
      ['2026-05-01', '2026-06-01', 1, 15],
    );
    assert.deepEqual([tally?.day, tally?.month], [
      { ends: at('2026-05-01'), posts: 4 },
      { ends: at('2026-06-01'), micros: 60 },
    ]); // prettier-ignore
    assert.equal(tally?.total, 90);
    // And the month that was not yet is counted once it is.
    assert.equal(microsIn(tally, '2027-02-01'), 15);
  });

  it('remembers a few days and months, and forgets the oldest', () => {
    const charges = Array.from({ length: 20 }, (_, n): Charge => {
      const date = new Date(at('2026-05-01') + n * 40 * day).toISOString().slice(0, 10);
      return [date, date, 1, 15];
    });
    const tally = after(...charges);
    assert.equal(daysOf(tally).length, 4);
    assert.equal(monthsOf(tally).length, 4);
    assert.equal(tally?.total, 20 * 15);
    assert.ok(JSON.stringify(tally).length < 600);
  });

  it('is given back to the day and month that it was taken from', () => {
    const tally = after(
      ['2026-05-31', '2026-06-01', 1, 15],
      ['2026-06-02', '2026-07-01', 1, 15],
      ['2026-05-31', '2026-06-01', -1, -15],
    );
    assert.deepEqual([postsOn(tally, '2026-05-31'), microsIn(tally, '2026-06-01')], [0, 0]);
    // The day that runs stays the one that was charged last.
    assert.deepEqual(
      [tally?.day, tally?.month.ends],
      [{ ends: at('2026-06-02'), posts: 1 }, at('2026-07-01')],
    );
    assert.equal(tally?.total, 15);
  });

  it('is not given back to a day that is forgotten, and never below nothing', () => {
    const charges = Array.from({ length: 6 }, (_, n): Charge => [`2026-05-0${n + 1}`, '2026-06-01', 1, 15]);
    const tally = after(...charges, ['2026-05-01', '2026-06-01', -1, -15]);
    assert.ok(daysOf(tally).every(({ posts }) => posts === 1));
    assert.equal(microsIn(tally, '2026-06-01'), 75);
    assert.equal(after(['2026-05-01', '2026-06-01', -1, -15]), undefined);
  });

  it('does not change where an older flockd names no day', () => {
    const tally = after(['2026-05-01', '2026-06-01', 1, 15]);
    assert.equal(charged(tally, {}, { posts: 1, micros: 15 }), tally);
    assert.equal(charged(undefined, {}, { posts: 1, micros: 15 }), undefined);
  });

  it('goes on from what an older flockd wrote', () => {
    const old: Tally = {
      day: { ends: at('2026-05-01'), posts: 2 },
      month: { ends: at('2026-06-01'), micros: 30 },
      total: 99,
    };
    const postOn = (day: string): Tally | undefined =>
      charged(old, { dayEnds: at(day), monthEnds: at('2026-06-01') }, { posts: 1, micros: 15 });
    const same = postOn('2026-05-01');
    assert.deepEqual(same, {
      day: { ends: at('2026-05-01'), posts: 3 },
      month: { ends: at('2026-06-01'), micros: 45 },
      total: 114,
    });
    const next = postOn('2026-05-02');
    assert.deepEqual([postsOn(next, '2026-05-01'), postsOn(next, '2026-05-02')], [2, 1]);
    assert.equal(microsIn(next, '2026-06-01'), 45);
  });
});

describe('the period that runs', () => {
  const now = at('2026-05-01') + 9 * hour;
  const calendar = at('2026-05-02');
  const rows: [name: string, begun: number[], end: number][] = [
    ['is the calendar’s where none was begun', [], calendar],
    ['is one that was begun and has not ended', [now + 5 * hour], now + 5 * hour],
    ['is the first to come of them', [now + 9 * hour, now + 5 * hour], now + 5 * hour],
    ['is none that has ended', [now, now - hour], calendar],
    ['is none that a clock began which was ahead', [now + 28 * hour, now + 400 * day], calendar],
  ];
  for (const [name, begun, end] of rows)
    it(name, () => {
      const tally = begun.reduce<Tally | undefined>(
        (known, ends) => charged(known, { dayEnds: ends, monthEnds: ends }, { posts: 1, micros: 15 }),
        undefined,
      );
      assert.equal(spentBy({ tally }, 'UTC', now).ends.day, end);
    });
});
