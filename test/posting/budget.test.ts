import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Budget } from '../../src/config/flock-file.ts';
import { inMicros } from '../../src/cost.ts';
import type { LedgerEvent, Price } from '../../src/ledger/events.ts';
import { FlockHistory, spentBy, spentByFlock } from '../../src/ledger/history.ts';
import { applyEvent, type BotState } from '../../src/ledger/state.ts';
import {
  type BudgetExceeded,
  exceededBudget,
  describeExceeded,
  looksAgain,
  unlimitedBudget,
  checkBudget,
  costOf,
  type Spender,
} from '../../src/posting/budget.ts';

const poem = 'aaaaaaaabbbbbbbbcccccccc';
const noon = Date.parse('2026-11-21T12:00:00Z');
const midnight = Date.parse('2026-11-22T00:00:00Z');
const december = Date.parse('2026-12-01T00:00:00Z');
const hour = 3_600_000;
const cost = 15_000;

const usual: Price = { cost, dayEnds: midnight, monthEnds: december };
const intent = (price: Price = usual): LedgerEvent => {
  return {
    event: 'intent',
    bot: 'howl',
    at: noon,
    slot: noon,
    until: noon,
    line: 0,
    lines: 1,
    print: 'p',
    ...price,
  };
};
const posted: LedgerEvent = { event: 'posted', bot: 'howl', at: noon, id: '7', by: 'answer' };
const refused: LedgerEvent = {
  event: 'refused',
  bot: 'howl',
  at: noon,
  why: 'wait',
  reason: '429',
  retryAt: noon,
};
const absent: LedgerEvent = { event: 'absent', bot: 'howl', at: noon, by: 'timeline', cost: 5000 };

/** What the ledger says after these events. */
function after(...events: LedgerEvent[]): { state: BotState; history: FlockHistory } {
  const history = new FlockHistory();
  let state = applyEvent(undefined, { event: 'begun', bot: 'howl', at: 0, poem });
  for (const event of events) {
    history.apply(event, state);
    state = applyEvent(state, event);
  }
  return { state, history };
}

describe('what was spent', () => {
  const rows: [name: string, events: LedgerEvent[], posts: number, micros: number][] = [
    ['nothing', [], 0, 0],
    ['a post in doubt is reserved', [intent()], 1, cost],
    ['a post', [intent(), posted], 1, cost],
    ['a refused one costs nothing', [intent(), refused], 0, 0],
    ['an absent one costs the look', [intent(), absent], 0, 5000],
    ['found on the timeline', [intent(), { ...posted, by: 'timeline', cost: 10_000 }], 1, cost + 10_000],
    [
      'two posts, one with a link',
      [intent(), posted, intent({ ...usual, cost: 200_000 }), posted],
      2,
      cost + 200_000,
    ],
    ['yesterday counts in the month', [intent({ ...usual, dayEnds: midnight - 24 * hour }), posted], 0, cost],
    [
      'last month counts nowhere',
      [intent({ cost, dayEnds: noon - hour, monthEnds: noon - hour }), posted],
      0,
      0,
    ],
    ['a look sends nothing', [{ ...intent({}), look: true } as LedgerEvent, absent], 0, 0],
  ];
  for (const [name, events, posts, micros] of rows) {
    it(`by a bot and by its flock: ${name}`, () => {
      const { state, history } = after(...events);
      const own = spentBy(state, 'UTC', noon);
      const all = spentByFlock(history, 'UTC', noon);
      assert.deepEqual([own.posts, own.micros], [posts, micros]);
      assert.deepEqual([all.posts, all.micros], [posts, micros]);
    });
  }

  it('gives nothing back to a day that has begun since', () => {
    const tomorrow = { cost, dayEnds: midnight + 24 * hour, monthEnds: december };
    const { state } = after(intent(), refused, intent(tomorrow), posted);
    assert.equal(spentBy(state, 'UTC', midnight + hour).posts, 1);
  });

  it('keeps the total of all time', () => {
    const { state } = after(intent(), posted, intent({ cost, dayEnds: 1, monthEnds: 1 }), posted);
    assert.equal(spentBy(state, 'UTC', december + hour).total, 2 * cost);
    assert.equal(spentBy(state, 'UTC', december + hour).micros, 0);
  });

  it('goes on to the end of the day that was begun, whatever the time zone says since', () => {
    const { state, history } = after(intent(), posted);
    for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Europe/Berlin']) {
      assert.equal(spentBy(state, zone, noon).posts, 1, zone);
      assert.equal(spentByFlock(history, zone, noon).ends.day, midnight, zone);
    }
  });

  it('does not believe a day that a clock set far ahead began', () => {
    const ahead = { cost, dayEnds: midnight + 400 * 24 * hour, monthEnds: december + 400 * 24 * hour };
    assert.deepEqual(spentBy(after(intent(ahead), posted).state, 'UTC', noon).ends, {
      day: midnight,
      month: december,
    });
  });
});

