import * as z from 'zod';
import { type Exit, FlockError } from '../errors.ts';
import { isFinished, lengthOf } from '../ledger/cursor.ts';
import type { LedgerEvent } from '../ledger/events.ts';
import type { BotState } from '../ledger/state.ts';

/** What {@link Command} is, for whoever parses one. */
export const command = z.discriminatedUnion('order', [
  /** Settles a post in doubt by a person's word. */
  z.object({ order: z.literal('resolve'), bot: z.string(), posted: z.boolean(), id: z.string().optional() }),
  /** Lets a parked or paused bot go on, where `poem` and `next` are given at another line of the poem as it is now. */
  z.object({
    order: z.literal('resume'),
    bot: z.string(),
    poem: z.string().optional(),
    next: z.int().optional(),
  }),
  /** Posts the next line now. */
  z.object({ order: z.literal('post'), bot: z.string() }),
  /** Lets a bot rest until it is resumed. */
  z.object({ order: z.literal('pause'), bot: z.string() }),
  /** Calls a bot otherwise from now on. */
  z.object({ order: z.literal('rename'), bot: z.string(), to: z.string() }),
]);

/** Whether a bot is parked because nobody but a person can say at which line it goes on. An older flockd wrote no cause down. */
export const isAboutPlace = ({ cause, why }: NonNullable<BotState['parked']>): boolean =>
  cause === undefined ? why.includes('its place in it is lost') : cause === 'place';

/** What a person tells flockd to write down about a bot. */
export type Command = z.infer<typeof command>;

/** What an order to post depends on besides the ledger. */
export interface Readiness {
  paused: boolean;
  atEnd: 'loop' | 'stop';
  isStopped: boolean;
}

/**
 * The events that carry an order out.
 *
 * @param readiness - for an order to post
 *
 * @throws {FlockError} `usage` where there is nothing to carry out; for an order to post also `tryLater` where it may be
 * carried out later, and `partly` where somebody has to repair the bot first
 */
export function eventsOf(
  order: Command,
  state: BotState | undefined,
  at: number,
  readiness?: Readiness,
): LedgerEvent[] {
  const { bot } = order;
  if (!state)
    throw new FlockError('usage', `${bot} is not in the ledger: it has not begun its poem`, {
      hint: 'flockd run begins it; flockd status lists the bots',
    });
  switch (order.order) {
    case 'resolve':
      return resolved(order, state, at);
    case 'resume':
      return resumed(order, state, at);
    case 'post':
      return asked(bot, state, at, readiness);
    case 'pause':
      if (state.paused !== undefined)
        throw new FlockError('usage', `${bot} is paused already`, {
          hint: `flockd resume ${bot} lets it go on`,
        });
      return [{ event: 'paused', bot, at }];
    case 'rename':
      return [{ event: 'renamed', bot: order.to, at, from: bot }];
  }
}

function resolved(
  { bot, posted, id }: Extract<Command, { order: 'resolve' }>,
  state: BotState,
  at: number,
): LedgerEvent[] {
  if (!state.open)
    throw new FlockError('usage', `${bot} has no post in doubt`, {
      hint: 'flockd status shows which bots have',
    });
  if (!posted) return [{ event: 'absent', bot, at, by: 'person' }];
  if (isFinished(state.place))
    throw new FlockError('usage', `${bot} has come to the end of its poem, and no line of it is in doubt`, {
      hint: `flockd resolve ${bot} --not-posted, then flockd resume ${bot} --line N, where it has begun it again`,
    });
  return [{ event: 'posted', bot, at, by: 'person', ...(id !== undefined && { id }) }];
}

function asked(bot: string, state: BotState, at: number, readiness: Readiness | undefined): LedgerEvent[] {
  const refuse = (message: string, hint: string, exit: Exit = 'usage'): never => {
    throw new FlockError(exit, `${bot} ${message}`, { hint });
  };
  if (state.restored !== undefined)
    refuse(
      'was restored, and looks first for what it has posted since',
      'flockd looks while it runs; ask again after that',
      'tryLater',
    );
  if (state.open)
    refuse('has a post in doubt', `flockd looks by itself; or settle it: flockd resolve ${bot}`, 'tryLater');
  if (state.parked) refuse(`is parked: ${state.parked.why}`, state.parked.hint, 'partly');
  if (state.paused !== undefined) refuse('is paused', `flockd resume ${bot} lets it go on`);
  if (readiness?.paused) refuse('is paused', 'flock.json says so');
  if (readiness?.isStopped) refuse('cannot post: the whole flock is stopped', 'flockd resume lets it go on');
  if (readiness?.atEnd === 'stop' && isFinished(state.place))
    refuse('has finished its poem', `flockd resume ${bot} --line 1 begins it again`);
  return [{ event: 'asked', bot, at }];
}

function resumed(order: Extract<Command, { order: 'resume' }>, state: BotState, at: number): LedgerEvent[] {
  const { bot } = order;
  const events: LedgerEvent[] = [];
  if (order.poem !== undefined && order.next !== undefined) {
    if (state.open)
      throw new FlockError('usage', `${bot} has a post in doubt`, {
        hint: `settle it first: flockd resolve ${bot}`,
      });
    events.push({ event: 'edited', bot, at, poem: order.poem, next: order.next, ahead: [], by: 'person' });
  }
  if (state.parked) events.push({ event: 'freed', bot, at });
  if (state.paused !== undefined) events.push({ event: 'resumed', bot, at });
  if (events.length === 0)
    throw new FlockError('usage', `${bot} is neither parked nor paused`, {
      hint: 'flockd status shows which bots are',
    });
  return events;
}

/** What an order to post has led to. Lines count from 1, instants are milliseconds since 1970. */
export const postReport = z.object({
  state: z.enum(['posted', 'waiting', 'in doubt', 'parked']),
  line: z.int(),
  /** How many lines it is made of, where it was posted as more than one. */
  lines: z.int().optional(),
  of: z.int(),
  /** Of the post, where it was posted. */
  id: z.string().optional(),
  at: z.int().optional(),
  /** Why it was not, the repair, and when it is tried again. */
  why: z.string().optional(),
  hint: z.string().optional(),
  until: z.int().optional(),
});

export type PostReport = z.infer<typeof postReport>;

/** Why something that was asked for has not even been tried: a budget, or X's word to the whole app. */
const untried = 'flockd may not post now';

/** What came of an order to post, by what the ledger says of the bot right after it. */
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
  if (owed) {
    const { why, reason, retryAt } = owed;
    return {
      state: 'waiting',
      line,
      of,
      ...(why === 'asked' ? { why: untried } : { why: reason, until: retryAt }),
    };
  }
  const { line: from = 0, lines } = last ?? {};
  return {
    state: 'posted',
    line: from + 1,
    ...(lines !== undefined && { lines }),
    of,
    id: last?.id,
    at: last?.at,
  };
}
