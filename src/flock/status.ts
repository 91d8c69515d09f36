import type { BotSettings, Budget } from '../config/flock-file.ts';
import { inMicros, inUsd } from '../cost.ts';
import { bugIn, type FlockError } from '../errors.ts';
import { accountFault } from '../keys/right-account.ts';
import { isFinished, lengthOf } from '../ledger/cursor.ts';
import type { FlockHistory } from '../ledger/history.ts';
import { spentBy, spentByFlock } from '../ledger/spending.ts';
import type { BotState } from '../ledger/state.ts';
import type { BotKey } from '../oauth/signature.ts';
import {
  type BudgetExceeded,
  exceededBudget,
  describeExceeded,
  type FlockBudget,
} from '../posting/budget.ts';
import { BotSchedule } from '../schedule/schedule.ts';
import { iso } from '../text.ts';

/**
 * How a bot stands, in a word:
 * `new` has not begun · `fine` · `waiting` until it may post again · `in doubt` about its last post ·
 * `looking` for what it posted since its state was saved · `parked` until somebody repairs it · `paused` and `stopped`
 * (with the whole flock) by a person · `finished` · `unfit`: its own files are wrong.
 */
export type Condition =
  | 'new'
  | 'fine'
  | 'waiting'
  | 'in doubt'
  | 'looking'
  | 'parked'
  | 'paused'
  | 'stopped'
  | 'finished'
  | 'unfit';

/** Whether somebody should look at a bot, by its condition alone. */
export const needsCare = (condition: Condition): boolean =>
  ['in doubt', 'looking', 'parked', 'unfit'].includes(condition);

/** The same for one bot: it may also wait for what only a person can change. */
export const needsSomebody = ({
  state,
  next,
  until,
}: {
  state: Condition;
  next: unknown;
  until: unknown;
}): boolean => needsCare(state) || (state === 'waiting' && next === undefined && until === undefined);

/** Whether a bot in this condition has something to post, now or later, without a person's help. */
export const hasToPost = (condition: Condition): boolean =>
  ['new', 'fine', 'waiting', 'in doubt', 'looking'].includes(condition);

/** What a bot's own files say of it. */
export interface BotFiles {
  bot: string;
  /** Its screen name. */
  account: string | undefined;
  /** How many posts its poem is, and which of them have a link, counted from 0. */
  lines: number;
  linked: ReadonlySet<number>;
  /** Whose its key is; undefined where that is not to be judged. */
  key?: Pick<BotKey, 'userId' | 'screenName'> | undefined;
  /** Undefined where it is not in the flock. */
  settings: BotSettings | undefined;
  /** Why it cannot post, where it cannot. */
  unfit: { why: string; hint: string | undefined } | undefined;
  /** Why its bundle cannot be opened any more, where it posts with the key that was read before. */
  unopened?: Pick<FlockError, 'message'> | undefined;
}

/** What holds for the whole flock at one moment. */
export interface FlockNow {
  history: FlockHistory;
  purse: FlockBudget;
  /** By the stop switch. */
  isStopped: boolean;
  now: number;
  /** Where its posts are seen, where that is not on X. */
  pages?: PostPages | undefined;
}

export interface StandingOf {
  condition: Condition;
  why?: string | undefined;
  hint?: string | undefined;
  /** When what is the matter is over, and when the bot posts next. Milliseconds since 1970. */
  until?: number | undefined;
  next?: number | undefined;
}

/** How a bot stands, why, and what helps. Pure. */
export function conditionOf(files: BotFiles, state: BotState | undefined, flock: FlockNow): StandingOf {
  const { settings, unopened } = files;
  const unfit = files.unfit ?? wrongKey(files, state);
  if (unfit || !settings) return { condition: 'unfit', ...unfit };
  const standing =
    ofTroubles(files.bot, state, flock.now) ??
    ofRest(files.bot, state, settings, flock) ??
    ofClock(state, flock.now) ??
    ofWaiting(files, state, settings, flock) ??
    ofSchedule(files.bot, state, settings, flock);
  return unopened && standing.why === undefined ? { ...standing, ...afterRestart(unopened) } : standing;
}

/** A key of another account, with which flockd does not post. */
function wrongKey(
  { bot, key, settings }: BotFiles,
  state: BotState | undefined,
): { why: string; hint: string | undefined } | undefined {
  const fault = key && settings && accountFault({ name: bot, bundle: key, settings }, state?.account);
  return fault && { why: fault.message, hint: fault.hint };
}
/** What becomes of a bot that posts with a key whose bundle cannot be opened any more. */
export const afterRestart = ({ message }: Pick<FlockError, 'message'>): { why: string; hint: string } => ({
  why: `posts with the key in memory, and not after a restart (${message})`,
  hint: 'start flockd with KEYMAKER_IDENTITY_FILE, or: keymaker encrypt --decrypt --identity FILE',
});

/** A request has had its answer after this time, or gets none. Milliseconds. */
const underWay = 10_000;

/** What only the timeline or a person can settle. */
function ofTroubles(bot: string, state: BotState | undefined, now: number): StandingOf | undefined {
  if (state?.open && state.open.look !== true) {
    const { line, at } = state.open;
    // Every post is open for a moment.
    if (at <= now && now < at + underWay) return { condition: 'fine', next: at };
    const why = `line ${line + 1} was sent at ${iso(at)}, and nobody knows whether it arrived`;
    const hint = `flockd looks by itself; or settle it: flockd resolve ${bot} --posted | --not-posted`;
    return { condition: 'in doubt', why, hint };
  }
  if (state?.parked) return { condition: 'parked', why: state.parked.why, hint: state.parked.hint };
  return undefined;
}

