import { idEpoch } from '../x/post-instant.ts';

/**
 * Ids as X makes them: the millisecond in the upper bits, so that a higher id is a later post.
 * They go up even when the clock goes back.
 */
export class PostIds {
  #last: bigint;

  /** Goes on after `last`, a decimal id. */
  constructor(last = '0') {
    this.#last = BigInt(last);
  }

  next(instant: number): string {
    const fromClock = (BigInt(Math.max(0, Math.floor(instant))) - idEpoch) << 22n;
    this.#last = fromClock > this.#last ? fromClock : this.#last + 1n;
    return String(this.#last);
  }
}

/** Orders decimal ids by value, which their text alone does not once their lengths differ. */
export function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
