import type { Clock } from '../clock.ts';
import type { Intent } from './ledger-event.ts';

/**
 * How long posts have been in doubt, counted from when this process learned of each, on a clock that nobody can set:
 * a wall clock that jumps must not make the timeline be believed too early.
 */
export class Doubts {
  readonly #clock: Clock;
  readonly #since = new Map<string, { intent: Intent; elapsed: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds that a bot's open post has been known to be open; 0 the first time it is asked for. */
  ageOf(intent: Intent): number {
    const known = this.#since.get(intent.bot);
    if (known?.intent === intent) return this.#clock.elapsed() - known.elapsed;
    this.#since.set(intent.bot, { intent, elapsed: this.#clock.elapsed() });
    return 0;
  }

  /** Forgets a bot whose post was settled. */
  settle(bot: string): void {
    this.#since.delete(bot);
  }
}
