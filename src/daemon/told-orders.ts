import { FlockError } from '../errors.ts';

/**
 * What a person told bots, by their names. A bot carries it out between its steps; for one that is not in the flock that is
 * done aside, and if it comes meanwhile it has to wait: nothing is done twice at once to one bot.
 */
export class ToldOrders {
  readonly #waiting = new Map<string, (() => Promise<void>)[]>();
  readonly #aside = new Map<string, Promise<void>>();

  /** @returns what comes of the order, once it was taken and carried out */
  add(bot: string, carryOut: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const order = (): Promise<void> => carryOut().then(resolve, reject);
      const waiting = this.#waiting.get(bot);
      if (waiting) waiting.push(order);
      else this.#waiting.set(bot, [order]);
    });
  }

  /** Carries out what a bot was told since it did so last, in that order. Never throws. */
  async carryOut(bot: string): Promise<void> {
    const orders = this.#waiting.get(bot) ?? [];
    this.#waiting.delete(bot);
    for (const order of orders) await order();
  }

  /** Does so for a bot that is not in the flock. */
  carryOutAside(bot: string): void {
    const before = this.#aside.get(bot) ?? Promise.resolve();
    const done = before
      .then(() => this.carryOut(bot))
      .finally(() => {
        if (this.#aside.get(bot) === done) this.#aside.delete(bot);
      });
    this.#aside.set(bot, done);
  }

  /** What is done aside for a bot, or undefined where nothing is. */
  aside(bot: string): Promise<void> | undefined {
    return this.#aside.get(bot);
  }

  /** Resolves once all that is done aside is done. */
  async asideIsDone(): Promise<void> {
    await Promise.all(this.#aside.values());
  }
}

export const notInFlock = (bot: string): FlockError =>
  new FlockError('usage', `${bot} is not in the flock`, { hint: 'flockd status lists the bots' });
