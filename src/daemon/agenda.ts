import TinyQueue from 'tinyqueue';
import type { Clock } from '../clock.ts';

/** An item and the instant it is put down for. Milliseconds since 1970. */
interface Entry<T> {
  readonly instant: number;
  readonly item: T;
}

/** What can be put down: it has one instant at a time. */
export interface Datable {
  /** Where it stands; the agenda alone changes that. A map of them all would take as much memory as they do. */
  entry?: Entry<unknown> | undefined;
}

/** So many entries that mean nothing any more are no matter. */
const spare = 1000;

/** Calls each item at its instant, with one timer for all of them. */
export class Agenda<T extends Datable> {
  readonly #clock: Clock;
  readonly #due: (item: T) => void;
  readonly #compare: (a: Entry<T>, b: Entry<T>) => number;
  #queue: TinyQueue<Entry<T>>;
  /** How many entries count. */
  #size = 0;
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
    if (item.entry?.instant === instant) return;
    this.remove(item);
    const entry = { instant, item };
    item.entry = entry;
    this.#size++;
    this.#queue.push(entry);
    if (this.#queue.length > 2 * this.#size + spare) this.#tidyUp();
    this.#arm();
  }

  /** Takes an item off. */
  remove(item: T): void {
    if (!item.entry) return;
    item.entry = undefined;
    this.#size--;
  }

  /** Takes everything off. */
  clear(): void {
    for (const { item } of this.#queue.data) this.remove(item);
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The earliest instant, or undefined where nothing is put down. */
  get next(): number | undefined {
    return this.#first()?.instant;
  }

  /** Lets go what was moved or removed, and would stay until its instant. */
  #tidyUp(): void {
    this.#queue = new TinyQueue(this.#queue.data.filter(counts), this.#compare);
  }

  #first(): Entry<T> | undefined {
    for (let entry = this.#queue.peek(); entry; entry = this.#queue.peek()) {
      if (counts(entry)) return entry;
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
      this.remove(entry.item);
      due.push(entry.item);
    }
    for (const item of due) this.#due(item);
    this.#arm();
  }
}

/** Whether an entry is the one its item stands by. */
const counts = <T extends Datable>(entry: Entry<T>): boolean => entry.item.entry === entry;
