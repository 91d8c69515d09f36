import type { TokenPair } from '../keys/token-pair.ts';
import type { XFailure } from '../x/x-failure.ts';

/** Until when nobody may post: X refused one bot for a reason that holds for all bots of its app, or for the whole flock. */
export class Closures {
  readonly #apps = new Map<string, number>();
  #flock = 0;

  /** The instant before which a bot with these app keys need not try. Milliseconds since 1970; 0 where it may. */
  closedUntil(appKeys: TokenPair): number {
    return Math.max(this.#flock, this.#apps.get(appKeys.reveal().token) ?? 0);
  }

  /** @param retryAt - when the bot that was refused tries again */
  learn(appKeys: TokenPair, failure: XFailure, retryAt: number): void {
    if (failure.kind === 'no-credit') this.#flock = Math.max(this.#flock, retryAt);
    if (failure.kind === 'wait' && failure.scope === 'app')
      this.#apps.set(appKeys.reveal().token, failure.until);
  }
}
