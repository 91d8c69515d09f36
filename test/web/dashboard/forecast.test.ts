import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../../src/clock.ts';
import { parseFlockFile } from '../../../src/config/flock-file.ts';
import { type BotFiles, statusOf } from '../../../src/flock/status.ts';
import { FlockHistory } from '../../../src/ledger/history.ts';
import { type BotState, fingerprints, startOf } from '../../../src/ledger/state.ts';
import { networks } from '../../../src/networks/networks.ts';
import type { BotName } from '../../../src/poems/bot-name.ts';
import { unlimitedBudget } from '../../../src/posting/budget.ts';
import { nextAfter } from '../../../src/schedule/schedule.ts';
import { SlotForecast } from '../../../src/web/dashboard/forecast.ts';
import { EventLoopYield } from '../../../src/yield.ts';

const files = (settings: object, change: Partial<BotFiles> = {}): BotFiles => ({
  bot: 'howl',
  account: 'howl',
  network: networks.x,
  lines: 10,
  linked: new Set(),
  settings: parseFlockFile(JSON.stringify(settings), 'flock.json').settingsOf('howl' as BotName),
  unfit: undefined,
  ...change,
});

/** The next days of bots, from a Saturday in the flock's zone on. */
async function planned(
  bots: BotFiles[],
  change: { state?: Partial<BotState>; isStopped?: boolean; timezone?: string; now?: string } = {},
) {
  const { isStopped = false, timezone = 'Europe/Berlin', now = '2026-08-22T10:00:00Z' } = change;
  const forecast = new SlotForecast(new HeldClock(now));
  const flockBudget = { ...unlimitedBudget, timezone };
  const begun = { place: startOf(fingerprints([])), pass: 1, served: 0, posts: 0 };
  const stateOf = (): BotState | undefined => change.state && { ...begun, ...change.state };
  const history = new FlockHistory();
  const moment = { history, flockBudget, isStopped, now: Date.parse(now) };
  const standing = bots.map((bot) => statusOf(bot, stateOf(), moment));
  return [...(await forecast.planned({ ...moment, files: bots, standing, stateOf }, new EventLoopYield()))];
}

const numbers = (counts: [string, number][]): number[] => counts.map(([, count]) => count);

const long = { lines: 100_000 };

describe('a poem that is shorter than a day of slots', () => {
  const short = files({ schedule: '0 * * * *', refrain: 'defer' }, { lines: 1 });

  it('is bounded by what X refuses, and on no other network', async () => {
    const others = [networks.mastodon, networks.bluesky].map((network) => ({ ...short, network }));
    const found = await Promise.all([short, ...others].map((bot) => planned([bot])));
    assert.deepEqual(
      found.map((counts) => numbers(counts)[1]),
      [2, 24, 24],
    );
  });

  it('is bounded by money where money is charged', async () => {
    const budget = { bots: { howl: { budget: { usdPerMonth: 0.03 }, schedule: '0 * * * *' } } };
    const both = [networks.x, networks.mastodon].map((network) => files(budget, { ...long, network }));
    const found = await Promise.all(both.map((bot) => planned([bot])));
    assert.deepEqual(
      found.map((counts) => numbers(counts)[1]),
      [0, 24],
    );
  });
});

