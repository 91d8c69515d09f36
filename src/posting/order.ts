import { z } from 'zod';
import { FlockError } from '../errors.ts';
import type { BotState } from './bot-state.ts';
import type { LedgerEvent } from './ledger-event.ts';

/** What {@link Order} is, for whoever parses one. */
export const order = z.discriminatedUnion('order', [
  /** Settles a post in doubt by a person's word. */
  z.object({ order: z.literal('resolve'), bot: z.string(), posted: z.boolean(), id: z.string().optional() }),
  /** Lets a parked bot go on, where `poem` and `next` are given at another line of the poem as it is now. */
  z.object({
    order: z.literal('resume'),
    bot: z.string(),
    poem: z.string().optional(),
    next: z.int().optional(),
  }),
]);

/** What a person tells flockd to write down about a bot. */
export type Order = z.infer<typeof order>;

/**
 * The events that carry an order out.
 *
 * @throws {FlockError} `usage` where there is nothing to carry out
 */
export function eventsOf(order: Order, state: BotState | undefined, at: number): LedgerEvent[] {
  const { bot } = order;
  if (!state)
    throw new FlockError('usage', `${bot} is not in the ledger`, { hint: 'flockd status lists the bots' });
  if (order.order === 'resolve') {
    if (!state.open)
      throw new FlockError('usage', `${bot} has no post in doubt`, {
        hint: 'flockd status shows which bots have',
      });
    if (!order.posted) return [{ event: 'absent', bot, at, by: 'person' }];
    return [{ event: 'posted', bot, at, by: 'person', ...(order.id !== undefined && { id: order.id }) }];
  }
  const events: LedgerEvent[] = [];
  if (order.poem !== undefined && order.next !== undefined) {
    if (state.open)
      throw new FlockError('usage', `${bot} has a post in doubt`, {
        hint: `settle it first: flockd resolve ${bot}`,
      });
    events.push({ event: 'edited', bot, at, poem: order.poem, next: order.next, ahead: [] });
  }
  if (state.parked) events.push({ event: 'freed', bot, at });
  if (events.length === 0)
    throw new FlockError('usage', `${bot} is not parked`, { hint: 'flockd status shows which bots are' });
  return events;
}
