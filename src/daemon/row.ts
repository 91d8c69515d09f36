/** First come, first served. Nobody has to move up when the first one leaves. */
class Queue<T> {
  /** Backwards, so that the first is at its end. */
  #first: T[] = [];
  #others: T[] = [];

  get length(): number {
    return this.#first.length + this.#others.length;
  }

  add(item: T): void {
    this.#others.push(item);
  }

  next(): T | undefined {
    if (this.#first.length === 0) [this.#first, this.#others] = [this.#others.reverse(), this.#first];
    return this.#first.pop();
  }
}

/** Those who wait for the same reason, in the order in which they came. */
class Lane<T> extends Queue<T> {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

/** Where most wait. */
const usual = '';

/**
 * Who waits, each of them once, in lanes that have their turns: however many stand in a lane, whoever comes first in another
 * waits for one of them at most.
 */
export class Row<T> {
  #lanes = new Map<string, Lane<T>>();
  /** The lanes that are not empty. */
  #turns = new Queue<Lane<T>>();
  readonly #inside = new Set<T>();

  get length(): number {
    return this.#inside.size;
  }

  add(item: T, lane = usual): void {
    if (this.#inside.has(item)) return;
    this.#inside.add(item);
    this.#laneOf(lane).add(item);
  }

  /** @param closed - a lane from which nobody may come now */
  next(closed?: string): T | undefined {
    const lane = this.#nextLane(closed);
    const item = lane?.next();
    if (!lane || item === undefined) return undefined;
    if (lane.length > 0) this.#turns.add(lane);
    else this.#lanes.delete(lane.name);
    this.#inside.delete(item);
    return item;
  }

  clear(): void {
    this.#lanes = new Map();
    this.#turns = new Queue();
    this.#inside.clear();
  }

  #nextLane(closed: string | undefined): Lane<T> | undefined {
    const lane = this.#turns.next();
    if (lane?.name !== closed || lane === undefined) return lane;
    const other = this.#turns.next();
    this.#turns.add(lane);
    return other;
  }

  #laneOf(name: string): Lane<T> {
    const known = this.#lanes.get(name);
    if (known) return known;
    const lane = new Lane<T>(name);
    this.#lanes.set(name, lane);
    this.#turns.add(lane);
    return lane;
  }
}
