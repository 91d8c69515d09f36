import type { BotSettings } from '../config/flock-file.ts';
import type { LedgerEvent, Price } from '../ledger/events.ts';
import type { FlockHistory } from '../ledger/history.ts';
import { type BotState, type Cursor, isFinished, type Owed } from '../ledger/state.ts';
import type { Line } from '../poems/poem.ts';
import { type TextRules, withoutControls } from '../poems/tweet-text.ts';
import type { BotSchedule } from '../schedule/schedule.ts';
import { type BudgetExceeded, checkBudget, costOf, type FlockBudget } from './budget.ts';
import type { Edit } from './edits.ts';

/** What is known when a bot's next step is decided. Instants and durations in milliseconds. */
export interface Situation {
  bot: string;
  state: BotState;
  settings: Pick<BotSettings, 'missed' | 'paused' | 'settle'>;
  schedule: Pick<BotSchedule, 'nextSlot' | 'offset'>;
  now: number;
  /** By the stop switch. */
  isStopped: boolean;
  /** Identifies the key: it may not be the one that the bot was parked with, or that the network refused. */
  key: string;
  /** How long the open post has been known to be open. */
  openFor: number;
  /** The longest that one request takes. Settle after that, a post is on the timeline or never will be. */
  deadline: number;
  /** Whether the network tells at any time if an open post was made, by its mark. */
  findsByMark?: boolean;
}

export type Decision =
  /** Nothing to do before an instant. */
  | { do: 'wait'; until: number }
  /** Nothing to do until something changes. */
  | { do: 'rest'; because: 'parked' | 'paused' | 'no more slots' }
  /** Record this, and decide again: the key it was parked with was replaced, or slots were missed. */
  | { do: 'record'; event: LedgerEvent }
  /** Look on the timeline whether the open post is there. */
  | { do: 'reconcile' }
  /** Look on the timeline whether the next line is there already: the ledger was restored. */
  | { do: 'look' }
  /** Post the next line for a slot; it serves every slot up to `until`. */
  | { do: 'post'; slot: number; until: number };

const minute = 60_000;
const day = 1440 * minute;

/** How late a post may be and still be on time if missed slots are skipped. */
const maxLate = 2 * minute;

/** An instant in the ledger that is further ahead than this was written by a wrong clock. */
const maxAhead = minute;

/** The longest pause between two posts that catch up. */
const maxPause = 15 * minute;

/** How long a post is in doubt before the network is asked. @param deadline - of a request. Milliseconds */
export const inDoubtFor = (
  { open, restored }: Pick<BotState, 'open' | 'restored'>,
  { settle }: Pick<BotSettings, 'settle'>,
  { deadline, findsByMark = false }: Pick<Situation, 'deadline' | 'findsByMark'>,
): number =>
  // A restored bot looks for later posts, too, which may be under way.
  findsByMark && open?.attempt !== undefined && restored !== true ? 0 : deadline + settle;

/** The next step of one bot. Pure: the same situation always gives the same decision. */
export function decide(situation: Situation): Decision {
  const { bot, state, settings, schedule, now, key, isStopped, openFor } = situation;
  const { open, parked, owed } = state;
  if (open) {
    const left = inDoubtFor(state, settings, situation) - openFor;
    return left <= 0 ? { do: 'reconcile' } : { do: 'wait', until: now + left };
  }
  if (parked) {
    if (parked.key === key) return { do: 'rest', because: 'parked' };
    return { do: 'record', event: { event: 'freed', bot, at: now } };
  }
  if (settings.paused || isStopped || state.paused !== undefined) return { do: 'rest', because: 'paused' };
  if (state.restored) return { do: 'look' };
  if (owed) {
    const { slot, until } = owed;
    const retryAt = retryOf(owed, now);
    const isOfOtherKey = owed.key !== undefined && owed.key !== key;
    if (now < retryAt && !isOfOtherKey) return { do: 'wait', until: retryAt };
    // Slots that passed while it was owed are missed like any others: one post serves them all.
    const isForAll = settings.missed === 'one';
    return { do: 'post', slot, until: isForAll ? Math.max(until, now - schedule.offset) : until };
  }
  return state.served > now + maxAhead ? missed(bot, now, now) : decideSlot(situation);
}

/** Slots up to an instant have no post. */
const missed = (bot: string, at: number, until: number): Decision => {
  return { do: 'record', event: { event: 'missed', bot, at, until } };
};

