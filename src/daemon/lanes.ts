import type { TokenPair } from '../keys/bundle.ts';
import type { BotState } from '../ledger/state.ts';

/** Where bots wait that X let wait. */
export const slowLane = 'slow';

/**
 * How many slow bots may take a step at the same time: a quarter of all places is left for the others, so that accounts that
 * do not answer delay nobody but each other.
 */
export const mostSlow = (sockets: number): number => Math.max(1, sockets - Math.ceil(sockets / 4));

/**
 * Tells where a bot waits. The bots of an app that X has held to a limit have a lane of their own: at its reset they come all
 * at once, and others are due just then.
 */
export class Lanes {
  readonly #limited = new Set<string>();

  /** @param state - what the ledger says of a bot of that app now */
  learn(appKeys: TokenPair, state: BotState | undefined): void {
    if (state?.owed?.why === 'wait') this.#limited.add(appKeys.reveal().token);
  }

  laneOf(appKeys: TokenPair, isSlow: boolean): string | undefined {
    if (isSlow) return slowLane;
    const { token } = appKeys.reveal();
    return this.#limited.has(token) ? `limited ${token}` : undefined;
  }
}

/** What a step showed of its bot. */
export interface StepTaken {
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
