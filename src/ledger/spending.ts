import * as z from 'zod';
import { calendarEnds } from '../schedule/schedule.ts';
import type { Price } from './events.ts';
import type { FlockHistory } from './history.ts';

/*
 * What a bot and its flock have spent, by day and month. A period is known by its end, in milliseconds since 1970. Money is in
 * micros.
 */

const day = z.object({ ends: z.int(), posts: z.int() });
const month = z.object({ ends: z.int(), micros: z.int() });

export const tally = z.object({
  /** The day and the month that were charged last. */
  day,
  month,
  /** The ones charged before: after a time with a wrong clock, the bot returns to the day and month that it left. */
  earlier: z.object({ days: z.array(day), months: z.array(month) }).optional(),
  /** Since the bot began. */
  total: z.int(),
});

/** What one bot has spent. */
export type Tally = z.infer<typeof tally>;

/** How many days and how many months a tally keeps. */
const maxPeriods = 4;

/**
 * Adds posts and money to the day and the month of a price. Negative amounts are a refund: it changes a period that the tally
 * still has, and never begins one.
 *
 * @param price - without a day or a month, as in an intent of an older flockd, nothing changes
 */
export function charged(
  known: Tally | undefined,
  { dayEnds, monthEnds }: Price,
  { posts, micros }: { posts: number; micros: number },
): Tally | undefined {
  if (dayEnds === undefined || monthEnds === undefined) return known;
  const isRefund = posts < 0 || (posts === 0 && micros <= 0);
  if (isRefund && !known) return undefined;
  const changed = <Period extends { ends: number }>(
    periods: readonly Period[],
    ends: number,
    add: (to: Period | undefined) => Period,
  ): Period[] => {
    if (isRefund) return periods.map((period) => (period.ends === ends ? add(period) : period));
    const others = periods.filter((period) => period.ends !== ends);
    return [add(periods.find((period) => period.ends === ends)), ...others].slice(0, maxPeriods);
  };
  const [day = { ends: dayEnds, posts }, ...days] = changed(daysOf(known), dayEnds, (to) => ({
    ends: dayEnds,
    posts: (to?.posts ?? 0) + posts,
  }));
  const [month = { ends: monthEnds, micros }, ...months] = changed(monthsOf(known), monthEnds, (to) => ({
    ends: monthEnds,
    micros: (to?.micros ?? 0) + micros,
  }));
  const hasEarlier = days.length + months.length > 0;
  return {
    day,
    month,
    ...(hasEarlier && { earlier: { days, months } }),
    total: (known?.total ?? 0) + micros,
  };
}

const daysOf = (known: Tally | undefined): readonly Tally['day'][] =>
  known ? [known.day, ...(known.earlier?.days ?? [])] : [];

const monthsOf = (known: Tally | undefined): readonly Tally['month'][] =>
  known ? [known.month, ...(known.earlier?.months ?? [])] : [];

/** What was spent in the current day and month, including posts in doubt, and when these end. */
interface Spent {
  posts: number;
  micros: number;
  ends: ReturnType<typeof calendarEnds>;
}

/** What a bot has spent, by its own calendar. @param timezone - IANA */
export function spentBy(
  state: { tally?: Tally | undefined } | undefined,
  timezone: string,
  now: number,
): Spent & { total: number } {
  const days = daysOf(state?.tally);
  const months = monthsOf(state?.tally);
  const ends = currentEnds(days.map(endOf), months.map(endOf), timezone, now);
  return {
    posts: days.find((day) => day.ends === ends.day)?.posts ?? 0,
    micros: months.find((month) => month.ends === ends.month)?.micros ?? 0,
    total: state?.tally?.total ?? 0,
    ends,
  };
}

/** What the whole flock has spent, by its calendar. @param timezone - IANA */
export function spentByFlock(history: FlockHistory, timezone: string, now: number): Spent {
  const ends = currentEnds(history.recentDays, history.recentMonths, timezone, now);
  return { posts: history.day(ends.day).posts, micros: history.month(ends.month).micros, ends };
}

const endOf = ({ ends }: { ends: number }): number => ends;

const hour = 3_600_000;

/** The length of the longest day and the longest month. */
const maxLength = { day: 27 * hour, month: 32 * 24 * hour };

/** @param days - the ends of the days that were charged @param months - likewise */
function currentEnds(
  days: readonly number[],
  months: readonly number[],
  timezone: string,
  now: number,
): ReturnType<typeof calendarEnds> {
  const calendar = calendarEnds(timezone, now);
  // A period that was begun goes on to its end, even if the time zone was changed since. An end that is too far away was
  // written by a wrong clock.
  const first = (ends: readonly number[], longest: number): number =>
    Math.min(...ends.filter((end) => end > now && end <= now + longest));
  const day = first(days, maxLength.day);
  const month = first(months, maxLength.month);
  return {
    day: day === Infinity ? calendar.day : day,
    month: month === Infinity ? calendar.month : month,
  };
}
