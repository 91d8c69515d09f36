import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { type BotFiles, type FlockNow, postPages, statusOf, statusOfAll } from '../../src/flock/status.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import type { BotState } from '../../src/ledger/state.ts';
import { networks } from '../../src/networks/networks.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';

const now = Date.parse('2026-11-21T12:00:00Z');
const midnight = Date.parse('2026-11-22T00:00:00Z');
const december = Date.parse('2026-12-01T00:00:00Z');
const day = 86_400_000;

const files: BotFiles = {
  bot: 'howl',
  account: 'howl_bot',
  network: networks.x,
  lines: 3,
  linked: new Set(),
  settings: parseFlockFile('{}', 'flock.json').settingsOf('howl' as BotName),
  unfit: undefined,
};
const state: BotState = {
  place: { poem: 'aaaaaaaabbbbbbbb', next: 1, ahead: [] },
  pass: 2,
  served: now,
  posts: 3,
  last: { id: '77', at: now, line: 0 },
  tally: { day: { ends: midnight, posts: 2 }, month: { ends: december, micros: 30_000 }, total: 45_000 },
};
const flock: FlockNow = { history: new FlockHistory(), flockBudget: unlimitedBudget, isStopped: false, now };

describe('the status of a bot', () => {
  it('says where it is, what it posted last and what it has spent', () => {
    const key = { userId: '1', screenName: 'howl_bot' };
    const pages = postPages('https://api.x.com');
    assert.deepEqual(statusOf({ ...files, key }, state, { ...flock, pages }), {
      bot: 'howl',
      account: 'howl_bot',
      network: 'x',
      server: undefined,
      state: 'fine',
      timezone: 'UTC',
      done: 1,
      of: 2,
      pass: 2,
      posts: 3,
      last: { id: '77', at: '2026-11-21T12:00:00.000Z', line: 1, url: 'https://x.com/howl_bot/status/77' },
      next: '2026-11-22T09:00:00.000Z',
      why: undefined,
      until: undefined,
      hint: undefined,
      spent: { postsToday: 2, usdMonth: 0.03, usdTotal: 0.045 },
      budget: {},
    });
  });

  it('is that it cannot post where something nobody foresaw is thrown, and the others have theirs', () => {
    const settings = { ...parseFlockFile('{}', 'flock.json').settingsOf('howl' as BotName), timezone: 'BST' };
    const sick = { ...files, bot: 'sick', settings };
    const bots = [files, sick].map((one) => statusOf(one, state, flock));
    assert.deepEqual(
      bots.map(({ bot, state: condition }) => [bot, condition]),
      [
        ['howl', 'fine'],
        ['sick', 'unfit'],
      ],
    );
    assert.match(bots[1]?.why ?? '', /sick: this is a bug: /);
    assert.ok(bots[1]?.hint);
  });

  it('counts anew in another day and month', () => {
    const { spent } = statusOf(files, state, { ...flock, now: now + 20 * day });
    assert.deepEqual(spent, { postsToday: 0, usdMonth: 0, usdTotal: 0.045 });
  });

  it('has no address where the account or the post is not known', () => {
    assert.equal(statusOf({ ...files, account: undefined }, state, flock).last?.url, undefined);
    assert.equal(statusOf(files, { ...state, last: { at: now, line: 0 } }, flock).last?.url, undefined);
  });

  it('has the length of the poem as it is, before it begins', () => {
    const { done, of, last, spent } = statusOf(files, undefined, flock);
    assert.deepEqual([done, of, last, spent], [0, 3, undefined, { postsToday: 0, usdMonth: 0, usdTotal: 0 }]);
  });
});

describe('the status of a flock', () => {
  it('says what all have spent, bots that are gone included, and what is left', () => {
    const history = new FlockHistory({
      days: [[midnight, { posts: 5, micros: 75_000 }]],
      months: [[december, { posts: 40, micros: 600_000 }]],
      recent: [],
    });
    const flockBudget = { ...unlimitedBudget, budget: { postsPerDay: 4, usdPerMonth: 1 } };
    const all = statusOfAll([state, state], { ...flock, history, flockBudget, isStopped: true });
    assert.deepEqual(all, {
      stopped: true,
      spent: { postsToday: 5, usdMonth: 0.6, usdTotal: 0.09 },
      dayEnds: '2026-11-22T00:00:00.000Z',
      monthEnds: '2026-12-01T00:00:00.000Z',
      budget: { postsPerDay: 4, usdPerMonth: 1 },
      left: { postsToday: 0, usdMonth: 0.4 },
    });
  });
});
