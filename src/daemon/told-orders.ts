/** What a person told bots, until each comes to carry it out. */
export class ToldOrders<T> {
  readonly #waiting = new Map<T, (() => Promise<void>)[]>();

  /** @returns what comes of the order, once it was taken and carried out */
  add(bot: T, carryOut: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const order = (): Promise<void> => carryOut().then(resolve, reject);
      this.#waiting.set(bot, [...(this.#waiting.get(bot) ?? []), order]);
    });
  }

  /** What a bot was told since it was asked last, in that order. None of it ever throws. */
  take(bot: T): (() => Promise<void>)[] {
    const orders = this.#waiting.get(bot) ?? [];
    this.#waiting.delete(bot);
    return orders;
  }
}
