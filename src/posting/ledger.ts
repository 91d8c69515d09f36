import type { BotState } from './bot-state.ts';
import type { FlockHistory } from './flock-history.ts';
import type { LedgerEvent } from './ledger-event.ts';

/** What was tried and what came of it, for every bot of a flock. It survives crashes; nothing is trusted that it has not kept. */
export interface Ledger extends AsyncDisposable {
  /** What it says of a bot now, or undefined where the bot has not begun. */
  state(bot: string): BotState | undefined;
  /** What it says of every bot that has begun. */
  states(): Iterable<[bot: string, state: BotState]>;
  /** What the whole flock did. What is being written counts already, so that no budget is spent twice. */
  history(): FlockHistory;
  /**
   * Keeps events. Resolves once they would survive a power cut, and only then shows them in {@link state}.
   *
   * @throws {FlockError} `io` where they cannot be kept; after that nothing is kept any more
   */
  record(...events: LedgerEvent[]): Promise<void>;
}
