import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { spentBy, spentByFlock } from '../../src/ledger/history.ts';
import { HeldFlock } from '../support/held-flock.ts';

const lines = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${word} number ${index + 1}`);

const hourly = { schedule: '0 * * * *', atEnd: 'stop' };

/** How many posts a flock made on each day of UTC. */
function perDay(flock: HeldFlock, ...names: string[]): number[] {
  const days = new Map<string, number>();
  for (const time of names.flatMap((name) => flock.timesOf(name)))
    days.set(time.slice(0, 10), (days.get(time.slice(0, 10)) ?? 0) + 1);
  return [...days].sort().map(([, count]) => count);
}

describe('a flock with a budget, on a held clock', () => {
  it('posts as many a day as a bot may, skips no line, and goes on the next day', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', hourly);
    flock.add('howl', lines('howl', 12), { budget: { postsPerDay: 5 } });
    flock.start();
    await flock.until('2026-05-04T00:00:00Z');
    assert.deepEqual(perDay(flock, 'howl'), [5, 5, 2]);
    assert.deepEqual(flock.postsOf('howl'), lines('howl', 12));
  });

  it('posts as many a day as the flock may, whichever bots they are', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { ...hourly, budget: { postsPerDay: 7 } });
    const names = ['ada', 'bea', 'cid'];
    for (const name of names) flock.add(name, lines(name, 9));
    flock.start();
    await flock.until('2026-05-06T00:00:00Z');
    assert.deepEqual(perDay(flock, ...names), [7, 7, 7, 6]);
    for (const name of names) assert.deepEqual(flock.postsOf(name), lines(name, 9));
  });

  it('gives the room of a refused post to another bot', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { ...hourly, budget: { postsPerDay: 1 } });
    flock.add('ada', lines('ada', 3));
    flock.add('bea', lines('bea', 3));
    flock.control('faults', {
      match: { account: 'ada', path: '/2/tweets' },
      fault: { kind: 'status', status: 403, body: { title: 'Forbidden', detail: 'Not permitted.' } },
    });
    flock.start();
    await flock.until('2026-05-01T23:00:00Z');
    assert.equal(flock.state('ada')?.parked?.cause, 'rejected');
    assert.deepEqual(flock.timesOf('bea'), ['2026-05-01T01:15:00.000Z']);
  });

  it('keeps a post in doubt reserved', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', {
      ...hourly,
      settle: '6h',
      budget: { postsPerDay: 1 },
    });
    flock.add('ada', lines('ada', 3));
    flock.add('bea', lines('bea', 3), { schedule: '30 * * * *' });
    const posts = { method: 'POST', path: '/2/tweets' };
    flock.control('faults', { match: posts, times: 1, fault: { kind: 'drop', when: 'after' } });
    flock.start();
    await flock.until('2026-05-01T23:00:00Z');
    assert.deepEqual(perDay(flock, 'ada', 'bea'), [1]);
  });

  it('prices a post with a link as one, and spends no more in a month than it may', async () => {
    const flock = new HeldFlock('2026-05-29T00:00:00Z', { ...hourly, budget: { usdPerMonth: 0.24 } });
    flock.add('howl', ['one', 'see poems.example.com', 'three', 'four', 'five', 'six']);
    flock.start();
    await flock.until('2026-05-31T23:59:00Z');
    // 0.015 + 0.2 + 0.015 is 0.23; a fourth would make it 0.245.
    assert.equal(flock.postsOf('howl').length, 3);
    await flock.until('2026-06-02T00:00:00Z');
    assert.equal(flock.postsOf('howl').length, 6);
    assert.ok(flock.timesOf('howl')[3]?.startsWith('2026-06-01T00:'));
  });

  for (const budget of [{ postsPerDay: 0 }, { usdPerMonth: 0 }, { usdPerMonth: 0.014 }]) {
    it(`of ${JSON.stringify(budget)} posts nothing, and asks X nothing`, async () => {
      const flock = new HeldFlock('2026-05-01T00:00:00Z', { ...hourly, budget });
      flock.add('howl', lines('howl', 3));
      let requests = 0;
      flock.count(() => requests++);
      flock.start();
      await flock.until('2026-06-15T00:00:00Z');
      assert.equal(requests, 0);
    });
  }

  it('keeps its count over restarts', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { ...hourly, budget: { postsPerDay: 6 } });
    for (const name of ['ada', 'bea']) flock.add(name, lines(name, 40), { budget: { postsPerDay: 4 } });
    for (let hour = 1; hour <= 47; hour++) {
      flock.start();
      await flock.until(
        new Date(Date.parse('2026-05-01T00:00:00Z') + hour * 3_600_000 + 60_000).toISOString(),
      );
      await flock.stop();
    }
    assert.deepEqual(perDay(flock, 'ada', 'bea'), [6, 6]);
    assert.ok(perDay(flock, 'ada').every((count) => count <= 4));
  });

  it('counts each bot by its own day, and the flock by the flock’s', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', {
      ...hourly,
      timezone: 'Europe/Berlin',
      budget: { postsPerDay: 9 },
    });
    flock.add('ada', lines('ada', 40), { timezone: 'Asia/Tokyo', budget: { postsPerDay: 5 } });
    flock.add('bea', lines('bea', 40), { timezone: 'America/Los_Angeles', budget: { postsPerDay: 6 } });
    flock.start();
    await flock.until('2026-05-05T00:00:00Z');
    const most = (names: string[], timeZone: string): number => {
      const date = new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short' });
      const days = new Map<string, number>();
      for (const time of names.flatMap((name) => flock.timesOf(name))) {
        const day = date.format(new Date(time));
        days.set(day, (days.get(day) ?? 0) + 1);
      }
      return Math.max(...days.values());
    };
    assert.equal(most(['ada'], 'Asia/Tokyo'), 5);
    assert.equal(most(['ada', 'bea'], 'Europe/Berlin'), 9);
    assert.ok(most(['bea'], 'America/Los_Angeles') <= 6);
  });

  it('has spent by its ledger what the sandbox bills', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { ...hourly, settle: '1m' });
    flock.add('ada', [...lines('ada', 5), 'see poems.example.com', ...lines('more', 5)]);
    flock.add('bea', lines('bea', 11));
    const posts = { method: 'POST', path: '/2/tweets' };
    flock.control('faults', { match: posts, rate: 0.3, fault: { kind: 'drop', when: 'after' } });
    flock.control('faults', { match: posts, rate: 0.2, fault: { kind: 'drop', when: 'before' } });
    flock.start();
    await flock.until('2026-05-03T00:00:00Z');
    const now = Date.parse('2026-05-03T00:00:00Z');
    const billed = flock.billed();
    assert.ok(billed > 0.5, `only $${billed}`);
    const bots = ['ada', 'bea'].map((name) => spentBy(flock.state(name), 'UTC', now).total);
    assert.equal(bots.reduce((sum, micros) => sum + micros, 0) / 1e6, billed);
    assert.equal(spentByFlock(flock.history(), 'UTC', now).micros / 1e6, billed);
  });
});
