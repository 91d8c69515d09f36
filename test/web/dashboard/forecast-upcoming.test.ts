import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dashboardPage } from '../../../src/web/dashboard/page.ts';
import type { FlockView } from '../../../src/web/dashboard/snapshot.ts';
import { ShownFlock } from '../../support/shown-flock.ts';
import { aBot, aView, theDays } from './a-view.ts';

const lines = (word: string, count = 60): string =>
  Array.from({ length: count }, (_, n) => `${word} ${n + 1}`).join('\n');

const told = ({ upcoming }: FlockView): string[] =>
  upcoming.map(({ at, text }) => `${at.slice(11, 16)} ${text}`);

/** Two bots, on the morning of a day. */
async function aFlock(settings: Record<string, unknown> = {}): Promise<ShownFlock> {
  const flock = new ShownFlock('2026-08-20T00:00:00Z', {
    schedule: '0 9,12,18 * * *',
    bots: { birch: { schedule: '30 10 * * *' } },
    ...settings,
  });
  flock.add('amber', lines('Amber'));
  flock.add('birch', lines('Birch'));
  flock.update();
  await flock.until('2026-08-21T08:00:00Z');
  return flock;
}

describe('what is still to be posted today', () => {
  it('comes in the order of time, with its text', async () => {
    await using flock = await aFlock();
    assert.deepEqual(told(await flock.view()), [
      '09:00 Amber 4',
      '10:30 Birch 2',
      '12:00 Amber 5',
      '18:00 Amber 6',
    ]);
  });

  it('ends with the day of the flock, wherever its bots are', async () => {
    await using flock = await aFlock({
      timezone: 'Pacific/Auckland',
      bots: { birch: { timezone: 'UTC', schedule: '30 10,13 * * *' } },
    });
    // The day ends there at 12:00 UTC, and amber posts by the clock there.
    assert.deepEqual(told(await flock.view()), ['10:30 Birch 3']);
  });

  it('is what budgets leave', async () => {
    // The second of the day was posted at midnight: it was owed since the day before.
    await using flock = await aFlock({ budget: { postsPerDay: 2 } });
    assert.deepEqual(told(await flock.view()), ['09:00 Amber 3']);
  });

  it('is nothing of a bot that is paused, and nothing where the flock is', async () => {
    await using flock = await aFlock();
    await flock.order({ order: 'pause', bot: 'amber' });
    assert.deepEqual(told(await flock.view()), ['10:30 Birch 2']);
    flock.stopped = true;
    assert.deepEqual(told(await flock.view()), []);
  });

  it('follows what happens, and what is written', async () => {
    await using flock = await aFlock();
    const snapshots = flock.snapshots();
    const viewNow = (): Promise<FlockView> => {
      snapshots.forget();
      return snapshots.view();
    };
    assert.equal(told(await viewNow())[0], '09:00 Amber 4');
    flock.add('amber', lines('Amber').replace('Amber 4', 'An edit'));
    assert.equal(told(await viewNow())[0], '09:00 An edit');
    await flock.until('2026-08-21T09:30:00Z');
    assert.deepEqual(told(await viewNow()).slice(0, 2), ['10:30 Birch 2', '12:00 Amber 5']);
  });

  it('is twelve at most, of those that come first', async () => {
    await using flock = new ShownFlock('2026-08-20T00:00:00Z', {
      schedule: '0 23 * * *',
      bots: { 'b-30': { schedule: '*/5 * * * *' } },
    });
    for (let n = 0; n < 40; n++) flock.add(`b-${n}`, lines(`B${n}`, 600));
    flock.update();
    await flock.until('2026-08-20T08:01:00Z');
    const { upcoming } = await flock.view();
    assert.equal(upcoming.length, 12);
    assert.deepEqual(new Set(upcoming.map(({ bot }) => bot)), new Set(['b-30']));
    assert.equal(upcoming[0]?.at, '2026-08-20T08:05:00.000Z');
  });

  it('is said on the page, and what it leaves out', async () => {
    const page = async (view: FlockView): Promise<string> => {
      const { bytes } = await dashboardPage(view, { control: undefined, edition: '1' });
      return (
        /<section class="today"[^]*?<\/section>/.exec(String(bytes))?.[0].replaceAll(/<[^>]*>|\s+/g, ' ') ??
        ''
      );
    };
    const days = theDays({ '2026-08-22': { planned: 9 } });
    const upcoming = [
      { bot: 'evensong', at: '2026-08-22T16:00:00.000Z', line: 4, lines: 1, text: 'The bell\n<b>' },
    ];
    assert.match(
      await page(aView([aBot('evensong')], { days, upcoming })),
      /18:00 +evensong +The bell &lt;b&gt; .*and at most 8 more today/,
    );
    assert.match(
      await page(aView([aBot('evensong')])),
      /Nothing more today\. The next line is evensong’s, Sun 09:00 CEST\./,
    );
    const rests = aView([
      aBot('evensong', { state: 'paused', pausedSince: '2026-08-22T09:00:00Z', next: undefined }),
    ]);
    assert.match(await page(rests), /no bot posts now\. +All are paused: +flockd resume BOT +resumes one\./);
    const stopped = aView([aBot('evensong', { state: 'stopped' })]);
    assert.match(
      await page({ ...stopped, flock: { ...stopped.flock, stopped: true } }),
      /Nothing: no bot posts now/,
    );
  });
});
