import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import {
  type BotFiles,
  type Condition,
  type FlockNow,
  needsSomebody,
  statusOf,
} from '../../src/flock/status.ts';
import type { Intent } from '../../src/ledger/events.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import type { BotState, Owed } from '../../src/ledger/state.ts';
import { networks } from '../../src/networks/networks.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';

const at = (time: string): number => Date.parse(`2026-11-21T${time}Z`);
const now = at('12:00:00');
const midnight = Date.parse('2026-11-22T00:00:00Z');
const december = Date.parse('2026-12-01T00:00:00Z');

const flock: FlockNow = { history: new FlockHistory(), flockBudget: unlimitedBudget, isStopped: false, now };
const settingsOf = (settings: object) =>
  parseFlockFile(JSON.stringify(settings), 'flock.json').settingsOf('howl' as BotName);
const files: BotFiles = {
  bot: 'howl',
  account: 'howl_bot',
  network: networks.x,
  lines: 3,
  linked: new Set([2]),
  settings: settingsOf({ schedule: '0 */6 * * *', atEnd: 'stop' }),
  unfit: undefined,
};
const fine: BotState = {
  place: { poem: 'aaaaaaaabbbbbbbbcccccccc', next: 1, ahead: [] },
  pass: 1,
  served: now,
  posts: 1,
  last: { id: '77', at: at('06:00:00'), line: 0 },
};
const open: Intent = {
  event: 'intent',
  bot: 'howl',
  at: at('11:59:00'),
  slot: now,
  until: now,
  line: 1,
  lines: 1,
  print: 'p',
};
const owed = (why: string, retryAt: number): Owed => {
  return { slot: now, until: now, retryAt, why, reason: '429 Too Many Requests', times: 1 };
};
const parked = { why: 'X refuses its key (401)', hint: 'keymaker reauth howl', key: 'k', at: now };
const spent = (posts: number, micros: number): Partial<BotState> => {
  return { tally: { day: { ends: midnight, posts }, month: { ends: december, micros }, total: micros } };
};
const withBudget = (budget: object, more: object = {}): Partial<BotFiles> => {
  return { settings: { ...settingsOf({ schedule: '0 */6 * * *', ...more }), budget } };
};
const flockSpent = (posts: number, micros: number): FlockHistory =>
  new FlockHistory({
    days: [[midnight, { posts, micros }]],
    months: [[december, { posts, micros }]],
    recent: [],
  });

interface Case {
  name: string;
  state?: Partial<BotState> | undefined;
  files?: Partial<BotFiles>;
  flock?: Partial<FlockNow>;
  is: Condition;
  why?: RegExp;
  hint?: RegExp;
  until?: string;
  next?: string;
}

const cases: Case[] = [
  { name: 'has not begun', state: undefined, is: 'new', next: '18:00' },
  { name: 'posts', is: 'fine', next: '18:00' },
  {
    name: 'has posted later than the clock shows',
    state: { served: at('12:02:00') },
    is: 'waiting',
    why: /^the clock of this machine shows .*T12:00:00.*the ledger has an entry of .*T12:02:00/,
    hint: /timedatectl/,
  },
  {
    name: 'was refused for now',
    state: { owed: owed('wait', at('12:15:00')) },
    is: 'waiting',
    why: /429/,
    until: '12:15',
    next: '12:15',
  },
  {
    name: 'may try again',
    state: { owed: owed('wait', at('11:00:00')) },
    is: 'waiting',
    why: /429/,
    next: '12:00',
  },
  {
    name: 'was asked',
    state: { owed: owed('asked', at('11:00:00')) },
    is: 'waiting',
    why: /person asked/,
    next: '12:00',
  },
  {
    name: 'has a post in doubt',
    state: { open, parked },
    is: 'in doubt',
    why: /line 2 was sent at 2026-11-21T11:59/,
    hint: /flockd resolve howl/,
    until: '12:04',
  },
  {
    name: 'has a post under way',
    state: { open: { ...open, at: at('11:59:55') } },
    is: 'fine',
    next: '11:59',
  },
  {
    name: 'has a post open from a clock that was set back since',
    state: { open: { ...open, at: at('13:00:00') } },
    is: 'in doubt',
  },
  { name: 'was restored', state: { restored: true }, is: 'looking', why: /has posted since/ },
  {
    name: 'looks on its timeline',
    state: { restored: true, open: { ...open, look: true } },
    is: 'looking',
    why: /restored/,
    until: '12:04',
  },
  {
    name: 'is parked',
    state: { parked, paused: now },
    is: 'parked',
    why: /refuses its key/,
    hint: /keymaker reauth howl/,
  },
  {
    name: 'is paused by a person',
    state: { paused: at('11:00:00') },
    is: 'paused',
    why: /since 2026-11-21T11:00/,
    hint: /flockd resume howl/,
  },
  {
    name: 'is paused in flock.json',
    files: { settings: settingsOf({ bots: { howl: { paused: true } } }) },
    is: 'paused',
    why: /flock\.json/,
  },
  {
    name: 'is in a flock that is stopped',
    flock: { isStopped: true },
    state: { paused: now },
    is: 'stopped',
    hint: /flockd resume/,
  },
  { name: 'is new in a flock that is stopped', flock: { isStopped: true }, state: undefined, is: 'stopped' },
  { name: 'has finished', state: { place: { ...fine.place, next: 3 } }, is: 'finished' },
  {
    name: 'has finished and begins again',
    state: { place: { ...fine.place, next: 3 } },
    files: { settings: settingsOf({ schedule: '0 18 * * *' }) },
    is: 'fine',
    next: '18:00',
  },
  {
    name: 'has a bad bundle',
    files: { settings: undefined, unfit: { why: 'not whole JSON', hint: 'make it again' } },
    is: 'unfit',
    why: /JSON/,
    hint: /again/,
  },
  {
    name: 'has used its posts up',
    files: withBudget({ postsPerDay: 4 }),
    state: spent(4, 60_000),
    is: 'waiting',
    why: /its budget of 4 posts a day/,
    hint: /raise its postsPerDay/,
    until: '00:00',
    next: '00:00',
  },
  {
    name: 'has used its posts up, and lets slots go',
    files: withBudget({ postsPerDay: 4 }, { missed: 'skip' }),
    state: spent(4, 60_000),
    is: 'waiting',
    until: '00:00',
    next: '06:00',
  },
  {
    name: 'has posts left',
    files: withBudget({ postsPerDay: 5 }),
    state: spent(4, 60_000),
    is: 'fine',
    next: '18:00',
  },
  {
    name: 'has its next slot when there is budget again',
    files: withBudget({ postsPerDay: 4 }, { schedule: '0 0 * * *' }),
    state: spent(4, 60_000),
    is: 'fine',
    next: '00:00',
  },
  {
    name: 'has no money for a link',
    files: { ...withBudget({ usdPerMonth: 0.3 }) },
    state: { ...spent(9, 200_000), place: { ...fine.place, next: 2 } },
    is: 'waiting',
    why: /\$0\.30 a month/,
    until: '00:00',
    next: '00:00',
  },
  {
    name: 'has money for what has no link',
    files: withBudget({ usdPerMonth: 0.3 }),
    state: spent(9, 200_000),
    is: 'fine',
    next: '18:00',
  },
  {
    name: 'can never pay',
    files: withBudget({ usdPerMonth: 0.01 }),
    is: 'waiting',
    why: /too small for its next post: it posts nothing until its budget is raised/,
    hint: /^raise its usdPerMonth/,
  },
  {
    name: 'waits for the budget of the flock',
    flock: { flockBudget: { ...unlimitedBudget, budget: { postsPerDay: 9 } }, history: flockSpent(9, 0) },
    is: 'waiting',
    why: /the flock's budget/,
    hint: /raise the flock's postsPerDay/,
    until: '00:00',
    next: '00:00',
  },
  {
    name: 'has finished, and has no budget',
    files: withBudget({ postsPerDay: 0 }, { atEnd: 'stop' }),
    state: { place: { ...fine.place, next: 3 } },
    is: 'finished',
  },
];

