import type { Clock } from '../clock.ts';
import type { Bot } from '../config/flock-file.ts';
import { readingCost } from '../cost.ts';
import { fingerprint, fingerprints, isFinished, lengthOf, markOf, prints } from '../ledger/cursor.ts';
import type { Intent, LedgerEvent } from '../ledger/events.ts';
import type { Ledger } from '../ledger/journal.ts';
import { applyEvent, type BotState, sinceOf } from '../ledger/state.ts';
import {
  compareIds,
  type Outcome,
  pageSizes,
  type TimelinePost,
  type TimelineStart,
  type XClient,
} from '../networks/x/client.ts';
import type { Line } from '../poems/poem.ts';
import { type BudgetExceeded, moneyLeft, priceOfLook, priceWithout, type FlockBudget } from './budget.ts';
import { readingOf } from './edits.ts';
import type { Gate } from './gate.ts';
import type { PostFailure } from './post.ts';
import { eventsOfFound, type FoundPost, foundSince, maxPassedOver, placeByTimeline } from './replay.ts';

/**
 * What a restored bot writes down before it looks: its next line is in doubt. Where it has nothing more to post, as it knows
 * its poem and as that is now, there is nothing to look for.
 *
 * @param lines - the poem as it is now
 */
export function beginLook(
  bot: string,
  state: BotState,
  { lines, atEnd }: { lines: readonly Line[]; atEnd: 'loop' | 'stop' },
  at: number,
): LedgerEvent {
  const { place } = state;
  const mayHavePosted = atEnd === 'loop' || !isFinished(place) || readingOf(place, lines).poem !== place.poem;
  return mayHavePosted ? lookFor(bot, state, at) : { event: 'checked', bot, at };
}

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

export interface LookOptions {
  ledger: Ledger;
  clock: Clock;
  gate: Gate;
  purse: FlockBudget;
  x: XClient;
}

/** Why a timeline could not be read: X's answer and until when the bot waits, or a budget that has no room for it. */
export type Unseen = { unseen: string } & (
  | { failure: PostFailure; closedUntil: number | undefined }
  | { blockedUntil: number }
  | { cap: BudgetExceeded }
);

/** More posts than this since one of its own are not one bot's. */
const maxPosts = 3200;

/** The first page of a look: a bot has rarely posted more than it knows. */
const firstPage = 10;

/**
 * The account's posts, oldest first, from where `from` says. Asks the budget before each page for what the page may cost, and
 * is charged for what X served, also where the look fails.
 *
 * @param most - stops after so many posts, where not all of them are wanted
 * @throws {FlockError} `io` from the ledger
 */
export async function readTimeline(
  bot: Bot,
  from: TimelineStart,
  options: LookOptions,
  most = Infinity,
): Promise<{ timeline: TimelinePost[] } | Unseen> {
  const account = await accountOf(bot, options);
  if ('unseen' in account) return account;
  const posts = new Map<string, TimelinePost>();
  const tokens = new Set<string>();
  let token: string | undefined;
  do {
    const size = pageSize(bot, options, Math.min(most - posts.size, posts.size === 0 ? firstPage : Infinity));
    const page = await charged(bot, options, {
      most: readingCost({ posts: size }, options.purse.prices),
      call: () => options.x.timeline(account.userId, from, { maxPosts: size, token }),
      cost: (read) => readingCost({ posts: read.posts.length }, options.purse.prices),
    });
    if ('unseen' in page) return page;
    const known = posts.size;
    for (const post of page.ok.posts) posts.set(post.id, post);
    token = page.ok.next;
    if (token === undefined || posts.size >= most) return { timeline: inOrder(posts.values(), from) };
    if (tokens.has(token) || posts.size === known) return circling;
    tokens.add(token);
  } while (posts.size < maxPosts);
  return notSeen(`there are more than ${maxPosts} posts since the last one`);
}

/** Oldest first, and none that was there before: whatever X was asked for, an older post is not the one in doubt. */
const inOrder = (posts: Iterable<TimelinePost>, from: TimelineStart): TimelinePost[] =>
  [...posts]
    .filter(({ id }) => !(typeof from === 'object' && 'sinceId' in from) || compareIds(id, from.sinceId) > 0)
    .sort((a, b) => compareIds(a.id, b.id));

const notSeen = (reason: string): Unseen => ({
  unseen: reason,
  failure: { kind: 'in-doubt', reason },
  closedUntil: undefined,
});

const circling = notSeen('its timeline gives the same page again and again');

/** Whose the key is: by its bundle, or else by X's word. */
async function accountOf(bot: Bot, options: LookOptions): Promise<{ userId: string } | Unseen> {
  const { userId } = bot.bundle;
  if (userId !== undefined) return { userId };
  const most = readingCost({ accounts: 1 }, options.purse.prices);
  const said = await charged(bot, options, { most, call: () => options.x.me(), cost: () => most });
  return 'unseen' in said ? said : { userId: said.ok.userId };
}

