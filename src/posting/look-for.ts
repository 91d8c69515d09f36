import type { Intent } from '../ledger/events.ts';
import { type BotState, sinceOf } from '../ledger/state.ts';
import { isFinished, lengthOf, prints } from './place.ts';

/**
 * Whether a restored bot may have posted since its state was saved: it has more to post, as it knows its poem or as that is
 * now.
 *
 * @param poem - the fingerprints of the poem as it is now
 */
export const mayHavePosted = ({ place }: BotState, poem: string, atEnd: 'loop' | 'stop'): boolean =>
  atEnd === 'loop' || poem !== place.poem || !isFinished(place);

/**
 * The next line of a restored bot in doubt, as it is after a crash: it may have been posted since its state was saved. That
 * line is the one of the poem as the bot knows it, since what it has posted may be older than an edit of today; at its end
 * it stands for what a bot may have posted beyond it.
 */
export function lookFor(bot: string, state: BotState, now: number): Intent {
  const { place, served } = state;
  const since = sinceOf(state);
  const line = Math.min(place.next, lengthOf(place) - 1);
  return {
    event: 'intent',
    bot,
    at: beginOfLook(state),
    slot: served,
    // Should a person vouch for it, slots up to now are served.
    until: Math.max(served, now),
    line,
    lines: 1,
    print: prints(place.poem)[line] ?? '',
    ...(since !== undefined && { since }),
    look: true,
  };
}

/** Where the timeline is read from, where there is no post to begin after. */
export const beginOfLook = ({ served, last, open }: BotState): number =>
  last?.at ?? Math.min(served, open?.at ?? served);
