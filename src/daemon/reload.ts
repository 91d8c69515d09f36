import { setFlagsFromString } from 'node:v8';
import type { Clock } from '../clock.ts';

/**
 * Readings of the flock's files: one at a time, so that an older one never comes last, and whoever asks while one is under
 * way shares the next. What is asked before the first begins waits for it.
 */
export class Reloads {
  readonly #next = new Map<boolean, Promise<void>>();
  #last: Promise<void>;
  #read: (mayBeEmpty: boolean) => Promise<void> = () => Promise.resolve();
  #begin: () => void = () => undefined;

  constructor() {
    this.#last = new Promise((resolve) => (this.#begin = resolve));
  }

  /** @param read - told whether a flock of which no bot can post is taken up, too */
  begin(read: (mayBeEmpty: boolean) => Promise<void>): void {
    this.#read = read;
    this.#begin();
  }

  /** Reads everything again. @throws {FlockError} what is wrong; then nothing has changed */
  ask({ mayBeEmpty }: { mayBeEmpty: boolean }): Promise<void> {
    const asked = this.#next.get(mayBeEmpty);
    if (asked) return asked;
    const next = this.#last.then(() => {
      this.#next.delete(mayBeEmpty);
      return this.#read(mayBeEmpty);
    });
    this.#next.set(mayBeEmpty, next);
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** The same, be it that no bot is left; what is wrong is in the log. */
  readonly quietly = (): void => void this.ask({ mayBeEmpty: true }).catch(() => undefined);

  /** What is asked from now on changes nothing. */
  end(): void {
    this.#read = () => Promise.resolve();
  }
}

/** V8 looks every 8 s whether there is something to give back. Milliseconds. */
const minPause = 30_000;

/** In a large flock somebody is always due soon: for so long it is waited for a better moment. Milliseconds. */
const maxDelay = 300_000;

/**
 * The memory that was taken to read a flock: of a large one, twice as much as the flock itself needs. V8 keeps it for what may
 * come, unless it knows that memory matters more than speed. It is told so for a while, once there is nothing to do: everything
 * would take a third longer.
 */
export class HeapTrimmer implements Disposable {
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
  trim(pause: number): void {
    if (this.#since === undefined || pause <= 0) return;
    if (pause < minPause && this.#clock.elapsed() - this.#since < maxDelay) return;
    this.#since = undefined;
    this.#setFlag('--optimize-for-size');
    this.#callOff();
    this.#callOff = this.#clock.at(this.#clock.now() + minPause, () => {
      this.#setFlag('--no-optimize-for-size');
    });
  }

  [Symbol.dispose](): void {
    this.#callOff();
  }
}
