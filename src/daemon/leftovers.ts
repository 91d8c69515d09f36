import { setFlagsFromString } from 'node:v8';

/** V8 looks every 8 s whether there is something to give back. Milliseconds. */
const longEnough = 30_000;

/**
 * The memory that was taken to read a flock: of a large one, twice as much as the flock itself needs. V8 keeps it for what may
 * come, unless it knows that memory matters more than speed. It is told so for a while, once there is a while in which nothing is
 * to be done: everything would take a third longer.
 */
export class Leftovers {
  #areThere = false;

  /** A flock was read. */
  add(): void {
    this.#areThere = true;
  }

  /** @param pause - for how long nothing is to be done from now on, in milliseconds */
  giveBack(pause: number): void {
    if (!this.#areThere || pause < longEnough) return;
    this.#areThere = false;
    setFlagsFromString('--optimize-for-size');
    setTimeout(() => setFlagsFromString('--no-optimize-for-size'), longEnough).unref();
  }
}
