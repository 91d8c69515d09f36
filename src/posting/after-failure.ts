import type { XFailure } from '../x/x-failure.ts';
import type { Owed } from './bot-state.ts';
import type { LedgerEvent } from './ledger-event.ts';

/** What to do with a line that X refuses as a repetition. */
export type Refrain = 'join' | 'defer' | 'skip';

/** What is known of the attempt that failed. */
export interface FailedAttempt {
  bot: string;
  /** What was owed before it, which tells a first refusal from a repeated one. */
  owed: Owed | undefined;
  /** Tells the key it was made with. */
  key: string;
  line: number;
  refrain: Refrain;
  now: number;
}

/** Lines skipped in a row; if X refuses more than these it is no refrain but the whole poem. */
const mostSkips = 3;

const second = 1000;
const minute = 60 * second;

/**
 * What to write down after a failed post. An outcome in doubt is none: then nothing is written, and the intent stays open.
 * A refusal keeps its line: it is owed, and tried again at an instant or when the bot's repair is done.
 */
export function eventsAfter(
  failure: XFailure,
  { bot, owed, key, line, refrain, now }: FailedAttempt,
): LedgerEvent[] {
  const times = owed?.why === failure.kind ? owed.times : 0;
  const refused = (retryAt: number): LedgerEvent => {
    return { event: 'refused', bot, at: now, why: failure.kind, reason: failure.reason, retryAt };
  };
  const park = (what: string, hint: string): LedgerEvent[] => {
    return [refused(now), { event: 'parked', bot, at: now, why: `${what} (${failure.reason})`, hint, key }];
  };
  switch (failure.kind) {
    case 'in-doubt':
      return [];
    case 'never-sent':
      return [refused(now + backOff(times, 5 * second, 5 * minute))];
    case 'wait':
      return [refused(failure.until)];
    case 'no-credit':
      return [refused(now + backOff(times, 15 * minute, 60 * minute))];
    case 'duplicate':
      // It was in doubt, was not on the timeline, and now X has it already: the timeline may have been late. Look again, once.
      if (owed?.why === 'absent' && owed.times < 2) return [];
      if (refrain === 'skip' && times < mostSkips)
        return [refused(now), { event: 'skipped', bot, at: now, line }];
      // Joined with its follower it is tried at once; a line that cannot be joined, or is not to be, has to wait.
      if (refrain === 'join' && times === 0) return [refused(now)];
      return [refused(now + backOff(times, 15 * minute, 120 * minute))];
    case 'reauth':
      // X has answered 401 to everybody in an outage before now: one is not believed.
      return times === 0 ? [refused(now + 10 * second)] : park('X refuses its key', `keymaker reauth ${bot}`);
    case 'read-only':
      return park(
        'its app may not write',
        `give the app write permission in the developer console, then: keymaker reauth ${bot}`,
      );
    case 'suspended':
      return park(
        'its account is suspended',
        `sign in to X as this account to see why, then: keymaker reauth ${bot}`,
      );
    case 'rejected':
      return park(
        'X refuses the line',
        `change the line in the poem if it is its fault, then: flockd resume ${bot}`,
      );
  }
}

/** Twice as long each time. */
const backOff = (times: number, first: number, most: number): number => Math.min(first * 2 ** times, most);
