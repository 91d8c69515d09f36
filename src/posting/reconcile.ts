import type { Clock } from '../clock.ts';
import { readingCost } from '../cost/post-cost.ts';
import type { PriceTable } from '../cost/price-table.ts';
import type { BotName } from '../flock/bot.ts';
import { compareIds } from '../x/post-instant.ts';
import type { TimelinePost, XClient } from '../x/x-client.ts';
import type { Intent } from './ledger-event.ts';
import type { Ledger } from './ledger.ts';
import { fingerprint, markOf } from './place.ts';

export interface ReconcileOptions {
  bot: BotName;
  open: Intent;
  /** The account's id; without it the key is asked whose it is. */
  userId: string | undefined;
  ledger: Ledger;
  x: XClient;
  clock: Clock;
  prices: PriceTable;
}

/** What a look at the timeline settled, or why it could not. */
export type Settled = { posted: string } | 'absent' | { unreadable: string };

/** X has no post from before this instant that it would list, and refuses to be asked for older ones. */
const oldest = Date.parse('2010-11-06T00:00:01Z');

/** X's clock and ours may differ by this much where only the time tells where to begin. Milliseconds. */
const skew = 300_000;

/**
 * Settles an open post by reading the account's timeline since its last confirmed post. Whatever stands there after that
 * post with this text is this post and not an earlier one with the same words, because this bot has had one post open only.
 *
 * @throws {FlockError} `io` from the ledger
 */
export async function reconcile(options: ReconcileOptions): Promise<Settled> {
  const { bot, open, ledger, clock } = options;
  const read = await readSince(options);
  if ('unreadable' in read) return read;
  const found = read.timeline.find(({ text }) => isTextOf(open, text));
  const outcome = { bot, at: clock.now(), by: 'timeline', cost: read.cost } as const;
  if (found) {
    await ledger.record({ event: 'posted', ...outcome, id: found.id });
    return { posted: found.id };
  }
  await ledger.record({ event: 'absent', ...outcome });
  return 'absent';
}

const isTextOf = ({ mark, print }: Intent, text: string): boolean =>
  mark === undefined ? fingerprint(text) === print : markOf(text) === mark;

/** The account's timeline since its last confirmed post, oldest first, and what it cost to read it, in micros. */
export async function readSince({
  open,
  userId,
  x,
  clock,
  prices,
}: Pick<ReconcileOptions, 'open' | 'userId' | 'x' | 'clock' | 'prices'>): Promise<
  { timeline: TimelinePost[]; cost: number } | { unreadable: string }
> {
  const account = userId === undefined ? await x.me() : { ok: { userId } };
  if ('failure' in account) return { unreadable: account.failure.reason };
  const from = open.since === undefined ? { start: beginOf(open.at, clock.now()) } : { sinceId: open.since };
  const timeline = await x.timeline(account.ok.userId, from);
  if ('failure' in timeline) return { unreadable: timeline.failure.reason };
  const read = { posts: timeline.ok.length, accounts: userId === undefined ? 1 : 0 };
  return { timeline: inOrder(timeline.ok, open.since), cost: readingCost(read, prices) };
}

/** What was written down by a clock that was ahead tells nothing of where to begin. */
const beginOf = (at: number, now: number): number => (at > now ? oldest : Math.max(oldest, at - skew));

/** Oldest first, each once, and none that was there before: whatever X was asked for, an older post is not the one in doubt. */
function inOrder(posts: readonly TimelinePost[], since: string | undefined): TimelinePost[] {
  const byId = new Map(posts.map((post) => [post.id, post]));
  return [...byId.values()]
    .filter(({ id }) => since === undefined || compareIds(id, since) > 0)
    .sort((a, b) => compareIds(a.id, b.id));
}