/** As many posts as are wanted and there is money for, within what X gives. */
function pageSize(bot: Bot, options: LookOptions, wanted: number): number {
  const price = readingCost({ posts: 1 }, options.purse.prices);
  const paid =
    price === 0 ? Infinity : Math.floor(moneyLeft(spenderOf(bot, options), options.clock.now()) / price);
  return Math.max(pageSizes.min, Math.min(pageSizes.max, wanted, paid));
}

interface Call<T> {
  /** The most it can cost. Micros. */
  most: number;
  call: () => Promise<Outcome<T>>;
  cost: (answer: T) => number;
}

/**
 * Makes a call that costs money. Where a budget of money bounds the bot it is charged before for all that it may cost, and
 * gets back what it did not, so that neither a crash nor an answer that is lost makes the budget forget it.
 */
async function charged<T>(
  bot: Bot,
  options: LookOptions,
  { most, call, cost }: Call<T>,
): Promise<{ ok: T } | Unseen> {
  const { ledger, clock, gate } = options;
  const { name, bundle } = bot;
  const block = gate.blocked('look', name, bundle.appKeys);
  if (block) return { unseen: block.reason, blockedUntil: block.until };
  const spender = spenderOf(bot, options);
  const priced = priceOfLook(most, spender, clock.now());
  if ('cap' in priced)
    return { unseen: 'the budget has no room for a look at its timeline', cap: priced.cap };
  gate.enter('look', name, bundle.appKeys);
  const looked = { event: 'looked', bot: name, ...priced.price } as const;
  const isBounded = moneyLeft(spender, clock.now()) !== Infinity;
  if (isBounded) await ledger.record({ ...looked, at: clock.now() });
  const outcome = await call();
  const judged = gate.learn('look', name, bundle.appKeys, outcome);
  const spent = costOfOutcome(outcome, most, cost) - (isBounded ? most : 0);
  if (spent !== 0) await ledger.record({ ...looked, at: clock.now(), cost: spent });
  if ('ok' in outcome) return { ok: outcome.ok };
  const failure = judged?.failure ?? outcome.failure;
  return { unseen: failure.reason, failure, closedUntil: judged?.closedUntil };
}

/** X charges for what it has served, and not for what it has refused; where nobody can know, for all of it. */
function costOfOutcome<T>(outcome: Outcome<T>, most: number, cost: (answer: T) => number): number {
  if ('ok' in outcome) return cost(outcome.ok);
  const { failure } = outcome;
  return failure.kind === 'in-doubt' && failure.isServed === true ? most : 0;
}

const spenderOf = (
  { name, settings }: Bot,
  { ledger, purse }: LookOptions,
): Parameters<typeof moneyLeft>[0] => ({
  state: ledger.state(name),
  settings,
  history: ledger.history(),
  purse,
});

export interface ReconcileOptions extends LookOptions {
  /** The lines of the bot's poem. */
  lines: () => Promise<readonly Line[]>;
  /** Tells the bot's key, for a bot that is parked. */
  key: () => string;
}

/** What a look at the timeline settled, or why it could not. */
export type Settled = { posted: string } | 'absent' | Unseen;

/** X has no post from before this instant that it would list, and refuses to be asked for older ones. */
const oldest = Date.parse('2010-11-06T00:00:01Z');

/** X's clock and ours may differ by this much where only the time tells where to begin. Milliseconds. */
const skew = 300_000;

/**
 * Settles an open post by reading the account's timeline since its last confirmed post. Whatever stands there after that
 * post with this text is this post and not an earlier one with the same words, because this bot has had one post open only.
 *
 * @throws {FlockError} `io` from the ledger, `data` where the poem cannot be read
 */
export async function reconcile(
  bot: Bot,
  state: BotState,
  open: Intent,
  options: ReconcileOptions & {
    /**
     * The post was open when this process began: the ledger may be older than what the bot has posted, and what stands on
     * the timeline after the open post may be the bot's, too.
     */
    isInherited: boolean;
  },
): Promise<Settled> {
  const { ledger, clock, isInherited } = options;
  const read = await readTimeline(bot, startOfLook(open.since, open.at, clock.now()), options);
  if ('unseen' in read) return read;
  const { timeline } = read;
  const at = clock.now();
  const index = timeline.findIndex(({ text }) => isTextOf(open, text));
  const found = timeline[index];
  const absent = { event: 'absent', bot: bot.name, at, by: 'timeline' } as const;
  const isOlder =
    isInherited &&
    index > 0 &&
    (await isOfPoem(bot, applyEvent(state, absent), timeline.slice(0, index), options));
  if (found && !isOlder) {
    const posted = { event: 'posted', bot: bot.name, at, by: 'timeline', id: found.id } as const;
    const later = timeline.slice(index + 1);
    const since = isInherited ? await eventsSince(bot, applyEvent(state, posted), later, options) : [];
    await ledger.record(posted, ...since);
    return { posted: found.id };
  }
  const since = isInherited ? await eventsSince(bot, applyEvent(state, absent), timeline, options) : [];
  await ledger.record(absent, ...since);
  return 'absent';
}

