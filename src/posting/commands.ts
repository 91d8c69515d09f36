import * as z from 'zod';
import { type Exit, FlockError } from '../errors.ts';
import type { LedgerEvent } from '../ledger/events.ts';
import { type BotState, isFinished, lengthOf } from '../ledger/state.ts';

/** A person's command about one bot. */
export const command = z.discriminatedUnion('order', [
  /** Settles a post in doubt. */
  z.object({ order: z.literal('resolve'), bot: z.string(), posted: z.boolean(), id: z.string().optional() }),
  /** Resumes a parked or paused bot; with `poem` and `next`, at another line of the current poem. */
  z.object({
    order: z.literal('resume'),
    bot: z.string(),
    poem: z.string().optional(),
    next: z.int().optional(),
  }),
  /** Posts the next line now. */
  z.object({ order: z.literal('post'), bot: z.string() }),
  /** Pauses a bot until it is resumed. */
  z.object({ order: z.literal('pause'), bot: z.string() }),
  z.object({ order: z.literal('rename'), bot: z.string(), to: z.string() }),
]);

export type Command = z.infer<typeof command>;

/** Whether a bot is parked because only a person knows at which line it goes on. An older flockd recorded no cause. */
export const isAboutPlace = ({ cause, why }: NonNullable<BotState['parked']>): boolean =>
  cause === undefined ? why.includes('its place in it is lost') : cause === 'place';

/** What a command to post depends on besides the ledger. */
export interface Readiness {
  paused: boolean;
  atEnd: 'loop' | 'stop';
  isStopped: boolean;
}

/**
 * The events that carry a command out.
 *
 * @param readiness - for a command to post
 * @throws {FlockError} `usage` if there is nothing to do; for a command to post also `tryLater` if it can be carried out later,
 * and `partly` if a person has to repair the bot first
 */
export function eventsOf(
  order: Command,
  state: BotState | undefined,
  at: number,
  readiness?: Readiness,
): LedgerEvent[] {
  const { bot } = order;
  if (!state)
    throw refusal(
      bot,
      'is not in the ledger: it has not begun its poem',
      'flockd run begins it; flockd status lists the bots',
    );
  switch (order.order) {
    case 'resolve':
      return resolve(order, state, at);
    case 'resume':
      return resume(order, state, at);
    case 'post':
      mustBeReady(bot, state, readiness);
      return [{ event: 'asked', bot, at }];
    case 'pause':
      if (state.paused !== undefined)
        throw refusal(bot, 'is paused already', `flockd resume ${bot} lets it go on`);
      return [{ event: 'paused', bot, at }];
    case 'rename':
      return [{ event: 'renamed', bot: order.to, at, from: bot }];
  }
}

const refusal = (bot: string, message: string, hint: string, exit: Exit = 'usage'): FlockError =>
  new FlockError(exit, `${bot} ${message}`, { hint });

function resolve(
  { bot, posted, id }: Extract<Command, { order: 'resolve' }>,
  state: BotState,
  at: number,
): LedgerEvent[] {
  if (!state.open) throw refusal(bot, 'has no post in doubt', 'flockd status shows which bots have');
  if (!posted) return [{ event: 'absent', bot, at, by: 'person' }];
  if (isFinished(state.place))
    throw refusal(
      bot,
      'has come to the end of its poem, and no line of it is in doubt',
      `flockd resolve ${bot} --not-posted, then flockd resume ${bot} --line N, where it has begun it again`,
    );
  return [{ event: 'posted', bot, at, by: 'person', ...(id !== undefined && { id }) }];
}

function mustBeReady(bot: string, state: BotState, readiness: Readiness | undefined): void {
  if (state.restored !== undefined)
    throw refusal(
      bot,
      'was restored, and looks first for what it has posted since',
      'flockd looks while it runs; ask again after that',
      'tryLater',
    );
  if (state.open)
    throw refusal(
      bot,
      'has a post in doubt',
      `flockd looks by itself; or settle it: flockd resolve ${bot}`,
      'tryLater',
    );
  if (state.parked) throw refusal(bot, `needs you: ${state.parked.why}`, state.parked.hint, 'partly');
  if (state.paused !== undefined) throw refusal(bot, 'is paused', `flockd resume ${bot} lets it go on`);
  if (readiness?.paused) throw refusal(bot, 'is paused', 'flock.json says so');
  if (readiness?.isStopped)
    throw refusal(bot, 'cannot post: the whole flock is paused', 'flockd resume lets it go on');
  if (readiness?.atEnd === 'stop' && isFinished(state.place))
    throw refusal(bot, 'has finished its poem', `flockd resume ${bot} --line 1 begins it again`);
}

function resume(
  { bot, poem, next }: Extract<Command, { order: 'resume' }>,
  state: BotState,
  at: number,
): LedgerEvent[] {
  const events: LedgerEvent[] = [];
  if (poem !== undefined && next !== undefined) {
    if (state.open) throw refusal(bot, 'has a post in doubt', `settle it first: flockd resolve ${bot}`);
    events.push({ event: 'edited', bot, at, poem, next, ahead: [], by: 'person' });
  }
  if (state.parked) events.push({ event: 'freed', bot, at });
  if (state.paused !== undefined) events.push({ event: 'resumed', bot, at });
  if (events.length === 0)
    throw refusal(bot, 'is not paused, and does not need you', 'flockd status shows which bots are');
  return events;
}

/** What a command to post has led to. Lines count from 1, instants are milliseconds since 1970. */
export const postReport = z.object({
  state: z.enum(['posted', 'waiting', 'in doubt', 'parked']),
  line: z.int(),
  /** How many lines the post has, if more than one. */
  lines: z.int().optional(),
  /** How many lines the poem has. */
  of: z.int(),
  /** Of the post, if it was posted. */
  id: z.string().optional(),
  at: z.int().optional(),
  /** Why it was not, the repair, and when it is tried again. */
  why: z.string().optional(),
  hint: z.string().optional(),
  until: z.int().optional(),
});

export type PostReport = z.infer<typeof postReport>;

/** The outcome of a command to post, by the state of the bot right after it. */
export function reportOf(state: BotState | undefined): PostReport | undefined {
  if (!state) return undefined;
  const { place, open, parked, owed, last } = state;
  const of = lengthOf(place);
  const line = place.next + 1;
  if (open) {
    const why = 'nobody knows whether it arrived; its timeline will tell';
    return { state: 'in doubt', line: open.line + 1, of, why };
  }
  if (parked) return { state: 'parked', line, of, why: parked.why, hint: parked.hint };
  // It was not even tried, because of a budget or of what the network has against the whole app.
  if (owed?.why === 'asked') return { state: 'waiting', line, of, why: 'flockd may not post now' };
  if (owed) return { state: 'waiting', line, of, why: owed.reason, until: owed.retryAt };
  const { line: from = 0, lines, id, at } = last ?? {};
  return { state: 'posted', line: from + 1, ...(lines !== undefined && { lines }), of, id, at };
}
