import { type LedgerEvent, nameBefore } from '../../src/ledger/events.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import type { Ledger } from '../../src/ledger/journal.ts';
import { applyEvent, type BotState, putState } from '../../src/ledger/state.ts';

/** A ledger that forgets everything with the process. It passes the suite of the real one. */
export class MemoryLedger implements Ledger {
  readonly events: LedgerEvent[] = [];
  readonly #states: Map<string, BotState>;
  #coming: Map<string, BotState>;
  readonly #history: FlockHistory;

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
    const coming = new Map(this.#coming);
    for (const event of events) {
      const before = coming.get(nameBefore(event));
      if (event.event === 'renamed' && coming.has(event.bot))
        throw new RangeError(`${event.bot} is another bot`);
      putState(coming, event, applyEvent(before, event));
      this.#history.apply(event, before);
    }
    this.#coming = coming;
    await Promise.resolve();
    for (const event of events) {
      putState(this.#states, event, applyEvent(this.#states.get(nameBefore(event)), event));
      this.events.push(event);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }
}
