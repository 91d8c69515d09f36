import { type Bot, type BotSettings, type Budget, splitOf } from '../config/flock-file.ts';
import { inMicros, inUsd } from '../cost.ts';
import { attemptAsync, bugIn, FlockError } from '../errors.ts';
import { accountFault } from '../keys/right-account.ts';
import { type FlockHistory, spentBy, spentByFlock } from '../ledger/history.ts';
import { type BotState, isFinished, lengthOf } from '../ledger/state.ts';
import { type Network, type NetworkName, networkNames } from '../networks/network.ts';
import { networkFor, networks } from '../networks/networks.ts';
import type { BotKey } from '../oauth/signature.ts';
import { readPoem } from '../poems/find.ts';
import { linesOf } from '../poems/poem.ts';
import { budgetAt, checkBudget, describeExceeded, type FlockBudget } from '../posting/budget.ts';
import { inDoubtFor } from '../posting/decide.ts';
import { BotSchedule } from '../schedule/schedule.ts';
import { iso, listed } from '../text.ts';
import type { Flock } from './load.ts';

/** A bot's condition, as JSON and metrics name it. People see one of the five {@link states}. */
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

/** A state as people see it: in the terminal, on the page, in plans and in the help of the metrics. */
interface ShownState {
  name: 'posting' | 'needs you' | 'checking' | 'waiting' | 'paused';
  conditions: readonly Condition[];
  /** `good` posts, `soon` continues by itself, `rest` stays as a person wanted it, `wrong` needs a repair. */
  severity: 'good' | 'soon' | 'rest' | 'wrong';
  /** What one bot, and what several bots do: `needs you`, `need you`. */
  one: string;
  many: string;
  /** What it means, and what a person does about it. */
  meaning: string;
  action: string;
}

/** The five states, in the order of sentences: first those that post, then the most urgent. */
export const states: readonly ShownState[] = [
  {
    name: 'posting',
    conditions: ['new', 'fine'],
    severity: 'good',
    one: 'is posting',
    many: 'are posting',
    meaning: 'it posts on its schedule',
    action: 'nothing to do',
  },
  {
    name: 'needs you',
    conditions: ['parked', 'unfit'],
    severity: 'wrong',
    one: 'needs you',
    many: 'need you',
    meaning: 'it posts nothing until its key, account, poem or budget is repaired',
    action: 'the repair that flockd status shows',
  },
  {
    name: 'checking',
    conditions: ['in doubt', 'looking'],
    severity: 'soon',
    one: 'is checking its timeline',
    many: 'are checking their timelines',
    meaning: 'it posts nothing until it knows from its timeline what it has posted',
    action: 'wait, or settle a post in doubt: flockd resolve',
  },
  {
    name: 'waiting',
    conditions: ['waiting'],
    severity: 'soon',
    one: 'is waiting',
    many: 'are waiting',
    meaning: 'it cannot post now, and continues by itself',
    action: 'nothing to do',
  },
  {
    name: 'paused',
    conditions: ['paused', 'stopped', 'finished'],
    severity: 'rest',
    one: 'is paused',
    many: 'are paused',
    meaning: 'a person paused it or the flock, or its poem is finished',
    action: 'flockd resume',
  },
];

const byCondition = new Map(
  states.flatMap((state) => state.conditions.map((condition) => [condition, state] as const)),
);

/** The state of a bot by its condition alone. */
export function stateOf(condition: Condition): ShownState {
  const state = byCondition.get(condition);
  if (!state) throw new TypeError(`no state has the condition ${condition}`);
  return state;
}

/** What tells the state of a bot: it may also wait for what only a person can change. */
type Standing = Pick<BotStatus, 'state' | 'next' | 'until'>;

/** The state of a bot as people see it. */
export const shownState = ({ state, next, until }: Standing): ShownState =>
  stateOf(state === 'waiting' && next === undefined && until === undefined ? 'parked' : state);

const bySeverity: readonly ShownState['severity'][] = ['wrong', 'soon', 'good', 'rest'];

/** How urgent a bot's state is, to sort by: 0 needs a person. */
export const urgencyOf = (bot: Standing): number => bySeverity.indexOf(shownState(bot).severity);

