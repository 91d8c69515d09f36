/** The longest that one task may block the event loop. Milliseconds. */
const maxBlocking = 5;

/** Splits a long computation: it yields to the event loop every few milliseconds, for timers, responses and the watchdog. */
export class EventLoopYield {
  #begun = performance.now();
  #worked = 0;

  /** Whether the task has run long enough and should await {@link give}. */
  get isOver(): boolean {
    return performance.now() - this.#begun >= maxBlocking;
  }

  /** How long the task itself has run so far, without the time it yielded. Milliseconds. */
  get worked(): number {
    return this.#worked + performance.now() - this.#begun;
  }

  /** Yields to the event loop once. */
  async give(): Promise<void> {
    this.#worked += performance.now() - this.#begun;
    await new Promise((resolve) => setImmediate(resolve));
    this.#begun = performance.now();
  }

  /** All items of an iterable, yielding between them. */
  async all<T>(things: Iterable<T>): Promise<T[]> {
    const all: T[] = [];
    for (const thing of things) {
      all.push(thing);
      if (this.isOver) await this.give();
    }
    return all;
  }
}
