import type { BotState } from '../ledger/state.ts';
import type { TokenPair } from '../oauth/signature.ts';

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
class PriorityClass<T> extends Queue<T> {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

/** Where most wait. */
const normalClass = '';

/**
 * Who waits, each of them once, in lanes that have their turns: however many stand in a lane, whoever comes first in another
 * waits for one of them at most.
 */
export class FairQueue<T> {
  #classes = new Map<string, PriorityClass<T>>();
  /** The lanes that are not empty. */
  #turns = new Queue<PriorityClass<T>>();
  readonly #inside = new Set<T>();

  get length(): number {
    return this.#inside.size;
  }

  add(item: T, lane = normalClass): void {
    if (this.#inside.has(item)) return;
    this.#inside.add(item);
    this.#classNamed(lane).add(item);
  }

  /** @param closed - a lane from which nobody may come now */
  next(closed?: string): T | undefined {
    const lane = this.#nextClass(closed);
    const item = lane?.next();
    if (!lane || item === undefined) return undefined;
    if (lane.length > 0) this.#turns.add(lane);
    else this.#classes.delete(lane.name);
    this.#inside.delete(item);
    return item;
  }

  clear(): void {
    this.#classes = new Map();
    this.#turns = new Queue();
    this.#inside.clear();
  }

  #nextClass(closed: string | undefined): PriorityClass<T> | undefined {
    const lane = this.#turns.next();
    if (lane?.name !== closed || lane === undefined) return lane;
    const other = this.#turns.next();
    this.#turns.add(lane);
    return other;
  }

  #classNamed(name: string): PriorityClass<T> {
    const known = this.#classes.get(name);
    if (known) return known;
    const lane = new PriorityClass<T>(name);
    this.#classes.set(name, lane);
    this.#turns.add(lane);
    return lane;
  }
}

/** Where bots wait that X let wait. */
export const slowClass = 'slow';

/**
 * How many slow bots may take a step at the same time: a quarter of all places is left for the others, so that accounts that
 * do not answer delay nobody but each other.
 */
export const maxSlow = (sockets: number): number => Math.max(1, sockets - Math.ceil(sockets / 4));

/**
 * Tells where a bot waits. The bots of an app that X has held to a limit have a lane of their own: at its reset they come all
 * at once, and others are due just then.
 */
export class PriorityClasses {
  readonly #limited = new Set<string>();

  /** @param state - what the ledger says of a bot of that app now */
  learn(appKeys: TokenPair, state: BotState | undefined): void {
    if (state?.owed?.why === 'wait') this.#limited.add(appKeys.reveal().token);
  }

  classOf(appKeys: TokenPair, isSlow: boolean): string | undefined {
    if (isSlow) return slowClass;
    const { token } = appKeys.reveal();
    return this.#limited.has(token) ? `limited ${token}` : undefined;
  }
}

/** What a step showed of its bot. */
interface StepTaken {
  /** How long it took, and how long one request may take. Milliseconds. */
  took: number;
  deadline: number;
  before: BotState | undefined;
  after: BotState | undefined;
}

/**
 * Whether a bot counts as slow after a step: where X let it wait, it does until X has taken a post of it quickly. That its
 * timeline can be read proves nothing: it may be its posts alone that get no answer. Pure.
 */
export function isSlowAfter(wasSlow: boolean, { took, deadline, before, after }: StepTaken): boolean {
  if (took >= deadline / 5) return true;
  const hasPosted = before !== undefined && !before.open && (after?.posts ?? 0) > before.posts;
  return wasSlow && !hasPosted;
}
