/** The longest that one piece of work holds up everything else. Milliseconds. */
const maxHold = 5;

/** Lets everybody else have their turn every few milliseconds of a long piece of work: answers, timers, the watchdog. */
export class EventLoopYield {
  #begun = performance.now();
  #worked = 0;

  /** Whether it is somebody else's turn; then {@link give} is to be awaited. */
  get isOver(): boolean {
    return performance.now() - this.#begun >= maxHold;
  }

  /** How long the work has taken so far, without the others' turns. Milliseconds. */
  get worked(): number {
    return this.#worked + performance.now() - this.#begun;
  }

  async give(): Promise<void> {
    this.#worked += performance.now() - this.#begun;
    await new Promise((resolve) => setImmediate(resolve));
    this.#begun = performance.now();
  }

  /** What is returned by a piece of work in steps. */
  async through<T>(steps: Iterator<unknown, T>): Promise<T> {
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
      if (this.isOver) await this.give();
    }
  }

  /** Everything that an iterable gives. */
  async all<T>(things: Iterable<T>): Promise<T[]> {
    const all: T[] = [];
    for (const thing of things) {
      all.push(thing);
      if (this.isOver) await this.give();
    }
    return all;
  }
}
