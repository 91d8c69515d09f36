import type { BotSettings } from '../config/flock-file.ts';
import { costOf, inMicros } from '../cost.ts';
import type { Price } from '../ledger/events.ts';
import type { FlockHistory } from '../ledger/history.ts';
import type { BotState } from '../ledger/state.ts';
import { type Cap, capOf, type Purse, type Spent, spentBy, spentByFlock, type Wanted } from './budget.ts';

/** Whose money it is. */
export interface Spender {
  state: BotState | undefined;
  settings: Pick<BotSettings, 'timezone' | 'budget'>;
  history: FlockHistory;
  purse: Purse;
}

/** The budget that has no room for a post, its own before the flock's, or else what its intent says of its cost. */
export const priceOf = (text: string, spender: Spender, now: number): { cap: Cap } | { price: Price } =>
  priceWithin({ cost: costOf(text, spender.purse.prices), posts: 1 }, spender, now);

/** The same for a look at the timeline that costs so much at most. Micros. */
export const priceOfLook = (
  cost: number,
  spender: Spender,
  now: number,
): { cap: Cap } | { price: Price & { cost: number } } => priceWithin({ cost, posts: 0 }, spender, now);

function priceWithin(
  wanted: Wanted,
  spender: Spender,
  now: number,
): { cap: Cap } | { price: Price & { cost: number } } {
  const { settings, purse } = spender;
  const { own, all } = spentOf(spender, now);
  const cap = capOf('bot', settings.budget, own, wanted) ?? capOf('flock', purse.budget, all, wanted);
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

/** How long a bot at its cap waits at most before it looks again: what another one gave back may be enough. Milliseconds. */
const patience = 900_000;

/** When a bot at its cap looks again, or undefined where only another budget helps. */
export const looksAgain = ({ until }: Cap, now: number): number | undefined =>
  until === undefined ? undefined : Math.min(until, now + patience);

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
