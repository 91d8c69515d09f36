import type {
  Account,
  Failure,
  Outcome,
  PageWanted,
  TimelinePost,
  TimelineStart,
} from '../networks/network.ts';
import type { Clock } from '../clock.ts';
import type { Bot } from '../config/flock-file.ts';
import { readingCost } from '../cost.ts';
import type { Intent, LedgerEvent, Price } from '../ledger/events.ts';
import type { Ledger } from '../ledger/journal.ts';
import {
  applyEvent,
  type BotState,
  fingerprint,
  fingerprints,
  isFinished,
  lengthOf,
  markOf,
  type Owed,
  prints,
  sinceOf,
} from '../ledger/state.ts';
import { networkFor } from '../networks/networks.ts';
import type { Line } from '../poems/poem.ts';
import type { TextRules } from '../poems/tweet-text.ts';
import { type BudgetExceeded, checkBudget, costOf, type FlockBudget } from './budget.ts';
import { readingOf } from './edits.ts';
import type { Gate } from './gate.ts';
import type { PostFailure } from './post.ts';
import { eventsOfFound, foundSince, isFar, placeByTimeline } from './replay.ts';

/**
 * The event with which a restored bot begins its look at the timeline: its next line is in doubt. A bot that has nothing more
 * to post, neither in the poem that it knows nor in the current one, has nothing to look for.
 *
 * @param lines - the current poem
 */
export function beginLook(
  bot: string,
  state: BotState,
  { lines, rules, atEnd }: { lines: readonly Line[]; rules: TextRules; atEnd: 'loop' | 'stop' },
  at: number,
): LedgerEvent {
  const { place } = state;
  const isEdited = (): boolean => readingOf(place, lines, rules).poem !== place.poem;
  const mayHavePosted = atEnd === 'loop' || !isFinished(place) || isEdited();
  return mayHavePosted ? lookFor(bot, state, at) : { event: 'checked', bot, at };
}

/**
 * Puts the next line of a restored bot in doubt, as it is after a crash: the bot may have posted it since its state was
 * exported. The line is that of the poem as the bot knows it, because its posts may be older than an edit. At the end of the
 * poem the last line stands for whatever the bot has posted beyond it.
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
    // If a person says that it was posted, slots up to now are served.
    until: Math.max(served, now),
    line,
    lines: 1,
    print: prints(place.poem)[line] ?? '',
    ...(since !== undefined && { since }),
    look: true,
  };
}

/** The instant from which the timeline is read if no post is known to begin after. */
export const beginOfLook = ({ served, last, open }: BotState): number =>
  last?.at ?? Math.min(served, open?.at ?? served);

/**
 * How long posts have been in doubt, from when this process learned of each, on the monotonic clock: if the wall clock jumps,
 * the timeline must not be believed too early.
 */
export class InDoubtTimers {
  readonly #clock: Clock;
  readonly #since = new Map<string, { intent: Intent; elapsed: number }>();
  /** How many looks at a bot's timeline have failed in a row. */
  readonly #failedLooks = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long a bot's open post has been known to be open, in milliseconds; 0 at the first call. */
  ageOf(intent: Intent): number {
    const known = this.#since.get(intent.bot);
    if (known?.intent === intent) return this.#clock.elapsed() - known.elapsed;
    this.#since.set(intent.bot, { intent, elapsed: this.#clock.elapsed() });
    this.#failedLooks.delete(intent.bot);
    return 0;
  }

  /** How long to wait after a failed look at the timeline: a minute at first, then longer, half an hour at most. */
  nextDelay(bot: string): number {
    const failed = this.#failedLooks.get(bot) ?? 0;
    this.#failedLooks.set(bot, failed + 1);
    return Math.min(minute * 2 ** failed, 30 * minute);
  }

  /** Forgets a bot whose post was settled, or whose timeline was read. */
  settle(bot: string): void {
    this.#since.delete(bot);
    this.#failedLooks.delete(bot);
  }
}

/** Why a timeline could not be read: a failure and until when the bot waits, a closed gate, or a budget without room for it. */
type Unseen = { unseen: string } & (
  | { failure: PostFailure; closedUntil: number | undefined }
  | { blockedUntil: number }
  | { cap: BudgetExceeded }
);

const notSeen = (reason: string): Unseen => ({
  unseen: reason,
  failure: { kind: 'in-doubt', reason },
  closedUntil: undefined,
});

type FoundPosts = ReturnType<typeof foundSince>;

