import { isFinished, type Cursor } from '../ledger/cursor.ts';
import type { BotState, Owed } from '../ledger/state.ts';
import { fitsInPost, withoutControls } from '../poems/tweet-text.ts';

/** What is known when a bot's next step is decided. Instants and durations in milliseconds. */
export interface Situation {
  state: BotState;
  now: number;
  /** The first slot of the bot's schedule after an instant, or undefined where there is none. */
  nextSlot: (after: number) => number | undefined;
  /** How long after its slot this bot posts. */
  offset: number;
  missed: 'skip' | 'one' | 'all';
  /** By flock.json, a person's order, or the stop switch. */
  paused: boolean;
  /** Tells this key from the one it was parked with, or X refused. */
  key: string;
  /** How long the open post has been known to be open. */
  openFor: number;
  /** How long after an intent its post is certainly on the timeline or never will be: deadline + settle. */
  doubt: number;
}

export type Decision =
  /** Nothing to do before an instant. */
  | { do: 'wait'; until: number }
  /** Nothing to do until somebody changes something. */
  | { do: 'rest'; because: 'parked' | 'paused' | 'no more slots' }
  /** The key it was parked with was replaced. */
  | { do: 'free' }
  /** Look on the timeline whether the open post is there. */
  | { do: 'reconcile' }
  /** Look on the timeline whether the next line is there already: the ledger was restored. */
  | { do: 'look' }
  /** Let the slots up to an instant go. */
  | { do: 'miss'; until: number }
  /** Post what comes next, for a slot; it serves every slot up to `until`. */
  | { do: 'post'; slot: number; until: number };

/** How late a post may come and still be on time where missed slots are skipped. */
const grace = 120_000;

/** What was written down later than this from now was written by a clock that was ahead; it says nothing of now. */
const maxAhead = 60_000;

/** Catching up goes at twice the schedule's pace, and never slower than a post in this time. */
const slowestCatchUp = 900_000;

/** The next step of one bot. Pure: the same situation always gives the same decision. */
export function decide(situation: Situation): Decision {
  const { state, now } = situation;
  if (state.open) {
    const left = situation.doubt - situation.openFor;
    return left <= 0 ? { do: 'reconcile' } : { do: 'wait', until: now + left };
  }
  if (state.parked)
    return state.parked.key === situation.key ? { do: 'rest', because: 'parked' } : { do: 'free' };
  if (situation.paused || state.paused !== undefined) return { do: 'rest', because: 'paused' };
  if (state.restored) return { do: 'look' };
  if (state.owed) {
    const { slot, until } = state.owed;
    const retryAt = retryOf(state.owed, now);
    const isOfOtherKey = state.owed.key !== undefined && state.owed.key !== situation.key;
    if (now < retryAt && !isOfOtherKey) return { do: 'wait', until: retryAt };
    // Slots that passed while it was owed are missed like any other: one post serves them all.
    return {
      do: 'post',
      slot,
      until: situation.missed === 'one' ? Math.max(until, now - situation.offset) : until,
    };
  }
  if (state.served > now + maxAhead) return { do: 'miss', until: now };
  return decideSlot(situation);
}

const day = 86_400_000;
const minute = 60_000;

/** When what is owed is tried again. */
function retryOf({ why, retryAt, at, absent = 0 }: Owed, now: number): number {
  // An older flockd did not write down when it was refused; but no refusal lasts longer than a day.
  const isOfNow = at === undefined ? retryAt < now + day + minute : at <= now + maxAhead;
  if (!isOfNow) return now;
  // A post that does not arrive again and again is not sent, looked for and paid for as fast as can be.
  const pause = why === 'absent' && absent > 1 ? Math.min(5 * minute * 2 ** (absent - 2), 120 * minute) : 0;
  return retryAt + pause;
}

function decideSlot({ state, now, nextSlot, offset, missed }: Situation): Decision {
  const slot = nextSlot(state.served);
  if (slot === undefined) return { do: 'rest', because: 'no more slots' };
  if (slot + offset > now) return { do: 'wait', until: slot + offset };
  const latest = now - offset;
  switch (missed) {
    case 'one':
      return { do: 'post', slot, until: latest };
    case 'skip': {
      const recent = nextSlot(Math.max(state.served, latest - grace));
      return recent !== undefined && recent <= latest
        ? { do: 'post', slot: recent, until: latest }
        : { do: 'miss', until: latest };
    }
    case 'all':
      return catchUp(slot, nextSlot(slot), state, now);
  }
}

/** One slot after the other, none dropped, with a pause after each post that came late. */
function catchUp(slot: number, next: number | undefined, state: BotState, now: number): Decision {
  const pause = next === undefined ? 0 : Math.min((next - slot) / 2, slowestCatchUp);
  const earliest = (state.last?.at ?? 0) + pause;
  // Later than a whole pause from now means that the clock was set back: then there is nothing to wait for.
  return earliest > now && earliest <= now + pause
    ? { do: 'wait', until: earliest }
    : { do: 'post', slot, until: slot };
}

/** The text to post next, as it is sent, and the lines it is made of. */
export interface PlannedPost {
  /** The position of its first line in the poem, counted from 0. */
  line: number;
  lines: number;
  text: string;
}

/**
 * What a bot posts next, or undefined at the poem's end.
 *
 * @param joinRefrain - the line alone was refused as a duplicate: it goes into one post with the line after it
 */
export function planPost(
  place: Cursor,
  texts: readonly string[],
  joinRefrain: boolean,
): PlannedPost | undefined {
  const { next } = place;
  const text = texts[next];
  if (isFinished(place) || text === undefined) return undefined;
  const following = texts[next + 1];
  if (joinRefrain && following !== undefined && !place.ahead.includes(next + 1)) {
    const joined = `${text}\n${following}`;
    if (fitsInPost(joined)) return { line: next, lines: 2, text: withoutControls(joined) };
  }
  return { line: next, lines: 1, text: withoutControls(text) };
}
