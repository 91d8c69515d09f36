import { applyEvent, type BotState } from '../../src/posting/bot-state.ts';
import type { LedgerEvent } from '../../src/posting/ledger-event.ts';
import type { Ledger } from '../../src/posting/ledger.ts';

/** A ledger that forgets everything with the process. It passes the suite of the real one. */
export class MemoryLedger implements Ledger {
  readonly events: LedgerEvent[] = [];
  readonly #states = new Map<string, BotState>();

  state(bot: string): BotState | undefined {
    return this.#states.get(bot);
  }

  async record(...events: LedgerEvent[]): Promise<void> {
    await Promise.resolve();
    for (const event of events) {
      this.#states.set(event.bot, applyEvent(this.#states.get(event.bot), event));
      this.events.push(event);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }
}