describe('a budget', () => {
  const spent = { posts: 3, micros: inMicros(1), ends: { day: midnight, month: december } };
  const rows: [budget: Budget, cost: number, cap: Partial<BudgetExceeded> | undefined][] = [
    [{}, cost, undefined],
    [{ postsPerDay: 4 }, cost, undefined],
    [{ postsPerDay: 3 }, cost, { what: 'postsPerDay', limit: 3, until: midnight }],
    [{ postsPerDay: 0 }, cost, { what: 'postsPerDay', limit: 0, until: undefined }],
    [{ usdPerMonth: 1.015 }, cost, undefined],
    [{ usdPerMonth: 1.014 }, cost, { what: 'usdPerMonth', limit: 1.014, until: december }],
    [{ usdPerMonth: 1.1 }, 200_000, { what: 'usdPerMonth', limit: 1.1, until: december }],
    [{ usdPerMonth: 0.1 }, 200_000, { what: 'usdPerMonth', limit: 0.1, until: undefined }],
    [{ usdPerMonth: 0 }, cost, { what: 'usdPerMonth', limit: 0, until: undefined }],
    [{ postsPerDay: 3, usdPerMonth: 0 }, cost, { what: 'postsPerDay' }],
  ];
  for (const [budget, price, cap] of rows) {
    it(`of ${JSON.stringify(budget)} ${cap ? 'has no room' : 'has room'} for $${price / 1e6}`, () => {
      const found = exceededBudget('bot', budget, spent, { posts: 1, cost: price });
      assert.equal(found === undefined, cap === undefined);
      for (const [name, value] of Object.entries(cap ?? {}))
        assert.equal(found?.[name as keyof BudgetExceeded], value, name);
    });
  }

  it('reads well where it is used up, and where it is too small', () => {
    const cap: BudgetExceeded = { whose: 'bot', what: 'postsPerDay', limit: 3, until: midnight };
    assert.equal(describeExceeded(cap), 'its budget of 3 posts a day is used up');
    const never: BudgetExceeded = { whose: 'flock', what: 'usdPerMonth', limit: 0.1, until: undefined };
    assert.equal(
      describeExceeded(never),
      "the flock's budget of $0.10 a month is too small for its next post",
    );
  });

  it('is asked again before it ends, since others may give back what they had reserved', () => {
    const cap: BudgetExceeded = { whose: 'flock', what: 'postsPerDay', limit: 3, until: midnight };
    assert.equal(looksAgain(cap, noon), noon + 15 * 60_000);
    assert.equal(looksAgain(cap, midnight - 1), midnight);
    assert.equal(looksAgain({ ...cap, until: undefined }, noon), undefined);
  });
});

describe('the price of a post', () => {
  const settings = { timezone: 'UTC', budget: {} };
  const check = (spender: Spender): ReturnType<typeof checkBudget> =>
    checkBudget({ posts: 1, cost: costOf('a line', spender.purse.prices) }, spender, noon);

  it('is taken from the day and month of the bot, and of the flock where those are others', () => {
    const { state, history } = after();
    const spender = { state, settings, history, purse: unlimitedBudget };
    assert.deepEqual(check(spender), { cap: undefined, price: usual, moneyLeft: Infinity });
    const elsewhere = { ...spender, settings: { ...settings, timezone: 'Asia/Tokyo' } };
    assert.deepEqual(check(elsewhere).price, {
      cost,
      dayEnds: Date.parse('2026-11-21T15:00:00Z'),
      monthEnds: Date.parse('2026-11-30T15:00:00Z'),
      flockDayEnds: midnight,
      flockMonthEnds: december,
    });
  });

  it('is refused by the bot’s own budget before the flock’s', () => {
    const { state, history } = after(intent(), posted);
    const purse = { ...unlimitedBudget, budget: { postsPerDay: 1 } };
    const spender = { state, settings: { ...settings, budget: { postsPerDay: 1 } }, history, purse };
    assert.deepEqual(check(spender).cap, { whose: 'bot', what: 'postsPerDay', limit: 1, until: midnight });
    assert.deepEqual(check({ ...spender, settings }).cap, {
      whose: 'flock',
      what: 'postsPerDay',
      limit: 1,
      until: midnight,
    });
  });
});

describe('the history of a flock', () => {
  it('remembers its last posts, newest first, and what each day was', () => {
    const { history } = after(intent(), posted, intent(), { ...posted, id: '8' });
    assert.deepEqual(
      history.recent().map(({ id }) => id),
      ['8', '7'],
    );
    assert.deepEqual(history.days.list(), [[midnight, { posts: 2, micros: 2 * cost }]]);
  });

  it('is the same after it was written down', () => {
    const { history } = after(intent(), posted);
    const again = new FlockHistory(JSON.parse(JSON.stringify(history)));
    assert.deepEqual(again.toJSON(), history.toJSON());
    assert.deepEqual([again.days.recent, again.months.recent], [[midnight], [december]]);
  });

  it('forgets what is long past', () => {
    const history = new FlockHistory();
    for (let day = 1; day <= 500; day++) {
      const price = { cost, dayEnds: day * 24 * hour, monthEnds: Math.ceil(day / 5) * 120 * hour };
      history.apply(intent(price), undefined);
      history.apply({ ...posted, id: String(day) }, applyEvent(after().state, intent(price)));
    }
    const { days, months, recent } = history.toJSON();
    assert.deepEqual([days.length, months.length, recent.length], [400, 60, 100]);
    assert.equal(days[0]?.[0], 101 * 24 * hour);
  });
});
