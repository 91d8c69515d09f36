import type { Ledger } from '../ledger/journal.ts';
import type { Purse } from './budget.ts';

/**
 * Restored bots that have not looked yet for what they have posted since: until they have, nobody knows what the flock has
 * spent. Nothing is restored while flockd runs, so that the ledger is gone through once.
 */
export class Uncounted {
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
  awaited({ budget }: Purse): string | undefined {
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
