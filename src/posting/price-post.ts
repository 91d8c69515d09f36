import { costOf } from '../cost/post-cost.ts';
import type { BotSettings } from '../flock/flock-file.ts';
import type { BotState } from './bot-state.ts';
import { capOf, spentBy, spentByFlock, type Cap, type Purse } from './budget.ts';
import type { FlockHistory } from './flock-history.ts';
import type { Price } from './ledger-event.ts';

/** Whose money it is. */
export interface Spender {
  state: BotState;
  settings: Pick<BotSettings, 'timezone' | 'budget'>;
  history: FlockHistory;
  purse: Purse;
}

/** The budget that has no room for a post, its own before the flock's, or else what its intent says of its cost. */
export function priceOf(text: string, spender: Spender, now: number): { cap: Cap } | { price: Price } {
  const { settings, purse } = spender;
  const cost = costOf(text, purse.prices);
  const { own, all } = spentOf(spender, now);
  const cap = capOf('bot', settings.budget, own, cost) ?? capOf('flock', purse.budget, all, cost);
  return cap ? { cap } : { price: priceWithout(text, spender, now) };
}

/** What the intent of a post says of its cost, whether or not there is room for it. */
export function priceWithout(text: string, spender: Spender, now: number): Price {
  const { own, all } = spentOf(spender, now);
  const cost = costOf(text, spender.purse.prices);
  const price = { cost, dayEnds: own.ends.day, monthEnds: own.ends.month };
  const isOwn = own.ends.day === all.ends.day && own.ends.month === all.ends.month;
  return isOwn ? price : { ...price, flockDayEnds: all.ends.day, flockMonthEnds: all.ends.month };
}

const spentOf = ({ state, settings, history, purse }: Spender, now: number) => ({
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
