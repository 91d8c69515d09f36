import type { Clock } from '../../src/clock.ts';

interface Happening {
  at: number;
  order: number;
  run: () => void;
}

/**
 * The time of a history: true time, which only goes on, what will happen in it, and the machine's wall clock, which can
 * be set. Unlike HeldClock it goes on without turns of the event loop, so that a history takes microseconds.
 */
export class SimulatedClock implements Clock {
  #elapsed = 0;
  #wallAhead: number;
  #order = 0;
  readonly #begin: number;
  readonly #coming: Happening[] = [];

  constructor(begin: number) {
    this.#begin = begin;
    this.#wallAhead = begin;
  }

  now(): number {
    return this.#wallAhead + this.#elapsed;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  /** What a clock shows that nobody sets: X's. */
  trueNow(): number {
    return this.#begin + this.#elapsed;
  }

  at(): never {
    throw new Error('nothing that is simulated waits by itself');
  }

  /** Sets the machine's wall clock, as a person or NTP might. */
  set(instant: number): void {
    this.#wallAhead = instant - this.#elapsed;
  }

  /** Has something happen some time from now, whatever the wall clock shows then. */
  after(delay: number, run: () => void): void {
    this.#coming.push({ at: this.#elapsed + delay, order: this.#order++, run });
  }

  /** How long until something happens; infinite where nothing will. */
  get untilNext(): number {
    const next = this.#first();
    return next ? next.at - this.#elapsed : Infinity;
  }

  /** Lets time pass, and everything happen that is due then. */
  pass(duration: number): void {
    const end = this.#elapsed + duration;
    for (let next = this.#first(); next && next.at <= end; next = this.#first()) {
      this.#coming.splice(this.#coming.indexOf(next), 1);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.run();
    }
    this.#elapsed = end;
  }

  #first(): Happening | undefined {
    let first: Happening | undefined;
    for (const happening of this.#coming) {
      if (!first || happening.at < first.at || (happening.at === first.at && happening.order < first.order))
        first = happening;
    }
    return first;
  }
}
