import type { BotSettings, Budget } from '../config/flock-file.ts';
import { inMicros, type PriceTable, showUsd, usualPrices } from '../cost.ts';
import type { Price } from '../ledger/events.ts';
import type { FlockHistory } from '../ledger/history.ts';
import type { Ledger } from '../ledger/journal.ts';
import { type BotState, daysOf, monthsOf, runningEnd } from '../ledger/state.ts';
import { hasLink } from '../poems/tweet-text.ts';
import { calendarEnds } from '../schedule/schedule.ts';

/** What a flock may spend in all, on which calendar, and what X charges. */
export interface FlockBudget {
  prices: PriceTable;
  /** IANA: where the flock's days and months begin. */
  timezone: string;
  budget: Budget;
}

/** X's prices, and no bound. */
export const unlimitedBudget: FlockBudget = { prices: usualPrices, timezone: 'UTC', budget: {} };

/** What was spent in the day and the month that run now, posts in doubt included, and when those end. */
interface Spent {
  posts: number;
  micros: number;
  ends: ReturnType<typeof calendarEnds>;
}

/** A budget that has no room for one more post. */
export interface BudgetExceeded {
  whose: 'bot' | 'flock';
  what: 'postsPerDay' | 'usdPerMonth';
  limit: number;
  /** When there is room again, or undefined where there never is. */
  until: number | undefined;
}

const hour = 3_600_000;

/** No day or month lasts longer. */
const maxLength = { day: 27 * hour, month: 32 * 24 * hour };

/** What a bot has spent, by its own calendar. */
export function spentBy(
  state: Pick<BotState, 'tally'> | undefined,
  timezone: string,
  now: number,
): Spent & { total: number } {
  const days = daysOf(state?.tally);
  const months = monthsOf(state?.tally);
  const ends = endsAmong(days.map(endOf), months.map(endOf), timezone, now);
  return {
    posts: days.find((day) => day.ends === ends.day)?.posts ?? 0,
    micros: months.find((month) => month.ends === ends.month)?.micros ?? 0,
    total: state?.tally?.total ?? 0,
    ends,
  };
}

/** What the whole flock has spent, by its calendar. */
export function spentByFlock(history: FlockHistory, timezone: string, now: number): Spent {
  const ends = endsAmong(history.recentDays, history.recentMonths, timezone, now);
  return {
    posts: history.day(ends.day).posts,
    micros: history.month(ends.month).micros,
    ends,
  };
}

const endOf = ({ ends }: { ends: number }): number => ends;

function endsAmong(
  days: Iterable<number>,
  months: Iterable<number>,
  timezone: string,
  now: number,
): ReturnType<typeof calendarEnds> {
  const calendar = calendarEnds(timezone, now);
  return {
    day: runningEnd(days, now, { calendar: calendar.day, longest: maxLength.day }),
    month: runningEnd(months, now, { calendar: calendar.month, longest: maxLength.month }),
  };
}

/** What a post or a look takes out of a budget. Money in micros. */
interface Wanted {
  posts: number;
  cost: number;
}

/** The budget that has no room for it, or undefined where there is room. */
export function exceededBudget(
  whose: BudgetExceeded['whose'],
  budget: Budget,
  spent: Spent,
  { posts, cost }: Wanted,
): BudgetExceeded | undefined {
  const { postsPerDay, usdPerMonth } = budget;
  if (posts > 0 && postsPerDay !== undefined && spent.posts + posts > postsPerDay) {
    const until = postsPerDay < 1 ? undefined : spent.ends.day;
    return { whose, what: 'postsPerDay', limit: postsPerDay, until };
  }
  if (usdPerMonth !== undefined && spent.micros + cost > inMicros(usdPerMonth)) {
    const until = cost > inMicros(usdPerMonth) ? undefined : spent.ends.month;
    return { whose, what: 'usdPerMonth', limit: usdPerMonth, until };
  }
  return undefined;
}

/** How a cap reads: `the budget of 24 posts a day is used up`. */
export function describeExceeded({ whose, what, limit, until }: BudgetExceeded): string {
  const budget = whose === 'bot' ? 'its budget' : "the flock's budget";
  const shown = what === 'postsPerDay' ? `${limit} posts a day` : `${showUsd(inMicros(limit))} a month`;
  return until === undefined
    ? `${budget} of ${shown} is too small for its next post`
    : `${budget} of ${shown} is used up`;
}

/** Whose money it is. */
export interface Spender {
  state: BotState | undefined;
  settings: Pick<BotSettings, 'timezone' | 'budget'>;
  history: FlockHistory;
  purse: FlockBudget;
}

/** The budget that has no room for a post, its own before the flock's, or else what its intent says of its cost. */
export const priceOf = (
  text: string,
  spender: Spender,
  now: number,
): { cap: BudgetExceeded } | { price: Price } =>
  priceWithin({ cost: costOf(text, spender.purse.prices), posts: 1 }, spender, now);

