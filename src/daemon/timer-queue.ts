import FlatQueue from 'flatqueue';
import type { Clock } from '../clock.ts';

/** What can be put down: it has one instant at a time. */
export interface Timed {
  /**
   * Milliseconds since 1970, where it is put down; the agenda alone changes that. A map of them all, or an entry for each,
   * would take as much memory as they do.
   */
  instant?: number | undefined;
}

/** So many entries that mean nothing any more are no matter. */
const spare = 1000;

/** Calls each item at its instant, with one timer for all of them. */
export class TimerQueue<T extends Timed> {
  readonly #clock: Clock;
  readonly #due: (item: T) => void;
  readonly #compare: (a: T, b: T) => number;
  /** Also holds stale entries: one counts only where its value is its item's instant. */
  #queue = new FlatQueue<T>();
  /** How many items are put down. */
  #size = 0;
  /** `latest` is its instant on the clock that nobody sets. */
  #timer: { instant: number; latest: number; cancel: () => void } | undefined;

  /** @param compare - the order of items that are due at one instant */
  constructor(clock: Clock, due: (item: T) => void, compare: (a: T, b: T) => number) {
    this.#clock = clock;
    this.#due = due;
    this.#compare = compare;
  }

  /** Puts an item down for an instant, in place of the one it had. */
  set(item: T, instant: number): void {
    if (item.instant === instant) return;
    this.remove(item);
    item.instant = instant;
    this.#size++;
    this.#queue.push(item, instant);
    if (this.#queue.length > 2 * this.#size + spare) this.#tidyUp();
    this.#arm();
  }

  /** Takes an item off. */
  remove(item: T): void {
    if (item.instant === undefined) return;
    item.instant = undefined;
    this.#size--;
  }

  /** Takes everything off. */
  clear(): void {
    for (const item of this.#queue.ids) this.remove(item);
    this.#queue = new FlatQueue();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The earliest instant, or undefined where nothing is put down. */
  get next(): number | undefined {
    return this.#first()?.instant;
  }

  /**
   * For how long it should have called the earliest item by now. By both clocks: where one was set ahead, the timer does not
   * come at once, and nothing is wrong. Milliseconds; 0 where all is well.
   */
  get overdue(): number {
    if (this.next === undefined || this.#timer === undefined) return 0;
    const { instant, latest } = this.#timer;
    return Math.max(0, Math.min(this.#clock.now() - instant, this.#clock.elapsed() - latest));
  }

  /** Lets go what was moved or removed, and would stay until its instant. */
  #tidyUp(): void {
    const items = new Set(this.#queue.ids);
    this.#queue = new FlatQueue();
    for (const item of items) if (item.instant !== undefined) this.#queue.push(item, item.instant);
  }

  #first(): T | undefined {
    for (let item = this.#queue.peek(); item; item = this.#queue.peek()) {
      if (item.instant === this.#queue.peekValue()) return item;
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
    // Woken before its time: the clock was set back, so no instant that was put down says how far away it is now.
    const setBack = this.#timer !== undefined && this.#clock.now() < this.#timer.instant;
    this.#timer = undefined;
    for (const item of this.#takeUntil(setBack ? Infinity : this.#clock.now())) this.#due(item);
    this.#arm();
  }

  /** Takes off what is put down for an instant up to `last`, and gives it in its order. */
  #takeUntil(last: number): T[] {
    const taken: { item: T; instant: number }[] = [];
    for (
      let item = this.#first();
      item?.instant !== undefined && item.instant <= last;
      item = this.#first()
    ) {
      taken.push({ item, instant: item.instant });
      this.#queue.pop();
      this.remove(item);
    }
    // It would hold what was popped until something else comes into its place.
    this.#queue.shrink();
    taken.sort((a, b) => a.instant - b.instant || this.#compare(a.item, b.item));
    return taken.map(({ item }) => item);
  }
}
