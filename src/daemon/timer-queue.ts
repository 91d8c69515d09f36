import FlatQueue from 'flatqueue';
import type { Clock } from '../clock.ts';

/** The maximum number of stale entries that a small queue keeps. */
const maxStale = 1000;

/** Calls each item at its instant, with one timer for all items. Instants are milliseconds since 1970. */
export class TimerQueue<T> {
  readonly #clock: Clock;
  readonly #due: (item: T) => void;
  readonly #compare: (a: T, b: T) => number;
  readonly #instants = new Map<T, number>();
  /** May hold stale entries: an entry is valid only if its value is the item's instant. */
  #queue = new FlatQueue<T>();
  /** `latest` is its instant on the monotonic clock. */
  #timer: { instant: number; latest: number; cancel: () => void } | undefined;

  /** @param compare - the order of items that are due at the same instant */
  constructor(clock: Clock, due: (item: T) => void, compare: (a: T, b: T) => number) {
    this.#clock = clock;
    this.#due = due;
    this.#compare = compare;
  }

  /** Sets the instant of an item, in place of its earlier one. */
  set(item: T, instant: number): void {
    if (this.#instants.get(item) === instant) return;
    this.#instants.set(item, instant);
    this.#queue.push(item, instant);
    if (this.#queue.length > 2 * this.#instants.size + maxStale) this.#removeStale();
    this.#arm();
  }

  remove(item: T): void {
    this.#instants.delete(item);
  }

  clear(): void {
    this.#instants.clear();
    this.#queue = new FlatQueue();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The earliest instant, or undefined if the queue is empty. */
  get next(): number | undefined {
    return this.#first() === undefined ? undefined : this.#queue.peekValue();
  }

  /**
   * How late the earliest item is, by both clocks: after the wall clock was set forward the timer comes later than it shows,
   * and nothing is wrong. Milliseconds; 0 if nothing is late.
   */
  get overdue(): number {
    if (this.next === undefined || this.#timer === undefined) return 0;
    const { instant, latest } = this.#timer;
    return Math.max(0, Math.min(this.#clock.now() - instant, this.#clock.elapsed() - latest));
  }

  /** Without this, a stale entry would stay until its instant. */
  #removeStale(): void {
    this.#queue = new FlatQueue();
    for (const [item, instant] of this.#instants) this.#queue.push(item, instant);
  }

  #first(): T | undefined {
    for (let item = this.#queue.peek(); item !== undefined; item = this.#queue.peek()) {
      if (this.#instants.get(item) === this.#queue.peekValue()) return item;
      this.#queue.pop();
    }
    return undefined;
  }

  #arm(): void {
    const instant = this.next;
    if (instant === this.#timer?.instant) return;
    this.#timer?.cancel();
    if (instant === undefined) {
      this.#timer = undefined;
      return;
    }
    const latest = this.#clock.elapsed() + instant - this.#clock.now();
    this.#timer = { instant, latest, cancel: this.#clock.at(instant, () => this.#wake()) };
  }

  #wake(): void {
    // A timer that comes too early shows that the wall clock was set back. No instant is reliable then, so all items look again.
    const setBack = this.#timer !== undefined && this.#clock.now() < this.#timer.instant;
    this.#timer = undefined;
    for (const item of this.#takeUntil(setBack ? Infinity : this.#clock.now())) this.#due(item);
    this.#arm();
  }

  /** Removes the items whose instant is `last` or earlier, and returns them in their order. */
  #takeUntil(last: number): T[] {
    const taken: { item: T; instant: number }[] = [];
    for (let item = this.#first(); item !== undefined; item = this.#first()) {
      const instant = this.#instants.get(item) ?? Infinity;
      if (instant > last) break;
      taken.push({ item, instant });
      this.#queue.pop();
      this.#instants.delete(item);
    }
    // The queue keeps references to popped items until it shrinks.
    this.#queue.shrink();
    taken.sort((a, b) => a.instant - b.instant || this.#compare(a.item, b.item));
    return taken.map(({ item }) => item);
  }
}
