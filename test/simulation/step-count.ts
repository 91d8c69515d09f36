/** What a history broke of the promise, or undefined. */
export type Verdict = string | undefined;

/** A history broke the promise, or the program behaved as it never should. */
export class Broken extends Error {}

/** More steps than this at one instant are a busy loop. */
const mostAtOnce = 100;
/** A bot that waits for next month's money looks every quarter of an hour. */
const most = 30_000;

/** Counts the steps of a history, so that a bot that spins is noticed. */
export class StepCount {
  #all = 0;
  #atOnce = 0;
  #instant = -1;

  /** @param where - how things stand, for the message */
  count(instant: number, where: () => string): void {
    this.#atOnce = this.#instant === instant ? this.#atOnce + 1 : 1;
    this.#instant = instant;
    if (this.#atOnce > mostAtOnce) throw new Broken(`a busy loop: ${where()}`);
    if (++this.#all > most) throw new Broken(`more than ${most} steps: ${where()}`);
  }
}