describe('a bot that', () => {
  for (const { name, is, why, hint, until, next, ...given } of cases) {
    it(`${name} is ${is}`, () => {
      const state = 'state' in given && given.state === undefined ? undefined : { ...fine, ...given.state };
      const status = statusOf({ ...files, ...given.files }, state, { ...flock, ...given.flock });
      assert.equal(status.state, is);
      if (why) assert.match(status.why ?? '', why);
      else if (['fine', 'new', 'finished'].includes(is)) assert.equal(status.why, undefined);
      if (hint) assert.match(status.hint ?? '', hint);
      if (until !== undefined) assert.equal(status.until?.slice(11, 16), until);
      assert.equal(status.next?.slice(11, 16), next);
    });
  }

  it('needs somebody is told from one that does not', () => {
    const all: Condition[] = [
      'new',
      'fine',
      'waiting',
      'in doubt',
      'looking',
      'parked',
      'paused',
      'stopped',
      'finished',
      'unfit',
    ];
    const next = '2026-11-22T00:00:00.000Z';
    const needy = all.filter((state) => needsSomebody({ state, next, until: undefined }));
    assert.deepEqual(needy, ['in doubt', 'looking', 'parked', 'unfit']);
  });

  it('is unfit with a key of another account than it has posted as, or than flock.json names at first', () => {
    const settings = settingsOf({ schedule: '0 */6 * * *', bots: { howl: { account: '@growl' } } });
    const held = { ...files, settings, key: { userId: '7', screenName: 'howl_bot' } };
    const first = statusOf(held, undefined, flock);
    assert.deepEqual(
      [first.state, first.why],
      ['unfit', 'howl: its key is for @howl_bot, but flock.json says @growl'],
    );
    assert.match(first.hint ?? '', /keymaker reauth howl/);
    assert.equal(statusOf(held, { ...fine, account: '7' }, flock).state, 'fine');
    const foreign = statusOf(held, { ...fine, account: '8' }, flock);
    assert.deepEqual(
      [foreign.state, foreign.why],
      ['unfit', 'howl has posted as the account 8, but its key is for 7'],
    );
  });

  it('needs somebody where it waits for what goes away by nobody else', () => {
    const waiting = (budget: object): boolean => {
      const status = statusOf({ ...files, ...withBudget(budget) }, { ...fine, ...spent(4, 60_000) }, flock);
      assert.equal(status.state, 'waiting');
      return needsSomebody(status);
    };
    assert.ok(!waiting({ postsPerDay: 4 }), 'tomorrow is another day');
    assert.ok(waiting({ postsPerDay: 0 }), 'no day is better than this one');
    assert.ok(waiting({ usdPerMonth: 0.001 }), 'no month is better than this one');
  });
});
