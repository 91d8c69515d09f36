import type { Budget } from '../config/flock-file.ts';
import { inMicros, inUsd } from '../cost.ts';
import { bugIn } from '../errors.ts';
import type { BotState } from '../ledger/state.ts';
import { spentBy, spentByFlock } from '../posting/budget.ts';
import { lengthOf } from '../posting/cursor.ts';
import { type BotFiles, type Condition, conditionOf, type FlockNow } from './bot-condition.ts';
import { pagesOfX, type PostPages } from './post-pages.ts';

export type { BotFiles, Condition, FlockNow } from './bot-condition.ts';

/** How a whole flock stands. Sums in US dollars, instants in ISO 8601. */
export interface Status {
  flock: FlockStatus;
  bots: BotStatus[];
}

export interface FlockStatus {
  /** Whether a daemon runs; missing where that cannot be told, or where it is the daemon that says all this. */
  running?: boolean;
  /** Whether some bot is to post, now or later, for which a daemon has to run; missing where it is the daemon that says all this. */
  shouldRun?: boolean;
  /** Why the system cannot watch files for who asks (`EMFILE`, `ENOSPC`), so that flockd polls; missing where it can. */
  unwatched?: string;
  /** By the stop switch: nobody posts. */
  stopped: boolean;
  /** In the flock's day and month, posts in doubt included, and since it began. */
  spent: Spent;
  /** When that day and month end. */
  dayEnds: string;
  monthEnds: string;
  /** What all bots together may spend, and what is left of it; what has no bound is missing. */
  budget: Budget;
  left: { postsToday?: number; usdMonth?: number };
}

export interface Spent {
  postsToday: number;
  usdMonth: number;
  usdTotal: number;
}

/** How one bot stands. */
export interface BotStatus {
  bot: string;
  /** Its screen name. */
  account: string | undefined;
  state: Condition;
  /** IANA: where its days begin, and its schedule is told. */
  timezone: string;
  /** Lines done in this pass, of how many. */
  done: number;
  of: number;
  pass: number;
  posts: number;
  /** Its last post: `line` counts from 1; its address is known where its account and its id are. */
  last: { id: string | undefined; at: string; line: number; url: string | undefined } | undefined;
  /** When it posts next, as far as is known. */
  next: string | undefined;
  /** Why it does not post, until when where that is known, and the repair where there is one. */
  why: string | undefined;
  until: string | undefined;
  hint: string | undefined;
  /** In its own day and month, and since it began. */
  spent: Spent;
  /** Its own, besides the flock's. */
  budget: Budget;
}

/** How a flock stands, by its files and its ledger. */
export const statusOfFlock = (
  bots: readonly BotFiles[],
  states: ReadonlyMap<string, BotState>,
  flock: FlockNow,
): Status => ({
  flock: statusOfAll(states.values(), flock),
  bots: bots.map((files) => statusOf(files, states.get(files.bot), flock)),
});

/** How one bot stands, by its files and the ledger. What nobody foresaw in one bot hides none of the others. */
export function statusOf(files: BotFiles, state: BotState | undefined, flock: FlockNow): BotStatus {
  try {
    return foreseen(files, state, flock);
  } catch (cause) {
    const { message: why, hint } = bugIn(files.bot, cause);
    return foreseen({ ...files, settings: undefined, unfit: { why, hint } }, state, flock);
  }
}

function foreseen(files: BotFiles, state: BotState | undefined, flock: FlockNow): BotStatus {
  const { bot, account, lines, settings } = files;
  const timezone = settings?.timezone ?? flock.purse.timezone;
  const { posts, micros, total } = spentBy(state, timezone, flock.now);
  const { condition, why, hint, until, next } = conditionOf(files, state, flock);
  return {
    bot,
    account,
    state: condition,
    timezone,
    done: state?.place.next ?? 0,
    of: state ? lengthOf(state.place) : lines,
    pass: state?.pass ?? 1,
    posts: state?.posts ?? 0,
    last: lastOf(state, account, flock.pages),
    next: next === undefined ? undefined : iso(next),
    why,
    until: until === undefined ? undefined : iso(until),
    hint,
    spent: { postsToday: posts, usdMonth: inUsd(micros), usdTotal: inUsd(total) },
    budget: settings?.budget ?? {},
  };
}

/** How the flock stands as one. @param states - of every bot that ever posted */
export function statusOfAll(
  states: Iterable<BotState>,
  { history, purse, isStopped, now }: FlockNow,
): FlockStatus {
  const { posts, micros, ends } = spentByFlock(history, purse.timezone, now);
  let total = 0;
  for (const { tally } of states) total += tally?.total ?? 0;
  const { postsPerDay, usdPerMonth } = purse.budget;
  return {
    stopped: isStopped,
    spent: { postsToday: posts, usdMonth: inUsd(micros), usdTotal: inUsd(total) },
    dayEnds: iso(ends.day),
    monthEnds: iso(ends.month),
    budget: purse.budget,
    left: {
      ...(postsPerDay !== undefined && { postsToday: Math.max(0, postsPerDay - posts) }),
      ...(usdPerMonth !== undefined && { usdMonth: inUsd(Math.max(0, inMicros(usdPerMonth) - micros)) }),
    },
  };
}

function lastOf(
  state: BotState | undefined,
  account: string | undefined,
  pages: PostPages = pagesOfX,
): BotStatus['last'] {
  if (!state?.last) return undefined;
  const { id, at, line } = state.last;
  return { id, at: iso(at), line: line + 1, url: pages.post(account, id) };
}

const iso = (instant: number): string => new Date(instant).toISOString();
