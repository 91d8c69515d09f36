import type { XFailure } from '../networks/x/failure.ts';
import { asKept, cashtagsIn } from '../poems/tweet-text.ts';
import { xLimits } from './limits.ts';

/** What X will answer to one account's posts, as far as that can be known before. */
export class AnswersOfX {
  /** When each text was posted last. */
  readonly #posted = new Map<string, number>();

  /** X's answer to a text at an instant: a failure, or undefined where it takes it. */
  post(text: string, now: number): XFailure | undefined {
    const kept = asKept(text);
    if (cashtagsIn(kept) > 1) return { kind: 'rejected', reason: 'X takes one cashtag in a post' };
    const last = this.#posted.get(kept);
    if (last !== undefined && last > now - xLimits.remembers.surely)
      return { kind: 'duplicate', reason: 'it repeats what was posted lately' };
    this.#posted.set(kept, now);
    return undefined;
  }
}