/** How many bots are in each state, in the order of {@link states}; none is left out that has any. */
export function stateCounts(bots: readonly Standing[]): { state: ShownState; count: number }[] {
  const counts = new Map(states.map((state) => [state, 0]));
  for (const bot of bots) {
    const state = shownState(bot);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return Array.from(counts, ([state, count]) => ({ state, count })).filter(({ count }) => count > 0);
}

/** Whether a person should look at a bot: it makes `flockd status` exit with 1. */
export const needsSomebody = (bot: Standing): boolean =>
  ['needs you', 'checking'].includes(shownState(bot).name);

/** Whether a bot in this condition has something to post, now or later, without a person's help. */
export const hasToPost = (condition: Condition): boolean =>
  ['posting', 'waiting', 'checking'].includes(stateOf(condition).name);

/** Why a bot with nothing wrong posts nothing more, for people; JSON says it by the condition alone. */
const finished = { why: 'its poem is at its end', hint: 'atEnd in flock.json says stop' } as const;

/** Why a bot is in its state, and what a person can do about it. */
export const reasonOf = ({
  state,
  why,
  hint,
}: Pick<BotStatus, 'state' | 'why' | 'hint'>): Pick<BotStatus, 'why' | 'hint'> =>
  state === 'finished' ? finished : { why, hint };

/** What anybody may know of a key. */
type PublicKey = Pick<BotKey, 'userId' | 'screenName' | 'provider' | 'server'>;

/** What a bot's own files say of it. */
export interface BotFiles {
  bot: string;
  /** Its screen name. */
  account: string | undefined;
  /** Undefined where it is not known. */
  network: Network | undefined;
  /** How many posts its poem is, and which of them have a link, counted from 0. */
  lines: number;
  linked: ReadonlySet<number>;
  /** Whose its key is; undefined where that is not to be judged. */
  key?: PublicKey | undefined;
  /** Undefined where it is not in the flock. */
  settings: BotSettings | undefined;
  /** Why it cannot post, where it cannot. */
  unfit: { why: string; hint: string | undefined } | undefined;
  /** Why its bundle cannot be opened any more, where it posts with the key that was read before. */
  unopened?: Pick<FlockError, 'message'> | undefined;
}

const noPoem = { lines: 0, linked: new Set<number>() };

/** Reads a bot's poem, which may be missing or wrong. */
export async function readBotFiles(bot: Bot): Promise<BotFiles> {
  const lines = await attemptAsync(linesOf(bot.poemFile, splitOf(bot), readPoem));
  if (lines instanceof FlockError) return { ...withoutPoem(bot), unfit: faultIn(lines) };
  const linked = new Set(lines.flatMap(({ text }, line) => (bot.rules.hasLink(text) ? [line] : [])));
  return { ...withoutPoem(bot), lines: lines.length, linked };
}

const faultIn = ({ message, hint }: FlockError): NonNullable<BotFiles['unfit']> => ({ why: message, hint });

/** What is known of a bot before its poem is read. */
export const withoutPoem = ({ name: bot, bundle, settings, unopened }: Bot): BotFiles => ({
  ...noPoem,
  bot,
  account: bundle.screenName,
  network: networkFor(bundle),
  key: bundle,
  settings,
  unfit: undefined,
  ...(unopened && { unopened }),
});

/** What is known of a bot whose bundle or settings are wrong. */
export const invalidFiles = ({ bot, error }: Flock['invalidBots'][number]): BotFiles => ({
  ...noPoem,
  bot,
  account: undefined,
  network: undefined,
  settings: undefined,
  unfit: faultIn(error),
});

/** What holds for the whole flock at one moment. */
export interface FlockNow {
  history: FlockHistory;
  flockBudget: FlockBudget;
  /** By the stop switch. */
  isStopped: boolean;
  now: number;
  /** Where its posts are seen; undefined where nobody asks. */
  pages?: PostPages | undefined;
}

export interface StandingOf {
  condition: Condition;
  why?: string | undefined;
  hint?: string | undefined;
  /** When the reason is over, and when the bot posts next. Milliseconds since 1970. */
  until?: number | undefined;
  next?: number | undefined;
}

/** A bot of the flock, at one moment. */
interface Moment extends FlockNow {
  bot: string;
  network: Network | undefined;
  linked: ReadonlySet<number>;
  state: BotState | undefined;
  settings: BotSettings;
}

/** How a bot stands, why, and what helps. Pure. */
export function conditionOf(files: BotFiles, state: BotState | undefined, flock: FlockNow): StandingOf {
  const { bot, network, linked, settings, unopened } = files;
  const unfit = files.unfit ?? wrongKey(files, state);
  if (unfit || !settings) return { condition: 'unfit', ...unfit };
  const moment: Moment = { ...flock, bot, network, linked, state, settings };
  const standing =
    ofTroubles(moment) ?? ofRest(moment) ?? ofClock(moment) ?? ofWaiting(moment) ?? ofSchedule(moment);
  return unopened && standing.why === undefined ? { ...standing, ...afterRestart(unopened) } : standing;
}

/** A key of another account, with which flockd does not post. */
function wrongKey({ bot, key, settings }: BotFiles, state: BotState | undefined): BotFiles['unfit'] {
  const fault = key && settings && accountFault({ name: bot, bundle: key, settings }, state?.account);
  return fault && faultIn(fault);
}

/** What becomes of a bot that posts with a key whose bundle cannot be opened any more. */
export const afterRestart = ({ message }: Pick<FlockError, 'message'>): { why: string; hint: string } => ({
  why: `posts with the key in memory, and not after a restart (${message})`,
  hint: 'start flockd with KEYMAKER_IDENTITY_FILE, or: keymaker encrypt --decrypt --identity FILE',
});

/** The maximum time from a request to its response; after it a post is in doubt. Milliseconds. */
export const maxRequest = 10_000;

/** What only the timeline or a person can settle. */
function ofTroubles(moment: Moment): StandingOf | undefined {
  const { bot, state, now } = moment;
  if (state?.open && state.open.look !== true) {
    const { line, at } = state.open;
    // Every post is open for a moment.
    if (at <= now && now < at + maxRequest) return { condition: 'fine', next: at };
    const why = `line ${line + 1} was sent at ${iso(at)}, and nobody knows whether it arrived`;
    const hint = `flockd looks by itself; or settle it: flockd resolve ${bot} --posted | --not-posted`;
    return { condition: 'in doubt', why, hint, ...untilLook(state, at, moment) };
  }
  return state?.parked && { condition: 'parked', why: state.parked.why, hint: state.parked.hint };
}

/** When the timeline is looked at for a post, where that is still to come. */
function untilLook(
  state: BotState,
  at: number,
  { network, settings, now }: Moment,
): Pick<StandingOf, 'until'> {
  const findsByMark = network?.findsByMark === true;
  const until = at + inDoubtFor(state, settings, { deadline: maxRequest, findsByMark });
  return until > now ? { until } : {};
}

/** What a person wanted. */
function ofRest(moment: Moment): StandingOf | undefined {
  const { bot, state, settings, isStopped } = moment;
  if (isStopped)
    return { condition: 'stopped', why: 'the whole flock is paused', hint: 'flockd resume lets it go on' };
  if (state?.paused !== undefined) {
    const why = `paused since ${iso(state.paused)}`;
    return { condition: 'paused', why, hint: `flockd resume ${bot} lets it go on` };
  }
  if (settings.paused) return { condition: 'paused', why: 'paused in flock.json' };
  if (state?.restored !== true) return undefined;
  const why = 'restored, and looks for what it has posted since before it posts again';
  const hint = 'flockd does so by itself while it runs';
  return { condition: 'looking', why, hint, ...(state.open && untilLook(state, state.open.at, moment)) };
}

/** The maximum difference of two clocks that are right. Milliseconds. */
const maxAhead = 60_000;

/** An entry of the ledger is never in the future: the clock is wrong now, or was when the entry was written. */
function ofClock({ network, state, now }: Moment): StandingOf | undefined {
  const known = Math.max(state?.served ?? 0, state?.last?.at ?? 0, state?.owed?.at ?? 0);
  if (known <= now + maxAhead) return undefined;
  const why = `the clock of this machine shows ${iso(now)}, and the ledger has an entry of ${iso(known)}`;
  const asks = `flockd asks ${network?.title ?? 'the network'} before it posts`;
  return { condition: 'waiting', why, hint: `timedatectl set-ntp true; ${asks}` };
}

/** A slot is near, but something that passes by itself keeps the bot from it. */
function ofWaiting(moment: Moment): StandingOf | undefined {
  const { bot, state, settings, now } = moment;
  const { owed } = state ?? {};
  if (owed && owed.retryAt > now)
    return { condition: 'waiting', why: owed.reason, until: owed.retryAt, next: owed.retryAt };
  const schedule = new BotSchedule(bot, settings);
  const next = owed ? now : schedule.nextPost(state?.served ?? now);
  const cap = capOf(moment);
  if (!cap || next === undefined || isOver(moment)) return undefined;
  const { until } = cap;
  if (until !== undefined && until <= next) return undefined;
  const why = describeExceeded(cap);
  const whose = cap.whose === 'bot' ? 'its' : "the flock's";
  const raise = `raise ${whose} ${cap.what} in flock.json`;
  if (until === undefined) {
    const never = `${why}: it posts nothing until ${whose} budget is raised`;
    return { condition: 'waiting', why: never, hint: raise };
  }
  const after = settings.missed === 'skip' && !owed ? schedule.nextPost(until) : until;
  return { condition: 'waiting', why, hint: `wait, or ${raise}`, until, next: after };
}

/** The budget that has no room for the bot's next line now, if there is one. */
function capOf(moment: Moment): ReturnType<typeof checkBudget>['cap'] {
  const { network, state, linked, now } = moment;
  const flockBudget = network ? budgetAt(network, moment.flockBudget) : moment.flockBudget;
  const { post, linkPost } = flockBudget.prices;
  const line = state && !isFinished(state.place) ? state.place.next : 0;
  const wanted = { posts: 1, cost: inMicros(linked.has(line) ? linkPost : post) } as const;
  return checkBudget(wanted, moment, now).cap;
}

/** Whether a budget, its own or the flock's, keeps a bot from posting its next line now. */
export const isCapped = (
  { bot, network, linked, settings }: BotFiles,
  state: BotState | undefined,
  flock: FlockNow,
): boolean => {
  const isBound = [flock.flockBudget.budget, settings?.budget ?? {}].some(
    ({ postsPerDay, usdPerMonth }) => postsPerDay !== undefined || usdPerMonth !== undefined,
  );
  return (
    isBound &&
    settings !== undefined &&
    capOf({ ...flock, bot, network, linked, state, settings }) !== undefined
  );
};

function ofSchedule(moment: Moment): StandingOf {
  const { bot, state, settings, now } = moment;
  if (state?.owed) {
    const { why, reason } = state.owed;
    const asked = 'a person asked for its next line, which is posted as soon as flockd runs';
    return { condition: 'waiting', why: why === 'asked' ? asked : reason, next: now };
  }
  if (isOver(moment)) return { condition: 'finished' };
  const next = new BotSchedule(bot, settings).nextPost(state?.served ?? now);
  return { condition: state ? 'fine' : 'new', next };
}

const isOver = ({ state, settings }: Moment): boolean =>
  state !== undefined && isFinished(state.place) && settings.atEnd === 'stop';

/** Where people see the account of a key and its posts; undefined where that is not known. */
export type PostPages = (key: PublicKey) => ReturnType<Network['pages']>;

/**
 * The pages of accounts and posts: those of their networks, or those of a sandbox on this machine, whose front page shows an
 * account and has its posts by name.
 *
 * @param api - the base of the X API: `https://api.x.com`, `http://127.0.0.1:4010`. Whether any other than these two has pages
 *   for X's accounts is not known
 */
export function postPages(api: string): PostPages {
  const { origin, hostname, protocol } = new URL(api);
  return (key) => {
    const network = networkFor(key);
    const isInSandbox = key.server === undefined || new URL(key.server).origin === origin;
    if (protocol === 'http:' && isInSandbox)
      return key.screenName === undefined ? undefined : pagesIn(api, key.screenName);
    return key.server === undefined && hostname !== 'api.x.com' ? undefined : network.pages(key);
  };
}

function pagesIn(sandbox: string, screenName: string): ReturnType<PostPages> {
  const account = `${sandbox}/?account=${encodeURIComponent(screenName)}`;
  return { account, post: (id) => `${account}#post-${id}` };
}

/** How a whole flock stands. Sums in US dollars, instants in ISO 8601. */
export interface Status {
  flock: FlockStatus;
  bots: BotStatus[];
}

export interface FlockStatus {
  /** Whether a daemon runs; missing where that is not known, and in the daemon's own view. */
  running?: boolean;
  /** Whether some bot has something to post, for which a daemon must run; missing in the daemon's own view. */
  shouldRun?: boolean;
  /** Why the system cannot watch files for this user (`EMFILE`, `ENOSPC`), so that flockd polls; missing where it can. */
  unwatched?: string;
  /** By the stop switch: no bot posts. */
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
  /** Undefined where its key is not known. */
  network: NetworkName | undefined;
  /** The address of its server, at Mastodon and Bluesky. */
  server: string | undefined;
  state: Condition;
  /** IANA: the zone of its days and of its schedule. */
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

/** The networks of some bots, each once. */
export function networksOf(bots: readonly { network: NetworkName | undefined }[]): Network[] {
  const used = new Set(bots.map(({ network }) => network));
  return networkNames.filter((name) => used.has(name)).map((name) => networks[name]);
}

/** `Mastodon and Bluesky charge nothing` */
export const chargesNothing = (free: readonly Network[]): string =>
  `${listed(free.map(({ title }) => title))} ${free.length === 1 ? 'charges' : 'charge'} nothing`;

/** Whether a flock of these bots, or one of them, has nothing to do with money: none is charged for, spent or budgeted. */
export function isFree(
  { spent, budget }: Pick<FlockStatus, 'spent' | 'budget'>,
  bots: Parameters<typeof networksOf>[0],
): boolean {
  const used = networksOf(bots);
  const isCharged = used.length === 0 || used.some(({ charges }) => charges);
  return !isCharged && spent.usdTotal === 0 && budget.usdPerMonth === undefined;
}

/** How one bot stands, by its files and the ledger. A bug that one bot meets hides none of the others. */
export function statusOf(files: BotFiles, state: BotState | undefined, flock: FlockNow): BotStatus {
  try {
    return statusFrom(files, state, flock);
  } catch (cause) {
    const unfit = faultIn(bugIn(files.bot, cause));
    return statusFrom({ ...files, settings: undefined, unfit }, state, flock);
  }
}

function statusFrom(files: BotFiles, state: BotState | undefined, flock: FlockNow): BotStatus {
  const { bot, account, network, key, lines, settings } = files;
  const timezone = settings?.timezone ?? flock.flockBudget.timezone;
  const { posts, micros, total } = spentBy(state, timezone, flock.now);
  const { condition, why, hint, until, next } = conditionOf(files, state, flock);
  const last = state?.last;
  const url = last?.id !== undefined && key ? flock.pages?.(key)?.post(last.id) : undefined;
  return {
    bot,
    account,
    network: network?.name,
    server: key?.server,
    state: condition,
    timezone,
    done: state?.place.next ?? 0,
    of: state ? lengthOf(state.place) : lines,
    pass: state?.pass ?? 1,
    posts: state?.posts ?? 0,
    last: last && { id: last.id, at: iso(last.at), line: last.line + 1, url },
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
  { history, flockBudget, isStopped, now }: FlockNow,
): FlockStatus {
  const { posts, micros, ends } = spentByFlock(history, flockBudget.timezone, now);
  let total = 0;
  for (const { tally } of states) total += tally?.total ?? 0;
  const { postsPerDay, usdPerMonth } = flockBudget.budget;
  return {
    stopped: isStopped,
    spent: { postsToday: posts, usdMonth: inUsd(micros), usdTotal: inUsd(total) },
    dayEnds: iso(ends.day),
    monthEnds: iso(ends.month),
    budget: flockBudget.budget,
    left: {
      ...(postsPerDay !== undefined && { postsToday: Math.max(0, postsPerDay - posts) }),
      ...(usdPerMonth !== undefined && { usdMonth: inUsd(Math.max(0, inMicros(usdPerMonth) - micros)) }),
    },
  };
}