/** When what is owed is tried again. */
function retryOf({ why, retryAt, at, absent = 0 }: Owed, now: number): number {
  // An older flockd did not record when it was refused; but no refusal lasts longer than a day.
  const isOfNow = at === undefined ? retryAt < now + day + minute : at <= now + maxAhead;
  if (!isOfNow) return now;
  // A post that repeatedly does not arrive is sent, looked for and paid for less and less often.
  const pause = why === 'absent' && absent > 1 ? Math.min(5 * minute * 2 ** (absent - 2), 120 * minute) : 0;
  return retryAt + pause;
}

function decideSlot({ bot, state, settings, schedule, now }: Situation): Decision {
  const { offset } = schedule;
  const slot = schedule.nextSlot(state.served);
  if (slot === undefined) return { do: 'rest', because: 'no more slots' };
  if (slot + offset > now) return { do: 'wait', until: slot + offset };
  const latest = now - offset;
  switch (settings.missed) {
    case 'one':
      return { do: 'post', slot, until: latest };
    case 'skip': {
      const recent = schedule.nextSlot(Math.max(state.served, latest - maxLate));
      const isOnTime = recent !== undefined && recent <= latest;
      return isOnTime ? { do: 'post', slot: recent, until: latest } : missed(bot, now, latest);
    }
    case 'all':
      return catchUp(slot, schedule.nextSlot(slot), state, now);
  }
}

/** One slot after the other, at twice the schedule's pace at most, with a pause after each late post. */
function catchUp(slot: number, next: number | undefined, state: BotState, now: number): Decision {
  const pause = next === undefined ? 0 : Math.min((next - slot) / 2, maxPause);
  const earliest = (state.last?.at ?? 0) + pause;
  // More than a whole pause from now, the clock was set back: then there is nothing to wait for.
  return earliest > now && earliest <= now + pause
    ? { do: 'wait', until: earliest }
    : { do: 'post', slot, until: slot };
}

/** What becomes of a due post. */
export type Move =
  /** Record this, and decide again. */
  | { do: 'record'; event: LedgerEvent }
  /** The poem is at its end for good: its slots are missed. */
  | { do: 'finish'; event: LedgerEvent }
  | { do: 'wait for budget'; cap: BudgetExceeded }
  | { do: 'post'; post: PlannedPost; price: Price };

interface DuePost {
  bot: string;
  state: BotState;
  settings: Pick<BotSettings, 'timezone' | 'budget' | 'refrain' | 'atEnd'>;
  /** The slots that the post serves, up to this instant. */
  until: number;
  /** How long after its slot this bot posts. Milliseconds. */
  offset: number;
  /** The poem as the bot reads it, the rules for its texts, and the event to record first if it was edited. */
  poem: { lines: readonly Line[]; rules: TextRules; edit: Edit | undefined };
  /** What the flock has spent, and may spend. */
  flock: { history: FlockHistory; flockBudget: FlockBudget };
  now: number;
}

/** Follows an edit, begins the poem again, asks the budget, or posts. Pure. */
export function movePost({ bot, state, settings, until, offset, poem, flock, now }: DuePost): Move {
  if (poem.edit) return { do: 'record', event: poem.edit };
  const { place, owed } = state;
  const joinRefrain = owed?.why === 'duplicate' && settings.refrain === 'join';
  const post = planPost(place, poem.lines, { joinRefrain, rules: poem.rules });
  if (!post) {
    if (settings.atEnd === 'loop')
      return { do: 'record', event: { event: 'again', bot, at: now, poem: place.poem } };
    const event = { event: 'missed', bot, at: now, until: Math.max(until, now - offset) } as const;
    return { do: 'finish', event };
  }
  const wanted = { posts: 1, cost: costOf(post.text, flock.flockBudget.prices) } as const;
  const { cap, price } = checkBudget(wanted, { state, settings, ...flock }, now);
  return cap ? { do: 'wait for budget', cap } : { do: 'post', post, price };
}

/** The text of the next post, as it is sent, and its lines. */
export interface PlannedPost {
  /** The position of its first line in the poem, counted from 0. */
  line: number;
  lines: number;
  text: string;
}

/**
 * What a bot posts next, or undefined at the poem's end.
 *
 * @param joinRefrain - the line alone was refused as a duplicate: it is joined with the next line in one post
 */
export function planPost(
  place: Cursor,
  lines: readonly Pick<Line, 'text'>[],
  { joinRefrain, rules }: { joinRefrain: boolean; rules: TextRules },
): PlannedPost | undefined {
  const { next } = place;
  const text = lines[next]?.text;
  if (isFinished(place) || text === undefined) return undefined;
  const following = lines[next + 1]?.text;
  if (joinRefrain && following !== undefined && !place.ahead.includes(next + 1)) {
    const joined = `${text}\n${following}`;
    if (rules.fits(joined)) return { line: next, lines: 2, text: withoutControls(joined) };
  }
  return { line: next, lines: 1, text: withoutControls(text) };
}
