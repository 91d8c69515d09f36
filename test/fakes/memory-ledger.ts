import { type LedgerEvent, nameBefore } from '../../src/ledger/events.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import type { Change, Ledger } from '../../src/ledger/journal.ts';
import { applyEvent, type BotState, putState } from '../../src/ledger/state.ts';

/** A ledger that forgets everything with the process. It passes the suite of the real one. */
export class MemoryLedger implements Ledger {
  readonly events: LedgerEvent[] = [];
  /** It keeps nothing more. */
  isFull = false;
  readonly #states: Map<string, BotState>;
  #coming: Map<string, BotState>;
  readonly #history: FlockHistory;
  readonly #changes: Change[] = [];
  readonly #subscribers: ((change: Change) => void)[] = [];

  /** @param from - what it knows already */
  constructor(from: { states?: Map<string, BotState>; history?: FlockHistory } = {}) {
    this.#states = new Map(from.states);
    this.#coming = new Map(from.states);
    this.#history = new FlockHistory(from.history?.toJSON());
  }

  state(bot: string): BotState | undefined {
    return this.#states.get(bot);
  }

  states(): Iterable<[string, BotState]> {
    return this.#states;
  }

  history(): FlockHistory {
    return this.#history;
  }

  async record(...events: LedgerEvent[]): Promise<void> {
    if (this.isFull) throw new Error('the disk is full');
    const coming = new Map(this.#coming);
    const changes: Change[] = [];
    for (const event of events) {
      const before = coming.get(nameBefore(event));
      if (event.event === 'renamed' && coming.has(event.bot))
        throw new RangeError(`${event.bot} is another bot`);
      const after = applyEvent(before, event);
      putState(coming, event, after);
      changes.push({ event, before, after });
      this.#history.apply(event, before);
    }
    this.#coming = coming;
    await Promise.resolve();
    for (const { event, after } of changes) {
      putState(this.#states, event, after);
      this.events.push(event);
    }
    this.#changes.push(...changes);
    for (const change of changes) for (const hear of this.#subscribers) hear(change);
  }

  /** What has happened to one bot; under its present name only. */
  changesOf(bot: string): Promise<Change[]> {
    return Promise.resolve(this.#changes.filter(({ event }) => event.bot === bot));
  }

  subscribe(hear: (change: Change) => void): void {
    this.#subscribers.push(hear);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }
}
