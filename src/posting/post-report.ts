import * as z from 'zod';
import type { BotState } from '../ledger/state.ts';
import { lengthOf } from './place.ts';

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
