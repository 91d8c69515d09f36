import type { Budget } from '../config/flock-file.ts';
import { inMicros, type PriceTable } from '../cost.ts';

/** What bounds posts besides the schedule. */
export interface Bounds {
  perDay: number;
  /** Of today's, how many were made already. */
  today: number;
  perMonth: number;
  thisMonth: number;
  inAll: number;
}

/**
 * The posts that a budget has room for, those with links taken for plain ones.
 *
 * @param spent - in the day and month that run
 * @param poem - how many posts it has left, and how many of it X takes in a day
 */
export function boundsOf(
  { postsPerDay = Infinity, usdPerMonth }: Budget,
  { post }: PriceTable,
  spent: { posts: number; micros: number },
  { inAll = Infinity, texts = Infinity } = {},
): Bounds {
  const price = inMicros(post);
  // A post that costs nothing is bounded by no sum.
  const isBound = usdPerMonth !== undefined && price > 0;
  return {
    perDay: Math.min(postsPerDay, texts),
    today: spent.posts,
    perMonth: isBound ? Math.floor(inMicros(usdPerMonth) / price) : Infinity,
    thisMonth: isBound ? Math.ceil(spent.micros / price) : 0,
    inAll,
  };
}

export const isUnbounded = ({ perDay, perMonth, inAll }: Bounds): boolean =>
  perDay === Infinity && perMonth === Infinity && inAll === Infinity;

/** What bounds leave of the posts of each day, today first. @param days - `2026-08-22` */
export function within(
  counts: readonly number[],
  days: readonly string[],
  { perDay, today, perMonth, thisMonth, inAll }: Bounds,
): number[] {
  let left = inAll;
  let month = days[0]?.slice(0, 7);
  let leftOfMonth = Math.max(0, perMonth - thisMonth);
  return counts.map((count, index) => {
    const current = days[index]?.slice(0, 7);
    if (current !== month) leftOfMonth = perMonth;
    month = current;
    const leftOfDay = index === 0 ? Math.max(0, perDay - today) : perDay;
    const made = Math.min(count, leftOfDay, leftOfMonth, left);
    left -= made;
    leftOfMonth -= made;
    return made;
  });
}
