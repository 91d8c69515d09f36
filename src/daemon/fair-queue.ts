import FlatQueue from 'flatqueue';
import type { BotState } from '../ledger/state.ts';

/** What a step showed of its bot. */
interface StepTaken {
  /** The duration of the step, and the deadline of one request. Milliseconds. */
  took: number;
  deadline: number;
  before: BotState | undefined;
  after: BotState | undefined;
}

const normal = 'normal';
const slow = 'slow';

/**
 * The bots that wait for a step, each at most once. They wait in classes that take turns, so that a long class delays the
 * first bot of another class by one step at most:
 *
 * - the slow bots. At most three quarters of the sockets serve them, so that accounts that do not answer delay only each other
 * - for each app that X has rate-limited, its bots: they all come at once at the reset, just when others are due
 * - all others
 */
export class FairQueue<T> {
  readonly #maxSlow: number;
  readonly #appOf: (item: T) => string;
  /** The classes that are not empty, in the order of their turns. Within a class the values are the order of arrival. */
  readonly #classes = new Map<string, FlatQueue<T>>();
  readonly #waiting = new Set<T>();
  readonly #slow = new Set<T>();
  readonly #slowRunning = new Set<T>();
  readonly #limitedApps = new Set<string>();
  #arrivals = 0;

  /** @param appOf - tells the app of an item */
  constructor(sockets: number, appOf: (item: T) => string) {
    this.#maxSlow = Math.max(1, sockets - Math.ceil(sockets / 4));
    this.#appOf = appOf;
  }

  /** The number of items that wait. */
  get length(): number {
    return this.#waiting.size;
  }

  add(item: T): void {
    if (this.#waiting.has(item)) return;
    this.#waiting.add(item);
    const name = this.#classOf(item);
    const queue = this.#classes.get(name) ?? new FlatQueue<T>();
    queue.push(item, ++this.#arrivals);
    this.#classes.set(name, queue);
  }

  /** Takes the next item that may begin its step now, or undefined if there is none. {@link end} must follow. */
  next(): T | undefined {
    const isFull = this.#slowRunning.size >= this.#maxSlow;
    for (const [name, queue] of this.#classes) {
      if (isFull && name === slow) continue;
      const item = queue.pop();
      // It goes behind the other classes.
      this.#classes.delete(name);
      if (queue.length > 0) this.#classes.set(name, queue);
      if (item === undefined) continue;
      this.#waiting.delete(item);
      if (this.#slow.has(item)) this.#slowRunning.add(item);
      return item;
    }
    return undefined;
  }

  /** The step of an item has ended. */
  end(item: T, step: StepTaken): void {
    this.#slowRunning.delete(item);
    if (isSlowAfter(this.#slow.has(item), step)) this.#slow.add(item);
    else this.#slow.delete(item);
    if (step.after?.owed?.why === 'wait') this.#limitedApps.add(this.#appOf(item));
  }

  /** An item that takes no more steps. If it still waits, it has its turn all the same. */
  forget(item: T): void {
    this.#slow.delete(item);
  }

  clear(): void {
    this.#classes.clear();
    this.#waiting.clear();
  }

  #classOf(item: T): string {
    if (this.#slow.has(item)) return slow;
    const app = this.#appOf(item);
    return this.#limitedApps.has(app) ? `limited ${app}` : normal;
  }
}

/**
 * Whether a bot is slow after a step. Once X has been slow to answer it, it stays slow until X takes a post of it quickly:
 * that its timeline can be read proves nothing, since X may leave only its posts without an answer. Pure.
 */
export function isSlowAfter(wasSlow: boolean, { took, deadline, before, after }: StepTaken): boolean {
  if (took >= deadline / 5) return true;
  const hasPosted = before !== undefined && !before.open && (after?.posts ?? 0) > before.posts;
  return wasSlow && !hasPosted;
}
