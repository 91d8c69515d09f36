import type { BotSettings } from '../config/flock-file.ts';
import type { BotState } from '../ledger/state.ts';
import { isFinished } from '../posting/cursor.ts';
import { offsetIn } from '../schedule/calendar.ts';
import { nextAfter } from '../schedule/schedule.ts';

/** A bot, as far as it is watched. */
export interface Watched {
  name: string;
  settings: BotSettings;
}

const minute = 60_000;

/** How much later than due a bot may be, besides what it takes to settle a doubt. */
const late = 60 * minute;

/** How long a post may be in doubt after its timeline could first be believed. */
const doubtful = 15 * minute;

/**
 * Whether a bot owes no post, for a reason that a person knows of already. A post in doubt is not silence: it has an alarm of
 * its own.
 */
export const isExcused = ({ settings }: Watched, state: BotState): boolean =>
  state.open !== undefined ||
  state.parked !== undefined ||
  settings.paused ||
  state.paused !== undefined ||
  (isFinished(state.place) && settings.atEnd === 'stop');

/** When a bot is to post after the slots that it has served, or undefined where it is never. */
export function nextDue({ name, settings }: Watched, served: number): number | undefined {
  const { schedule: expression, timezone, spread } = settings;
  const slot = nextAfter({ expression, timezone }, served);
  return slot === undefined ? undefined : slot + offsetIn(spread, name);
}

/** How long a post may be due, and none made, before that is silence. Milliseconds. */
export const longestSilence = ({ settle }: BotSettings): number => late + settle;

/** How long a post may be in doubt before somebody should know. Milliseconds. */
export const longestDoubt = ({ settle }: BotSettings): number => doubtful + settle;

/** How silence reads in the log. @param due - since when */
export function describeSilence(
  { name }: Watched,
  { last, owed }: BotState,
  due: number,
): { since: string; why: string; hint: string } {
  const since = iso(Math.max(due, last?.at ?? due));
  const reason = owed === undefined ? '' : `: ${owed.reason}`;
  return {
    since,
    why: `it should have posted at ${iso(due)}, and has not${reason}`,
    hint: `flockd status shows how ${name} stands; keymaker doctor looks for what is wrong`,
  };
}

const iso = (instant: number): string => new Date(instant).toISOString();