/** The same for a look at the timeline that costs so much at most. Micros. */
export const priceOfLook = (
  cost: number,
  spender: Spender,
  now: number,
): { cap: BudgetExceeded } | { price: Price & { cost: number } } =>
  priceWithin({ cost, posts: 0 }, spender, now);

function priceWithin(
  wanted: Wanted,
  spender: Spender,
  now: number,
): { cap: BudgetExceeded } | { price: Price & { cost: number } } {
  const { settings, purse } = spender;
  const { own, all } = spentOf(spender, now);
  const cap =
    exceededBudget('bot', settings.budget, own, wanted) ?? exceededBudget('flock', purse.budget, all, wanted);
  return cap ? { cap } : { price: priceIn(own, all, wanted.cost) };
}

/** What the intent of a post says of its cost, whether or not there is room for it. */
export function priceWithout(text: string, spender: Spender, now: number): Price {
  const { own, all } = spentOf(spender, now);
  return priceIn(own, all, costOf(text, spender.purse.prices));
}

function priceIn(own: Spent, all: Spent, cost: number): Price & { cost: number } {
  const price = { cost, dayEnds: own.ends.day, monthEnds: own.ends.month };
  const isOwn = own.ends.day === all.ends.day && own.ends.month === all.ends.month;
  return isOwn ? price : { ...price, flockDayEnds: all.ends.day, flockMonthEnds: all.ends.month };
}

/** What of a bot's and the flock's money is left, in micros; Infinity where nothing bounds it. */
export function moneyLeft(spender: Spender, now: number): number {
  const { own, all } = spentOf(spender, now);
  const left = (usd: number | undefined, { micros }: Spent): number =>
    usd === undefined ? Infinity : Math.max(0, inMicros(usd) - micros);
  return Math.min(
    left(spender.settings.budget.usdPerMonth, own),
    left(spender.purse.budget.usdPerMonth, all),
  );
}

const spentOf = ({ state, settings, history, purse }: Spender, now: number): { own: Spent; all: Spent } => ({
  own: spentBy(state, settings.timezone, now),
  all: spentByFlock(history, purse.timezone, now),
});

/** A bot at its cap asks again after this time: what another one gave back may be enough. Milliseconds. */
const capRecheck = 900_000;

/** When a bot at its cap looks again, or undefined where only another budget helps. */
export const looksAgain = ({ until }: BudgetExceeded, now: number): number | undefined =>
  until === undefined ? undefined : Math.min(until, now + capRecheck);

/** Which bots were said to wait for their budget, and until when, so that it is said once. */
export class Caps {
  readonly #said = new Map<string, number>();

  /** @returns whether it is news that a bot waits until that instant (undefined: for good) */
  isNews(bot: string, until = Infinity): boolean {
    if (this.#said.get(bot) === until) return false;
    this.#said.set(bot, until);
    return true;
  }
}

/**
 * Restored bots that have not looked yet for what they have posted since: until they have, nobody knows what the flock has
 * spent. Nothing is restored while flockd runs, so that the ledger is gone through once.
 */
export class UnreconciledBots {
  readonly #ledger: Pick<Ledger, 'state' | 'states'>;
  readonly #isUp: (bot: string) => boolean;
  #left: Set<string> | undefined;
  #said: string | undefined;

  /** @param isUp - whether the flock has a bot of that name, and flock.json does not let it rest */
  constructor(ledger: Pick<Ledger, 'state' | 'states'>, isUp: (bot: string) => boolean) {
    this.#ledger = ledger;
    this.#isUp = isUp;
  }

  /**
   * The bot for which a flock with a budget waits, or undefined where there is none. One that rests, or is not in the flock,
   * does not look, and is not waited for.
   */
  awaited({ budget }: FlockBudget): string | undefined {
    if (budget.postsPerDay === undefined && budget.usdPerMonth === undefined) return undefined;
    for (const name of (this.#left ??= this.#restored())) {
      const state = this.#ledger.state(name);
      if (state?.restored !== true) this.#left.delete(name);
      else if (!state.parked && state.paused === undefined && this.#isUp(name)) return name;
    }
    return undefined;
  }

  /** @returns whether it is news that the flock waits for this bot */
  isNews(bot: string): boolean {
    const isNews = this.#said !== bot;
    this.#said = bot;
    return isNews;
  }

  #restored(): Set<string> {
    const restored = [...this.#ledger.states()].filter(([, state]) => state.restored);
    return new Set(restored.map(([name]) => name));
  }
}

/** What X charges for one post with this text, in micros. What looks like a link is priced as one: `night.It` is one. */
export const costOf = (text: string, { post, linkPost }: PriceTable): number =>
  inMicros(hasLink(text) ? linkPost : post);
