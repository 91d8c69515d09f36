import { setFlagsFromString } from 'node:v8';
import type { Clock } from '../clock.ts';

/** V8 looks every 8 s whether there is something to give back. Milliseconds. */
const longEnough = 30_000;

/** In a large flock somebody is always due soon: for so long it is waited for a better moment. Milliseconds. */
const patience = 300_000;

/**
 * The memory that was taken to read a flock: of a large one, twice as much as the flock itself needs. V8 keeps it for what may
 * come, unless it knows that memory matters more than speed. It is told so for a while, once there is nothing to do: everything
 * would take a third longer.
 */
export class Leftovers implements Disposable {
  readonly #clock: Clock;
  readonly #setFlag: (flag: string) => void;
  /** When a flock was read of which something is left, by the clock that nobody sets. */
  #since: number | undefined;
  #callOff: () => void = () => undefined;

  constructor(clock: Clock, setFlag = setFlagsFromString) {
    this.#clock = clock;
    this.#setFlag = setFlag;
  }

  /** A flock was read. */
  add(): void {
    this.#since = this.#clock.elapsed();
  }

  /** @param pause - for how long nothing is to be done from now on, in milliseconds */
  giveBack(pause: number): void {
    if (this.#since === undefined || pause <= 0) return;
    if (pause < longEnough && this.#clock.elapsed() - this.#since < patience) return;
    this.#since = undefined;
    this.#setFlag('--optimize-for-size');
    this.#callOff();
    this.#callOff = this.#clock.at(this.#clock.now() + longEnough, () => {
      this.#setFlag('--no-optimize-for-size');
    });
  }

  [Symbol.dispose](): void {
    this.#callOff();
  }
}
