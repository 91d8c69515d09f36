import type { BotSettings, Budget } from '../config/flock-file.ts';
import { inMicros, type PriceTable, showPrice, usualPrices } from '../cost.ts';
import type { Price } from '../ledger/events.ts';
import { type FlockHistory, spentBy, spentByFlock } from '../ledger/history.ts';
import type { Ledger } from '../ledger/journal.ts';
import type { BotState } from '../ledger/state.ts';
import type { Network } from '../networks/network.ts';
import { hasLink } from '../poems/tweet-text.ts';
import { counted } from '../text.ts';

/** What a flock may spend in all, by which calendar, and what X charges. */
export interface FlockBudget {
  prices: PriceTable;
  /** IANA: where the flock's days and months begin. */
  timezone: string;
  budget: Budget;
}

/** The prices of a network that charges for nothing. */
const noPrices: PriceTable = { ...usualPrices, post: 0, linkPost: 0, postRead: 0, userRead: 0 };

/** X's prices, and no limit. */
export const unlimitedBudget: FlockBudget = { prices: usualPrices, timezone: 'UTC', budget: {} };

/** The budget of a flock as it holds for the bots of a network, which may charge for nothing. */
export const budgetAt = ({ charges }: Pick<Network, 'charges'>, flockBudget: FlockBudget): FlockBudget =>
  charges ? flockBudget : { ...flockBudget, prices: noPrices };

/** A budget that has no room for one more post. */
export interface BudgetExceeded {
  whose: 'bot' | 'flock';
  what: 'postsPerDay' | 'usdPerMonth';
  limit: number;
  /** When there is room again, or undefined if there never is. */
  until: number | undefined;
}

type Spent = ReturnType<typeof spentByFlock>;

/** What a post or a look at the timeline takes out of a budget. A look is no post. Money in micros. */
interface Wanted {
  posts: 0 | 1;
  cost: number;
}

/** @returns the limit that it would exceed, or undefined if there is room for it */
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

/** `the budget of 24 posts a day is used up` */
export function describeExceeded({ whose, what, limit, until }: BudgetExceeded): string {
  const budget = whose === 'bot' ? 'its budget' : "the flock's budget";
  const shown = what === 'postsPerDay' ? `${counted(limit, 'post')} a day` : `${showPrice(limit)} a month`;
  return until === undefined
    ? `${budget} of ${shown} is too small for its next post`
    : `${budget} of ${shown} is used up`;
}

/** Whose budgets are asked, and what was spent of them. */
export interface Spender {
  state: BotState | undefined;
  settings: Pick<BotSettings, 'timezone' | 'budget'>;
  history: FlockHistory;
  flockBudget: FlockBudget;
}

/** What the budgets of a bot and its flock say to a post or a look. */
interface BudgetCheck {
  /** The budget that has no room for it, the bot's own before the flock's. */
  cap: BudgetExceeded | undefined;
  /** What its event says of its cost. */
  price: Price & { cost: number };
  /** What is left to spend this month, without it. Micros; Infinity without a limit. */
  moneyLeft: number;
}

export function checkBudget(wanted: Wanted, spender: Spender, now: number): BudgetCheck {
  const { state, settings, history, flockBudget } = spender;
  const own = spentBy(state, settings.timezone, now);
  const all = spentByFlock(history, flockBudget.timezone, now);
  const moneyLeft = ({ usdPerMonth }: Budget, { micros }: Spent): number =>
    usdPerMonth === undefined ? Infinity : Math.max(0, inMicros(usdPerMonth) - micros);
  const isOneCalendar = own.ends.day === all.ends.day && own.ends.month === all.ends.month;
  return {
    cap:
      exceededBudget('bot', settings.budget, own, wanted) ??
      exceededBudget('flock', flockBudget.budget, all, wanted),
    price: {
      cost: wanted.cost,
      dayEnds: own.ends.day,
      monthEnds: own.ends.month,
      ...(!isOneCalendar && { flockDayEnds: all.ends.day, flockMonthEnds: all.ends.month }),
    },
    moneyLeft: Math.min(moneyLeft(settings.budget, own), moneyLeft(flockBudget.budget, all)),
  };
}

/** The interval at which a bot at its budget asks again: a refund to another bot may be enough. Milliseconds. */
const budgetRecheck = 900_000;

/** When a bot at its budget asks again, or undefined if only another budget helps. */
export const looksAgain = ({ until }: BudgetExceeded, now: number): number | undefined =>
  until === undefined ? undefined : Math.min(until, now + budgetRecheck);

/**
 * Restored bots that have not yet looked for what they posted since the export: until they have, nobody knows what the flock
 * has spent. Nothing is restored while flockd runs, so the ledger is searched once.
 */
export class UnreconciledBots {
  readonly #ledger: Pick<Ledger, 'state' | 'states'>;
  readonly #isUp: (bot: string) => boolean;
  #left: Set<string> | undefined;

  /** @param isUp - whether the flock has a bot of that name, and flock.json does not pause it */
  constructor(ledger: Pick<Ledger, 'state' | 'states'>, isUp: (bot: string) => boolean) {
    this.#ledger = ledger;
    this.#isUp = isUp;
  }

  /**
   * The bot that a flock with a budget waits for, or undefined if there is none. A bot that is paused, parked or not in the
   * flock does not look, so nobody waits for it.
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

  #restored(): Set<string> {
    const restored = [...this.#ledger.states()].filter(([, state]) => state.restored);
    return new Set(restored.map(([name]) => name));
  }
}

/** What X charges for a post with this text, in micros. What looks like a link is priced as one: `night.It` is one. */
export const costOf = (text: string, { post, linkPost }: PriceTable): number =>
  inMicros(hasLink(text) ? linkPost : post);