/** What a person wanted. */
function ofRest(
  bot: string,
  state: BotState | undefined,
  settings: BotSettings,
  { isStopped }: FlockNow,
): StandingOf | undefined {
  if (isStopped)
    return { condition: 'stopped', why: 'the whole flock is stopped', hint: 'flockd resume lets it go on' };
  if (state?.paused !== undefined) {
    const why = `paused since ${iso(state.paused)}`;
    return { condition: 'paused', why, hint: `flockd resume ${bot} lets it go on` };
  }
  if (settings.paused) return { condition: 'paused', why: 'paused in flock.json' };
  if (state?.restored === true) {
    const why = 'restored, and looks for what it has posted since before it posts again';
    return { condition: 'looking', why, hint: 'flockd does so by itself while it runs' };
  }
  return undefined;
}

/** Two clocks differ by seconds. Milliseconds. */
const maxAhead = 60_000;

/** What the ledger knows of is not to come: the clock is wrong now, or was when that was written. */
function ofClock(state: BotState | undefined, now: number): StandingOf | undefined {
  const known = Math.max(state?.served ?? 0, state?.last?.at ?? 0, state?.owed?.at ?? 0);
  if (known <= now + maxAhead) return undefined;
  const why = `the clock of this machine shows ${iso(now)}, and the ledger has an entry of ${iso(known)}`;
  return { condition: 'waiting', why, hint: 'timedatectl set-ntp true; flockd asks X before it posts' };
}

/** A slot is near, but something stands before it that goes away by itself. */
function ofWaiting(
  files: BotFiles,
  state: BotState | undefined,
  settings: BotSettings,
  flock: FlockNow,
): StandingOf | undefined {
  const { now } = flock;
  const { owed } = state ?? {};
  if (owed && owed.retryAt > now)
    return { condition: 'waiting', why: owed.reason, until: owed.retryAt, next: owed.retryAt };
  const next = owed ? now : new BotSchedule(files.bot, settings).nextPost(state?.served ?? now);
  const cap = capBefore(files, state, settings, flock);
  if (!cap || next === undefined || isOver(state, settings)) return undefined;
  const { until } = cap;
  if (until !== undefined && until <= next) return undefined;
  const why = describeExceeded(cap);
  const whose = cap.whose === 'bot' ? 'its' : "the flock's";
  const raise = `raise ${whose} ${cap.what} in flock.json`;
  if (until === undefined) {
    return {
      condition: 'waiting',
      why: `${why}: it posts nothing until ${whose} budget is raised`,
      hint: raise,
    };
  }
  const after =
    settings.missed === 'skip' && !owed ? new BotSchedule(files.bot, settings).nextPost(until) : until;
  return { condition: 'waiting', why, hint: `wait, or ${raise}`, until, next: after };
}

/** The budget that has no room for the bot's next post. */
function capBefore(
  { linked }: BotFiles,
  state: BotState | undefined,
  { timezone, budget }: BotSettings,
  { history, purse, now }: FlockNow,
): BudgetExceeded | undefined {
  const { post, linkPost } = purse.prices;
  const line = state && !isFinished(state.place) ? state.place.next : 0;
  const cost = inMicros(linked.has(line) ? linkPost : post);
  return (
    exceededBudget('bot', budget, spentBy(state, timezone, now), { posts: 1, cost }) ??
    exceededBudget('flock', purse.budget, spentByFlock(history, purse.timezone, now), { posts: 1, cost })
  );
}

function ofSchedule(
  bot: string,
  state: BotState | undefined,
  settings: BotSettings,
  { now }: FlockNow,
): StandingOf {
  if (state?.owed) {
    const { why, reason } = state.owed;
    const asked = 'a person asked for its next line, which is posted as soon as flockd runs';
    return { condition: 'waiting', why: why === 'asked' ? asked : reason, next: now };
  }
  if (isOver(state, settings)) return { condition: 'finished' };
  return {
    condition: state ? 'fine' : 'new',
    next: new BotSchedule(bot, settings).nextPost(state?.served ?? now),
  };
}

const isOver = (state: BotState | undefined, { atEnd }: BotSettings): boolean =>
  state !== undefined && isFinished(state.place) && atEnd === 'stop';

/** Where people see accounts and posts; undefined where that is not known. */
export interface PostPages {
  account: (name: string | undefined) => string | undefined;
  post: (account: string | undefined, id: string | undefined) => string | undefined;
}

/**
 * The pages of what is posted to by an API: X's own, or those of a sandbox on this machine, whose front page shows an account
 * and has its posts by name. Of any other nobody knows whether it has pages.
 *
 * @param api - its base: `https://api.x.com`, `http://127.0.0.1:4010`
 */
export function postPages(api: string): PostPages {
  const { hostname, protocol } = new URL(api);
  if (hostname === 'api.x.com') return pagesOfX;
  const home = (name: string): string => `${api}/?account=${encodeURIComponent(name)}`;
  return protocol === 'http:' ? pagesBy(home, (name, id) => `${home(name)}#post-${id}`) : noPages;
}

const pagesBy = (
  account: (name: string) => string,
  post: (account: string, id: string) => string,
): PostPages => ({
  account: (name) => (name === undefined ? undefined : account(name)),
  post: (name, id) => (name === undefined || id === undefined ? undefined : post(name, id)),
});

const noPages: PostPages = { account: () => undefined, post: () => undefined };

export const pagesOfX = pagesBy(
  (name) => `https://x.com/${name}`,
  (name, id) => `https://x.com/${name}/status/${id}`,
);

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

interface Spent {
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