/**
 * Writes down all that a restored bot has posted since its state was saved, by one look at its timeline.
 *
 * @param open - what `lookFor` has put in doubt, or what was in doubt when the state was saved
 * @throws {FlockError} `io` from the ledger, `data` where the poem cannot be read
 */
export async function lookBack(
  bot: Bot,
  state: BotState,
  open: Intent,
  options: ReconcileOptions,
): Promise<Settled> {
  const { ledger, clock } = options;
  const from = startOfLook(open.since, beginOfLook(state), clock.now());
  const read = await readTimeline(bot, from, options, maxPosts);
  if ('unseen' in read) return read;
  if (read.timeline.length >= maxPosts) {
    const events = await eventsOfMany(bot, read.timeline, options);
    await ledger.record({ event: 'absent', bot: bot.name, at: clock.now(), by: 'timeline' }, ...events);
    return 'absent';
  }
  const found = await findSince(bot, state, read.timeline, options);
  if (open.look === true && !state.last && open.since === undefined) {
    const events = await eventsOfEarlier(bot, read.timeline, options);
    if (events && 'unseen' in events) return events;
    if (events) {
      await ledger.record({ event: 'absent', bot: bot.name, at: clock.now(), by: 'timeline' }, ...events);
      return 'absent';
    }
  }
  const at = clock.now();
  await ledger.record(...eventsOfFound(found, { bot: bot.name, at, open, priceOf: pricing(bot, options) }));
  const last = found.at(-1);
  return last ? { posted: last.id } : 'absent';
}

/**
 * Looks at the timeline before a bot's first post of this process: the ledger may be older than what the bot has posted, or
 * new though its account is not. What was posted since is written down; where nobody can tell what it is, the bot is parked.
 *
 * @returns whether anything was found, or why the timeline could not be read
 * @throws {FlockError} `io` from the ledger, `data` where the poem cannot be read
 */
export async function firstLook(
  bot: Bot,
  state: BotState,
  options: ReconcileOptions,
): Promise<'as known' | 'more' | Unseen> {
  const { ledger, clock } = options;
  const since = sinceOf(state);
  if (!state.last && since === undefined) {
    const events = await lookForPlace(bot, options);
    if ('unseen' in events) return events;
    await ledger.record(...events);
    return events.length > 0 ? 'more' : 'as known';
  }
  const from = startOfLook(since, state.last?.at ?? 0, clock.now());
  const read = await readTimeline(bot, from, options, manyPosts);
  if ('unseen' in read) return read;
  const isMany = read.timeline.length >= manyPosts;
  const events = isMany
    ? await eventsOfMany(bot, read.timeline, options)
    : await eventsSince(bot, state, read.timeline, options);
  const newest =
    state.last?.id === undefined && !isMany ? newestOf(bot.name, read.timeline, clock.now()) : [];
  // Last, since with it the bot is known to have looked.
  await ledger.record(...events, ...newest);
  return events.length > 0 ? 'more' : 'as known';
}

/** More posts than these are not gone through one by one: the newest of them tell where the bot is. */
const manyPosts = 200;

/** What is to be written down of a bot whose account has posted very much since. @param timeline - oldest first */
async function eventsOfMany(
  bot: Bot,
  timeline: readonly TimelinePost[],
  options: ReconcileOptions,
): Promise<LedgerEvent[]> {
  const lines = await options.lines();
  return eventsOfPlace(bot, lines, timeline.slice(-morePosts), options);
}

/** So many posts tell where a bot is whose account has posted its poem before, and so many more where they do not. */
const fewPosts = 5;
const morePosts = 25;

/** A bot that does not know of any post of its own: the newest posts of its account tell whether it has posted before. */
async function lookForPlace(bot: Bot, options: ReconcileOptions): Promise<LedgerEvent[] | Unseen> {
  const lines = await options.lines();
  let read = await readTimeline(bot, 'newest', options, fewPosts);
  if ('unseen' in read) return read;
  const isClear = typeof placeByTimeline(lines, read.timeline, bot.settings) === 'number';
  if (!isClear && read.timeline.length >= fewPosts)
    read = await readTimeline(bot, 'newest', options, morePosts);
  return 'unseen' in read ? read : eventsOfPlace(bot, lines, read.timeline, options);
}

