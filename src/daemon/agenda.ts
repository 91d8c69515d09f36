import TinyQueue from 'tinyqueue';
import type { Clock } from '../clock.ts';

interface Entry<T> {
  instant: number;
  item: T;
}

/** So many entries that mean nothing any more are no matter. */
const spare = 1000;

/** Calls each item at its instant, with one timer for all of them. An item has one instant at a time. */
export class Agenda<T> {
  readonly #clock: Clock;
  readonly #due: (item: T) => void;
  readonly #compare: (a: Entry<T>, b: Entry<T>) => number;
  #queue: TinyQueue<Entry<T>>;
  readonly #instants = new Map<T, number>();
  #timer: { instant: number; cancel: () => void } | undefined;

  /** @param compare - the order of items that are due at one instant */
  constructor(clock: Clock, due: (item: T) => void, compare: (a: T, b: T) => number) {
    this.#clock = clock;
    this.#due = due;
    this.#compare = (a, b) => a.instant - b.instant || compare(a.item, b.item);
    this.#queue = new TinyQueue<Entry<T>>([], this.#compare);
  }

  /** Puts an item down for an instant, in place of the one it had. */
  set(item: T, instant: number): void {
    if (this.#instants.get(item) === instant) return;
    this.#instants.set(item, instant);
    this.#queue.push({ instant, item });
    if (this.#queue.length > 2 * this.#instants.size + spare) this.#tidyUp();
    this.#arm();
  }

  /** Takes an item off. */
  remove(item: T): void {
    this.#instants.delete(item);
  }

  /** Takes everything off. */
  clear(): void {
    this.#instants.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The earliest instant, or undefined where nothing is put down. */
  get next(): number | undefined {
    return this.#first()?.instant;
  }

  /** Lets go what was moved or removed, and would stay until its instant. */
  #tidyUp(): void {
    const entries = [...this.#instants].map(([item, instant]) => ({ item, instant }));
    this.#queue = new TinyQueue(entries, this.#compare);
  }

  #first(): Entry<T> | undefined {
    for (let entry = this.#queue.peek(); entry; entry = this.#queue.peek()) {
      if (this.#instants.get(entry.item) === entry.instant) return entry;
      // It was moved or removed since.
      this.#queue.pop();
    }
    return undefined;
  }

  #arm(): void {
    const instant = this.next;
    if (instant === this.#timer?.instant) return;
    this.#timer?.cancel();
    this.#timer =
      instant === undefined ? undefined : { instant, cancel: this.#clock.at(instant, () => this.#wake()) };
  }

  #wake(): void {
    // Woken before its time: the clock was set back, so no instant that was put down says how far away it is now.
    const setBack = this.#timer !== undefined && this.#clock.now() < this.#timer.instant;
    this.#timer = undefined;
    const last = setBack ? Infinity : this.#clock.now();
    const due: T[] = [];
    for (let entry = this.#first(); entry && entry.instant <= last; entry = this.#first()) {
      this.#queue.pop();
      this.#instants.delete(entry.item);
      due.push(entry.item);
    }
    for (const item of due) this.#due(item);
    this.#arm();
  }
}
