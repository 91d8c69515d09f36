import type { Clock } from '../clock.ts';
import { readingCost } from '../cost.ts';
import type { Bot } from '../flock/load-flock.ts';
import type { Ledger } from '../ledger/journal.ts';
import {
  compareIds,
  type Outcome,
  pageSizes,
  type TimelinePost,
  type TimelineStart,
  type XClient,
} from '../networks/x/client.ts';
import type { PostFailure } from './after-failure.ts';
import type { Cap, Purse } from './budget.ts';
import type { Gate } from './gate.ts';
import { moneyLeft, priceOfLook } from './price-post.ts';

export interface LookOptions {
  ledger: Ledger;
  clock: Clock;
  gate: Gate;
  purse: () => Purse;
  x: XClient;
}

/** Why a timeline could not be read: X's answer and until when the bot waits, or a budget that has no room for it. */
export type Unseen = { unseen: string } & (
  { failure: PostFailure; closedUntil: number | undefined } | { blockedUntil: number } | { cap: Cap }
);

/** More posts than this since one of its own are not one bot's. */
const mostPosts = 3200;

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
      most: readingCost({ posts: size }, options.purse().prices),
      call: () => options.x.timeline(account.userId, from, { most: size, token }),
      cost: (read) => readingCost({ posts: read.posts.length }, options.purse().prices),
    });
    if ('unseen' in page) return page;
    const known = posts.size;
    for (const post of page.ok.posts) posts.set(post.id, post);
    token = page.ok.next;
    if (token === undefined || posts.size >= most) return { timeline: inOrder(posts.values(), from) };
    if (tokens.has(token) || posts.size === known) return circling;
    tokens.add(token);
  } while (posts.size < mostPosts);
  return notSeen(`there are more than ${mostPosts} posts since the last one`);
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
  const most = readingCost({ accounts: 1 }, options.purse().prices);
  const said = await charged(bot, options, { most, call: () => options.x.me(), cost: () => most });
  return 'unseen' in said ? said : { userId: said.ok.userId };
}

/** As many posts as are wanted and there is money for, within what X gives. */
function pageSize(bot: Bot, options: LookOptions, wanted: number): number {
  const price = readingCost({ posts: 1 }, options.purse().prices);
  const paid =
    price === 0 ? Infinity : Math.floor(moneyLeft(spenderOf(bot, options), options.clock.now()) / price);
  return Math.max(pageSizes.fewest, Math.min(pageSizes.most, wanted, paid));
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
  purse: purse(),
});