/** What is to be written down of a bot's place by its timeline; where the last of it is lost, the next start finds the same again. */
function eventsOfPlace(
  { name: bot, settings }: Bot,
  lines: readonly Line[],
  timeline: readonly TimelinePost[],
  { clock, key }: ReconcileOptions,
): LedgerEvent[] {
  const found = placeByTimeline(lines, timeline, settings);
  const at = clock.now();
  const newest = newestOf(bot, timeline, at);
  if (found === 'not there') return newest;
  if (found === 'unclear') {
    const why = 'its account has posted lines of this poem before, and they do not tell which one comes next';
    const hint = `flockd resume ${bot} --line N, with the number of the line that comes next`;
    return [{ event: 'parked', bot, at, why, hint, key: key(), cause: 'place' }, ...newest];
  }
  const poem = fingerprints(lines);
  return [{ event: 'edited', bot, at, poem, next: found, ahead: [], by: 'timeline' }, ...newest];
}

/**
 * Where a bot that has no post of its own has an account that posted its poem before it began: its ledger was lost once, and
 * what it has posted since does not tell where it is. Undefined where its account has not.
 *
 * @param since - what was posted since it began
 */
async function eventsOfEarlier(
  bot: Bot,
  since: readonly TimelinePost[],
  options: ReconcileOptions,
): Promise<LedgerEvent[] | Unseen | undefined> {
  const read = await readTimeline(bot, 'newest', options, since.length + morePosts);
  if ('unseen' in read) return read;
  const known = new Set(since.map(({ id }) => id));
  const earlier = read.timeline.filter(({ id }) => !known.has(id));
  const lines = await options.lines();
  return placeByTimeline(lines, earlier, bot.settings) === 'not there'
    ? undefined
    : eventsOfPlace(bot, lines, read.timeline, options);
}

/** So that a post of the bot that is in doubt later is not taken for an older one with the same words. */
function newestOf(bot: string, timeline: readonly TimelinePost[], at: number): LedgerEvent[] {
  const newest = timeline.at(-1)?.id;
  return newest === undefined ? [] : [{ event: 'looked', bot, at, newest }];
}

const isTextOf = ({ mark, print }: Intent, text: string): boolean =>
  mark === undefined ? fingerprint(text) === print : markOf(text) === mark;

/** What a bot has posted after what its state knows, as if it had been written down when it happened. */
async function eventsSince(
  bot: Bot,
  state: BotState,
  timeline: readonly TimelinePost[],
  options: ReconcileOptions,
): Promise<LedgerEvent[]> {
  if (timeline.length === 0) return [];
  const at = options.clock.now();
  const found = await findSince(bot, state, timeline, options);
  if (found.length === 0) return [];
  const far = found.find(isFar);
  if (far) {
    const why = `its account has posted line ${far.line + 1} of this poem, which does not come next`;
    const next = far.line + far.lines + 1;
    const hint = `flockd resume ${bot.name} goes on where it is; flockd resume ${bot.name} --line ${next} after that post`;
    return [{ event: 'parked', bot: bot.name, at, why, hint, key: options.key(), cause: 'place' }];
  }
  const open = lookFor(bot.name, state, at);
  return eventsOfFound(found, { bot: bot.name, at, open, priceOf: pricing(bot, options) });
}

/**
 * Whether posts from before the one that says what the open post says are the bot's: then the ledger is older than all of
 * them, the open post never came to be, and the one that says the same is a later line.
 */
async function isOfPoem(
  bot: Bot,
  state: BotState,
  before: readonly TimelinePost[],
  options: ReconcileOptions,
): Promise<boolean> {
  const found = await findSince(bot, state, before, options);
  return found.length > 0 && !found.some(isFar);
}

const isFar = ({ again, skipped }: FoundPost): boolean =>
  (again?.rest.length ?? 0) + skipped.length > maxPassedOver;

async function findSince(
  { settings }: Bot,
  state: BotState,
  timeline: readonly TimelinePost[],
  { lines }: ReconcileOptions,
): Promise<ReturnType<typeof foundSince>> {
  return foundSince({ state, lines: await lines(), timeline, atEnd: settings.atEnd });
}

const pricing = (bot: Bot, options: ReconcileOptions) => {
  const spender = spenderOf(bot, options);
  return (text: string) => priceWithout(text, spender, options.clock.now());
};

/** Since a post, or, where that is not known, since an instant. What a clock that was ahead wrote tells nothing of where to begin. */
function startOfLook(since: string | undefined, at: number, now: number): TimelineStart {
  if (since !== undefined) return { sinceId: since };
  return { start: at > now ? oldest : Math.max(oldest, at - skew) };
}
