import type { Clock } from '../clock.ts';
import type { Intent } from '../ledger/events.ts';

const minute = 60_000;

/**
 * How long posts have been in doubt, counted from when this process learned of each, on a clock that nobody can set:
 * a wall clock that jumps must not make the timeline be believed too early.
 */
export class Doubts {
  readonly #clock: Clock;
  readonly #since = new Map<string, { intent: Intent; elapsed: number }>();
  /** How many looks at a bot's timeline have failed since the last one that did not. */
  readonly #looks = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds that a bot's open post has been known to be open; 0 the first time it is asked for. */
  ageOf(intent: Intent): number {
    const known = this.#since.get(intent.bot);
    if (known?.intent === intent) return this.#clock.elapsed() - known.elapsed;
    this.#since.set(intent.bot, { intent, elapsed: this.#clock.elapsed() });
    this.#looks.delete(intent.bot);
    return 0;
  }

  /** How long to wait after a look at the timeline that failed: a minute at first, then longer, half an hour at most. */
  patience(bot: string): number {
    const looks = this.#looks.get(bot) ?? 0;
    this.#looks.set(bot, looks + 1);
    return Math.min(minute * 2 ** looks, 30 * minute);
  }

  /** Forgets a bot whose post was settled, or whose timeline was seen. */
  settle(bot: string): void {
    this.#since.delete(bot);
    this.#looks.delete(bot);
  }
}