/** What a look at the timeline settled, or why it could not. */
export type Settled = { posted: string } | 'absent' | Unseen;

interface ReconcilerOptions {
  bot: Bot;
  ledger: Ledger;
  clock: Clock;
  gate: Gate;
  flockBudget: FlockBudget;
  account: Account;
  /** The lines of the bot's poem. @throws {FlockError} `data` if it cannot be read */
  lines: () => Promise<readonly Line[]>;
  /** Identifies the bot's key, for a bot that is parked. */
  key: string;
}

const minute = 60_000;

/** The most posts since one of its own that are read; more are not one bot's. */
const maxPosts = 3200;

/** The size of a look's first page: a bot has rarely posted more than it knows. */
const firstPage = 10;

/** If there are more posts than these, they are not matched one by one: the newest of them tell where the bot is. */
const maxMatched = 200;

/** How many posts tell where a bot is whose account has posted its poem before, and how many more if they do not. */
const fewPosts = 5;
const morePosts = 25;

/** The largest difference between a network's clock and ours that a start by time allows for. Milliseconds. */
const maxSkew = 300_000;

/** Compares a bot's ledger with the timeline of its account. Methods reject with {@link FlockError} `io` from the ledger. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #bot: string;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#bot = options.bot.name;
  }

  /**
   * Settles an open post by its mark, or else by the timeline since its last confirmed post. A post with this text after that
   * one is the open post, and not an earlier one with the same words, because a bot has one open post at most.
   *
   * @param isInherited - the post was open when this process began: the ledger may be older than what the bot has posted, and
   * what follows the open post on the timeline may be the bot's, too. A mark does not tell that; {@link firstLook} does.
   * @throws {FlockError} `data` if the poem cannot be read
   */
  async settle(state: BotState, open: Intent, { isInherited }: { isInherited: boolean }): Promise<Settled> {
    const byMark = this.#findsByMark ? open.attempt : undefined;
    if (byMark !== undefined) return this.#settleByMark(byMark);
    // What follows an inherited post is matched with the whole poem.
    const isKnown = isInherited ? undefined : (text: string) => isTextOf(open, text);
    const read = await this.readTimeline(this.#startOf(open.since, open.at), { isKnown });
    if ('unseen' in read) return read;
    const { timeline } = read;
    const absent = this.#absent();
    const index = timeline.findIndex(({ text }) => isTextOf(open, text));
    const before = isInherited ? timeline.slice(0, Math.max(index, 0)) : [];
    // If posts before it are the bot's, the ledger is older than all of them: the open post was never made, and the one with
    // its text is a later line.
    const earlier = before.length > 0 ? await this.#findSince(applyEvent(state, absent), before) : [];
    const isLater = earlier.length > 0 && !earlier.some(isFar);
    const found = isLater ? undefined : timeline[index];
    const outcome = found ? ({ ...absent, event: 'posted', id: found.id } as const) : absent;
    const after = found ? timeline.slice(index + 1) : timeline;
    const since = isInherited ? await this.#eventsSince(applyEvent(state, outcome), after) : [];
    await this.#options.ledger.record(outcome, ...since);
    return found ? { posted: found.id } : 'absent';
  }

  /** Settles an open post whose mark tells whether the network has it. */
  async #settleByMark(mark: string): Promise<Settled> {
    const found = await this.#find(mark);
    if ('unseen' in found) return found;
    const absent = this.#absent();
    await this.#options.ledger.record(found.ok ? { ...absent, event: 'posted', id: found.ok.id } : absent);
    return found.ok ? { posted: found.ok.id } : 'absent';
  }

  /**
   * Looks for the post that is owed, whose last attempt was in doubt and absent, by its mark: it may have arrived since. If it is
   * there, it is recorded as posted.
   */
  async lookForOwed(state: BotState, owed: Owed): Promise<Settled> {
    const { attempt = '' } = owed;
    const found = await this.#find(attempt);
    if ('unseen' in found) return found;
    if (!found.ok) return 'absent';
    await this.#recordOwed(state, owed);
    return { posted: attempt };
  }

  /** The owed post was found by its mark, which is its id. */
  async #recordOwed(state: BotState, { slot, until, attempt = '' }: Owed): Promise<void> {
    const { clock, ledger } = this.#options;
    const at = clock.now();
    const intent: Intent = { ...lookFor(this.#bot, state, at), at, slot, until, attempt };
    await ledger.record(intent, { event: 'posted', bot: this.#bot, at, by: 'timeline', id: attempt });
  }

  #find(mark: string): Promise<{ ok: TimelinePost | undefined } | Unseen> {
    const { account } = this.#options;
    const find = () => account.find?.(mark) ?? Promise.resolve({ failure: noFinder });
    return this.#charged(0, find, () => 0);
  }

  /**
   * Records all that a restored bot has posted since its state was exported, by one look at its timeline.
   *
   * @param open - from {@link lookFor}, or what was in doubt at the export
   * @throws {FlockError} `data` if the poem cannot be read
   */
  async lookBack(state: BotState, open: Intent): Promise<Settled> {
    const { ledger } = this.#options;
    const read = await this.readTimeline(this.#startOf(open.since, beginOfLook(state)), { max: maxPosts });
    if ('unseen' in read) return read;
    const { timeline } = read;
    const knowsNoPost = open.look === true && !state.last && open.since === undefined;
    let place: LedgerEvent[] | Unseen | undefined;
    if (timeline.length >= maxPosts) place = await this.#eventsOfPlace(timeline.slice(-morePosts));
    else if (knowsNoPost) place = await this.#eventsOfEarlier(timeline);
    if (place && 'unseen' in place) return place;
    if (place) {
      await ledger.record(this.#absent(), ...place);
      return 'absent';
    }
    const found = await this.#findSince(state, timeline);
    await ledger.record(...this.#eventsOfFound(found, open));
    const last = found.at(-1);
    return last ? { posted: last.id } : 'absent';
  }

  /**
   * Looks at the timeline before a bot's first post of this process: the ledger may be older than what the bot has posted, or
   * new although the account is not. What was posted since is recorded; if nobody can tell what it is, the bot is parked.
   *
   * @returns whether the timeline has more than the ledger, or why it could not be read; `not yet` if the owed post was found by its
   * mark, after which the look begins anew
   * @throws {FlockError} `data` if the poem cannot be read
   */
  async firstLook(state: BotState): Promise<'as known' | 'more' | 'not yet' | Unseen> {
    const { ledger } = this.#options;
    const { owed, last } = state;
    const since = sinceOf(state);
    const isNew = !last && since === undefined;
    const read = isNew
      ? await this.#readForPlace()
      : await this.readTimeline(this.#startOf(since, last?.at ?? 0), { max: maxMatched });
    if ('unseen' in read) return read;
    const { timeline } = read;
    if (owed && this.#findsByMark && timeline.some(({ id }) => id === owed.attempt)) {
      await this.#recordOwed(state, owed);
      return 'not yet';
    }
    const isMany = timeline.length >= maxMatched;
    const events =
      isNew || isMany
        ? await this.#eventsOfPlace(timeline.slice(-morePosts))
        : await this.#eventsSince(state, timeline);
    // Last, because after it the bot counts as looked at.
    const newest = !isNew && last?.id === undefined && !isMany ? this.#newestOf(timeline) : [];
    await ledger.record(...events, ...newest);
    return events.length > 0 ? 'more' : 'as known';
  }

  /**
   * The account's posts from a start on, oldest first. Before each page the budget is asked for what the page may cost; it is
   * charged for what was served, even if the look fails.
   *
   * @param max - stops after this many posts
   * @param isKnown - whether a text is one that is looked for, by default a line of the poem
   */
  async readTimeline(
    from: TimelineStart,
    { max = Infinity, isKnown }: { max?: number; isKnown?: PageWanted['isKnown'] } = {},
  ): Promise<{ timeline: TimelinePost[] } | Unseen> {
    const { account, flockBudget } = this.#options;
    const whose = await this.#whose();
    if ('unseen' in whose) return whose;
    const isLooked = isKnown ?? (await this.#isOfPoem());
    const posts = new Map<string, TimelinePost>();
    const tokens = new Set<string>();
    let token: string | undefined;
    do {
      const size = this.#pageSize(Math.min(max - posts.size, posts.size === 0 ? firstPage : Infinity));
      const page = await this.#charged(
        readingCost({ posts: size }, flockBudget.prices),
        () => account.timeline(whose.userId, from, { maxPosts: size, token, isKnown: isLooked }),
        (read) => readingCost({ posts: read.posts.length }, flockBudget.prices),
      );
      if ('unseen' in page) return page;
      const known = posts.size;
      for (const post of page.ok.posts) posts.set(post.id, post);
      token = page.ok.next;
      if (token === undefined || posts.size >= max) return { timeline: [...posts.values()].reverse() };
      if (tokens.has(token) || posts.size === known)
        return notSeen('its timeline gives the same page again and again');
      tokens.add(token);
    } while (posts.size < maxPosts);
    return notSeen(`there are more than ${maxPosts} posts since the last one`);
  }

  /** Whether a text is a line of the poem, where that matters. */
  async #isOfPoem(): Promise<PageWanted['isKnown']> {
    const { bot, lines } = this.#options;
    if (!networkFor(bot.bundle).givesOriginals) return undefined;
    const prints = new Set((await lines()).map(({ text }) => fingerprint(text)));
    return (text) => prints.has(fingerprint(text));
  }

  get #findsByMark(): boolean {
    return networkFor(this.#options.bot.bundle).findsByMark;
  }

  /** The account of the key: from the bundle, or else from the network. */
  async #whose(): Promise<{ userId: string } | Unseen> {
    const { account, bot, flockBudget } = this.#options;
    const { userId } = bot.bundle;
    if (userId !== undefined) return { userId };
    const maxCost = readingCost({ accounts: 1 }, flockBudget.prices);
    const me = await this.#charged(
      maxCost,
      () => account.me(),
      () => maxCost,
    );
    return 'unseen' in me ? me : { userId: me.ok.userId };
  }

  /** As many posts as are wanted and the budget can pay for, within the network's limits. */
  #pageSize(wanted: number): number {
    const { min, max } = networkFor(this.#options.bot.bundle).pageSizes;
    const price = readingCost({ posts: 1 }, this.#options.flockBudget.prices);
    const paid =
      price === 0 ? Infinity : Math.floor(this.#checkBudget({ posts: 0, cost: 0 }).moneyLeft / price);
    return Math.max(min, Math.min(max, wanted, paid));
  }

  /**
   * Makes a call that costs money. A bot with a limit is charged the maximum before the call and gets the rest back after it,
   * so that the budget forgets nothing after a crash or a lost answer.
   *
   * @param maxCost - in micros, as is `costOf`
   */
  async #charged<T>(
    maxCost: number,
    call: () => Promise<Outcome<T>>,
    costOf: (answer: T) => number,
  ): Promise<{ ok: T } | Unseen> {
    const { bot, ledger, clock, gate } = this.#options;
    const block = gate.blocked('look', bot);
    if (block) return { unseen: block.reason, blockedUntil: block.until };
    const { cap, price, moneyLeft } = this.#checkBudget({ posts: 0, cost: maxCost });
    if (cap) return { unseen: 'the budget has no room for a look at its timeline', cap };
    gate.enter('look', bot);
    const looked = { event: 'looked', bot: this.#bot, ...price } as const;
    const isLimited = moneyLeft !== Infinity && maxCost > 0;
    if (isLimited) await ledger.record({ ...looked, at: clock.now() });
    const outcome = await call();
    const judged = gate.learn('look', bot, outcome);
    // X charges for what it serves, not for what it refuses; after a lost answer, it may have served everything.
    const isLost = 'failure' in outcome && outcome.failure.kind === 'in-doubt' && outcome.failure.isServed;
    const cost = 'ok' in outcome ? costOf(outcome.ok) : isLost === true ? maxCost : 0;
    const due = cost - (isLimited ? maxCost : 0);
    if (due !== 0) await ledger.record({ ...looked, at: clock.now(), cost: due });
    if ('ok' in outcome) return { ok: outcome.ok };
    const failure = judged?.failure ?? outcome.failure;
    return { unseen: failure.reason, failure, closedUntil: judged?.closedUntil };
  }

  #checkBudget(wanted: Parameters<typeof checkBudget>[0]): ReturnType<typeof checkBudget> {
    const { bot, ledger, flockBudget, clock } = this.#options;
    const state = ledger.state(this.#bot);
    const spender = { state, settings: bot.settings, history: ledger.history(), flockBudget };
    return checkBudget(wanted, spender, clock.now());
  }

  /** The newest posts of an account of which the bot knows no post tell whether it has posted the poem before. */
  async #readForPlace(): Promise<{ timeline: TimelinePost[] } | Unseen> {
    const lines = await this.#options.lines();
    const few = await this.readTimeline('newest', { max: fewPosts });
    if ('unseen' in few || few.timeline.length < fewPosts) return few;
    const isClear = typeof placeByTimeline(lines, few.timeline, this.#options.bot.settings) === 'number';
    return isClear ? few : this.readTimeline('newest', { max: morePosts });
  }

  /** The bot's place by its timeline. If the last event is lost, the next start finds the same again. */
  async #eventsOfPlace(timeline: readonly TimelinePost[]): Promise<LedgerEvent[]> {
    const { bot, clock, lines } = this.#options;
    const poem = await lines();
    const next = placeByTimeline(poem, timeline, bot.settings);
    const newest = this.#newestOf(timeline);
    if (next === 'not there') return newest;
    if (next === 'unclear') {
      const why =
        'its account has posted lines of this poem before, and they do not tell which one comes next';
      const hint = `flockd resume ${this.#bot} --line N, with the number of the line that comes next`;
      return [this.#parked(why, hint), ...newest];
    }
    const at = clock.now();
    const print = fingerprints(poem);
    return [{ event: 'edited', bot: this.#bot, at, poem: print, next, ahead: [], by: 'timeline' }, ...newest];
  }

  /**
   * The place of a bot that knows no post of its own although its account posted the poem before the bot began: its ledger was
   * lost once, and its posts since then do not tell where it is. Undefined if its account did not.
   *
   * @param since - the posts since the bot began
   */
  async #eventsOfEarlier(since: readonly TimelinePost[]): Promise<LedgerEvent[] | Unseen | undefined> {
    const read = await this.readTimeline('newest', { max: since.length + morePosts });
    if ('unseen' in read) return read;
    const known = new Set(since.map(({ id }) => id));
    const earlier = read.timeline.filter(({ id }) => !known.has(id));
    const { bot, lines } = this.#options;
    return placeByTimeline(await lines(), earlier, bot.settings) === 'not there'
      ? undefined
      : this.#eventsOfPlace(read.timeline);
  }

  /** So that a post in doubt is not mistaken later for an older one with the same words. */
  #newestOf(timeline: readonly TimelinePost[]): LedgerEvent[] {
    const newest = timeline.at(-1)?.id;
    return newest === undefined
      ? []
      : [{ event: 'looked', bot: this.#bot, at: this.#options.clock.now(), newest }];
  }

  /** What a bot has posted since the last post that its state knows. */
  async #eventsSince(state: BotState, timeline: readonly TimelinePost[]): Promise<LedgerEvent[]> {
    if (timeline.length === 0) return [];
    const found = await this.#findSince(state, timeline);
    if (found.length === 0) return [];
    const far = found.find(isFar);
    if (!far) return this.#eventsOfFound(found, lookFor(this.#bot, state, this.#options.clock.now()));
    const why = `its account has posted line ${far.line + 1} of this poem, which does not come next`;
    const next = far.line + far.lines + 1;
    const hint = `flockd resume ${this.#bot} goes on where it is; flockd resume ${this.#bot} --line ${next} after that post`;
    return [this.#parked(why, hint)];
  }

  async #findSince(state: BotState, timeline: readonly TimelinePost[]): Promise<FoundPosts> {
    const { bot, clock, lines } = this.#options;
    const look = { bot: this.#bot, at: clock.now() };
    const { rules, settings } = bot;
    return foundSince({ ...look, state, lines: await lines(), rules, timeline, atEnd: settings.atEnd });
  }

  #eventsOfFound(found: FoundPosts, open: Intent): LedgerEvent[] {
    const { flockBudget, clock } = this.#options;
    const priceOf = (text: string): Price =>
      this.#checkBudget({ posts: 1, cost: costOf(text, flockBudget.prices) }).price;
    return eventsOfFound(found, { bot: this.#bot, at: clock.now(), open, priceOf });
  }

  #absent(): Extract<LedgerEvent, { event: 'absent' }> & { by: 'timeline' } {
    return { event: 'absent', bot: this.#bot, at: this.#options.clock.now(), by: 'timeline' };
  }

  #parked(why: string, hint: string): LedgerEvent {
    const { clock, key } = this.#options;
    return { event: 'parked', bot: this.#bot, at: clock.now(), why, hint, key, cause: 'place' };
  }

  /** After a post and an instant. An instant in the future was written by a wrong clock: then from the beginning. */
  #startOf(since: string | undefined, at: number): TimelineStart {
    const start = at > this.#options.clock.now() ? 0 : Math.max(0, at - maxSkew);
    return since === undefined ? { start } : { sinceId: since, start };
  }
}

const noFinder: Failure = { kind: 'in-doubt', reason: 'its network does not find posts by their marks' };

const isTextOf = ({ mark, print }: Intent, text: string): boolean =>
  mark === undefined ? fingerprint(text) === print : markOf(text) === mark;
