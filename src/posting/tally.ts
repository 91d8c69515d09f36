import * as z from 'zod';
import type { Price } from './ledger-event.ts';

const day = z.object({ ends: z.int(), posts: z.int() });
const month = z.object({ ends: z.int(), micros: z.int() });

export const tally = z.object({
  /** The day and the month that were charged last. */
  day,
  month,
  /** Those charged before them: a clock that was wrong for a while comes back to the days and months it has left. */
  earlier: z.object({ days: z.array(day), months: z.array(month) }).optional(),
  /** Since the bot began. */
  total: z.int(),
});

/** What a bot has spent, by day and month, which are known by their ends (milliseconds since 1970). Money in micros. */
export type Tally = z.infer<typeof tally>;

/** How many days and how many months are remembered besides the last ones. */
const mostEarlier = 3;

/**
 * The tally with posts and money added to the day and the month of a price; what is given back is negative.
 *
 * @param price - an intent that an older flockd wrote names no day: then nothing changes
 */
export function charged(
  known: Tally | undefined,
  { dayEnds, monthEnds }: Price,
  { posts, micros }: { posts: number; micros: number },
): Tally | undefined {
  if (dayEnds === undefined || monthEnds === undefined) return known;
  if (known?.day.ends === dayEnds && known.month.ends === monthEnds) {
    const { day, month, total, earlier } = known;
    const now = {
      day: { ends: dayEnds, posts: day.posts + posts },
      month: { ends: monthEnds, micros: month.micros + micros },
      total: total + micros,
    };
    return earlier ? { ...now, earlier } : now;
  }
  if (posts <= 0 && micros <= 0) return known && corrected(known, { dayEnds, monthEnds }, { posts, micros });
  const days = daysOf(known);
  const months = monthsOf(known);
  const [ofDay, otherDays] = taken(days, dayEnds, { ends: dayEnds, posts: 0 });
  const [ofMonth, otherMonths] = taken(months, monthEnds, { ends: monthEnds, micros: 0 });
  return {
    day: { ends: dayEnds, posts: ofDay.posts + posts },
    month: { ends: monthEnds, micros: ofMonth.micros + micros },
    ...(known && { earlier: { days: otherDays, months: otherMonths } }),
    total: (known?.total ?? 0) + micros,
  };
}

/** What is given back of a day and a month that are not the last ones; of one that is forgotten, nothing. */
function corrected(
  { day, month, total, earlier }: Tally,
  { dayEnds, monthEnds }: { dayEnds: number; monthEnds: number },
  { posts, micros }: { posts: number; micros: number },
): Tally {
  const inDay = (one: Tally['day']): Tally['day'] =>
    one.ends === dayEnds ? { ...one, posts: one.posts + posts } : one;
  const inMonth = (one: Tally['month']): Tally['month'] =>
    one.ends === monthEnds ? { ...one, micros: one.micros + micros } : one;
  return {
    day: inDay(day),
    month: inMonth(month),
    ...(earlier && { earlier: { days: earlier.days.map(inDay), months: earlier.months.map(inMonth) } }),
    total: total + micros,
  };
}

/** Every day that is remembered. */
export const daysOf = (known: Tally | undefined): readonly z.infer<typeof day>[] =>
  known ? [known.day, ...(known.earlier?.days ?? [])] : [];

export const monthsOf = (known: Tally | undefined): readonly z.infer<typeof month>[] =>
  known ? [known.month, ...(known.earlier?.months ?? [])] : [];

/** The period that ends then, or else a new one, and the others that are still remembered. */
function taken<Period extends { ends: number }>(
  periods: readonly Period[],
  ends: number,
  fresh: Period,
): [Period, Period[]] {
  const found = periods.find((period) => period.ends === ends) ?? fresh;
  return [found, periods.filter((period) => period.ends !== ends).slice(0, mostEarlier)];
}

/**
 * The end of the period that runs at an instant: the first to come of those that were begun, which go on to their end also
 * where the time zone was changed since; or else the calendar's.
 *
 * @param longest - no period lasts longer: an end further away was written down by a clock that was wrong
 */
export function runningEnd(
  begun: Iterable<number>,
  now: number,
  { calendar, longest }: { calendar: number; longest: number },
): number {
  let first = Infinity;
  for (const ends of begun) if (ends > now && ends <= now + longest && ends < first) first = ends;
  return first === Infinity ? calendar : first;
}
