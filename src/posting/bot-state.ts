import { z } from 'zod';
import { intent, type LedgerEvent } from './ledger-event.ts';
import { advance, place, startOf } from './place.ts';

const owed = z.object({
  slot: z.int(),
  until: z.int(),
  /** Not to be tried again before this instant. */
  retryAt: z.int(),
  /** Why it was refused last, and how often in a row for that. */
  why: z.string(),
  reason: z.string(),
  times: z.int(),
});

const botState = z.object({
  place,
  /** The id of the account its posts are on. */
  account: z.string().optional(),
  /** How often it has begun its poem, this time included. */
  pass: z.int(),
  /** Every slot up to this instant is settled. */
  served: z.int(),
  /** Posts confirmed so far, in all passes. */
  posts: z.int(),
  /** The post that has no outcome yet. */
  open: intent.optional(),
  /** A post that was tried and is still owed: the slot's line is not lost by a refusal. */
  owed: owed.optional(),
  /** Its last confirmed post; the id is missing where a person vouched for it. */
  last: z.object({ id: z.string().optional(), at: z.int(), line: z.int() }).optional(),
  parked: z.object({ why: z.string(), hint: z.string(), key: z.string(), at: z.int() }).optional(),
});

/** What the ledger says of one bot: all of its events folded into one. Instants are milliseconds since 1970. */
export type BotState = z.infer<typeof botState>;
export type Owed = z.infer<typeof owed>;

/** @throws {z.ZodError} where the value is no state of this version */
export const parseBotState = (value: unknown): BotState => botState.parse(value);

/**
 * The state after one more event.
 *
 * @throws {RangeError} where the event cannot follow what was before it
 */
export function applyEvent(state: BotState | undefined, event: LedgerEvent): BotState {
  if (event.event === 'begun') {
    const { poem, at, account } = event;
    return { place: startOf(poem), pass: 1, served: at, posts: 0, ...(account !== undefined && { account }) };
  }
  if (!state) throw new RangeError(`${event.bot}: ${event.event} before it began`);
  switch (event.event) {
    case 'edited':
      return { ...state, place: { poem: event.poem, next: event.next, ahead: event.ahead } };
    case 'again':
      return { ...state, place: startOf(event.poem), pass: state.pass + 1 };
    case 'intent':
      return { ...state, open: event };
    case 'posted':
      return afterPosted(state, event);
    case 'refused':
      return afterRefused(state, event);
    case 'absent':
      return afterRefused(state, {
        ...event,
        why: 'absent',
        reason: 'it was not on the timeline',
        retryAt: event.at,
      });
    case 'skipped':
      return { ...state, place: advance(state.place, 1) };
    case 'missed': {
      // What was owed for one of these slots is let go with them.
      const { owed, ...rest } = state;
      const stillOwed = owed && owed.until > event.until;
      return { ...rest, served: event.until, ...(stillOwed && { owed }) };
    }
    case 'parked':
      return { ...state, parked: { why: event.why, hint: event.hint, key: event.key, at: event.at } };
    case 'freed': {
      const { parked: _, ...freed } = state;
      return freed.owed ? { ...freed, owed: { ...freed.owed, retryAt: event.at, times: 0 } } : freed;
    }
  }
}

function afterPosted(
  { open, owed: _, ...state }: BotState,
  { id, at }: { id?: string | undefined; at: number },
): BotState {
  if (!open) throw new RangeError('posted without an intent');
  return {
    ...state,
    place: advance(state.place, open.lines),
    served: Math.max(state.served, open.until),
    last: { ...(id !== undefined && { id }), at, line: open.line },
    posts: state.posts + 1,
  };
}

function afterRefused(
  { open, ...state }: BotState,
  { why, reason, retryAt }: { why: string; reason: string; retryAt: number },
): BotState {
  if (!open) throw new RangeError('refused without an intent');
  const times = state.owed?.why === why ? state.owed.times + 1 : 1;
  return { ...state, owed: { slot: open.slot, until: open.until, retryAt, why, reason, times } };
}
