/** The longest that one piece of work holds up everything else. Milliseconds. */
const longest = 5;

/** Lets everybody else have their turn every few milliseconds of a long piece of work: answers, timers, the watchdog. */
export class Turns {
  #begun = performance.now();

  /** Whether it is somebody else's turn; then {@link give} is to be awaited. */
  get isOver(): boolean {
    return performance.now() - this.#begun >= longest;
  }

  async give(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#begun = performance.now();
  }
}