describe('the slots of the next days', () => {
  it('are counted from now on, by the days of the flock', async () => {
    const counts = await planned([files({ schedule: '0 9,21 * * *', timezone: 'Europe/Berlin' })]);
    assert.deepEqual(counts.slice(0, 3), [
      ['2026-08-22', 1],
      ['2026-08-23', 2],
      ['2026-08-24', 2],
    ]);
    assert.deepEqual(counts.at(-1), ['2026-10-17', 2]);
    // 23:00 in New York is the next day in Berlin.
    const foreign = await planned([files({ schedule: '0 23 * * 6', timezone: 'America/New_York' })]);
    assert.deepEqual(numbers(foreign).slice(0, 9), [0, 1, 0, 0, 0, 0, 0, 0, 1]);
  });

  it('are as many as the calendar says, each one of them, in weeks in which the clock changes too', async () => {
    const schedule = { expression: '30 2 * * 1,3,0', timezone: 'Europe/Berlin' };
    const now = '2026-10-20T10:00:00Z';
    const counts = await planned([files({ schedule: schedule.expression, timezone: schedule.timezone })], {
      now,
    });
    const expected = new Map(counts.map(([day]) => [day, 0]));
    const day = new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Berlin' });
    for (
      let slot = nextAfter(schedule, Date.parse(now));
      slot !== undefined;
      slot = nextAfter(schedule, slot)
    ) {
      const name = day.format(slot);
      const known = expected.get(name);
      if (known === undefined) break;
      expected.set(name, known + 1);
    }
    assert.deepEqual(counts, [...expected]);
  });

  it('of busy schedules are as many on each of their days', async () => {
    const counts = numbers(
      await planned([files({ schedule: '*/10 9-17 * * 1-5', timezone: 'Europe/Berlin' }, long)]),
    );
    assert.deepEqual(counts.slice(0, 9), [0, 0, 54, 54, 54, 54, 54, 0, 0]);
    const seconds = numbers(await planned([files({ schedule: '* * * * * *' }, long)], { timezone: 'UTC' }));
    assert.ok(Math.abs((seconds[1] ?? 0) - 86_400) < 100, String(seconds[1]));
    assert.ok(Math.abs((seconds[0] ?? 0) - 50_400) < 100, String(seconds[0]));
  });

  it('of a wide spread are those of the days on which the bot posts', async () => {
    const spread = '4d';
    const counts = numbers(
      await planned([files({ schedule: '0 9 * * 6', spread, timezone: 'UTC' })], { timezone: 'UTC' }),
    );
    const weekly = counts.flatMap((count, index) => (count > 0 ? [index % 7] : []));
    assert.equal(new Set(weekly).size, 1);
    assert.ok(weekly.length >= 8);
  });

  it('are none of bots that rest, are parked or cannot post, and none of a stopped flock', async () => {
    const daily = { schedule: '0 9 * * *' };
    const none = async (bots: BotFiles[], change?: Parameters<typeof planned>[1]) => {
      assert.equal(Math.max(...numbers(await planned(bots, change))), 0);
    };
    await none([files({ ...daily, bots: { howl: { paused: true } } })]);
    await none([files(daily, { unfit: { why: 'x', hint: undefined } })]);
    await none([files(daily, { settings: undefined })]);
    await none([files(daily)], { state: { paused: 1 } });
    await none([files(daily)], { state: { parked: { why: 'x', hint: 'y', key: 'z', at: 1 } } });
    await none([files(daily)], { isStopped: true });
  });

  it('are no more than there are lines, where the poem is read once', async () => {
    const counts = numbers(await planned([files({ schedule: '0 21 * * *', atEnd: 'stop' }, { lines: 3 })]));
    assert.deepEqual(counts.slice(0, 5), [1, 1, 1, 0, 0]);
  });

  const owed = { slot: 0, until: 0, why: 'wait', reason: 'X says so', times: 1 };
  const tenLines = startOf(fingerprints(Array.from({ length: 10 }, (_, n) => ({ text: `line ${n}` }))));

  it('are, of a bot that waits, those after it has waited, and the one that it owes', async () => {
    const state = { owed: { ...owed, retryAt: Date.parse('2026-08-24T10:00:00Z') }, place: tenLines };
    const timezone = 'Europe/Berlin';
    const counts = numbers(await planned([files({ schedule: '0 9,21 * * *', timezone })], { state }));
    assert.deepEqual(counts.slice(0, 4), [0, 0, 2, 2]);
    const busy = numbers(
      await planned([files({ schedule: '*/10 * * * *', timezone: 'UTC' }, { lines: 1000 })], {
        state: {
          ...state,
          place: startOf(fingerprints(Array.from({ length: 500 }, (_, n) => ({ text: `${n}` })))),
        },
        timezone: 'UTC',
      }),
    );
    assert.deepEqual(busy.slice(0, 4), [0, 0, 84, 144]);
  });

  it('are none where no budget is ever large enough, and none of a poem that is finished', async () => {
    const broke = files({ schedule: '0 21 * * *', bots: { howl: { budget: { usdPerMonth: 0 } } } });
    const finished = files({ schedule: '0 21 * * *', atEnd: 'stop' });
    assert.equal(Math.max(...numbers(await planned([broke]))), 0);
    const state = { place: { ...tenLines, next: 10 } };
    assert.equal(Math.max(...numbers(await planned([finished], { state }))), 0);
  });

  it('are no more than X takes of a short poem that is read again and again', async () => {
    const counts = async (refrain: string): Promise<number[]> =>
      numbers(await planned([files({ schedule: '*/2 * * * *', refrain })], { timezone: 'UTC' })).slice(1, 3);
    // Ten lines twice a day, each alone and joined with its follower.
    assert.deepEqual(await counts('join'), [40, 40]);
    assert.deepEqual(await counts('skip'), [20, 20]);
  });

  it('are those of all bots together', async () => {
    const bots = ['a', 'b', 'c'].map((bot) => files({ schedule: '0 21 * * *' }, { bot }));
    bots.push(files({ schedule: '0 21,22 * * *', bots: { howl: { budget: { postsPerDay: 1 } } } }));
    assert.deepEqual(numbers(await planned(bots)).slice(0, 3), [4, 4, 4]);
  });
});
