import { idEpoch } from '../networks/x/client.ts';

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
