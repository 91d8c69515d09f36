import type { Budget } from '../config/flock-file.ts';
import { inMicros, type PriceTable, showUsd, usualPrices } from '../cost.ts';
import type { FlockHistory } from '../ledger/history.ts';
import { type BotState, daysOf, monthsOf, runningEnd } from '../ledger/state.ts';
import { calendarEnds, type CalendarEnds } from '../schedule/calendar.ts';

/** What a flock may spend in all, on which calendar, and what X charges. */
export interface Purse {
  prices: PriceTable;
  /** IANA: where the flock's days and months begin. */
  timezone: string;
  budget: Budget;
}

/** X's prices, and no bound. */
export const openPurse: Purse = { prices: usualPrices, timezone: 'UTC', budget: {} };

/** What was spent in the day and the month that run now, posts in doubt included, and when those end. */
export interface Spent {
  posts: number;
  micros: number;
  ends: CalendarEnds;
}

/** A budget that has no room for one more post. */
export interface Cap {
  whose: 'bot' | 'flock';
  what: 'postsPerDay' | 'usdPerMonth';
  limit: number;
  /** When there is room again, or undefined where there never is. */
  until: number | undefined;
}

const hour = 3_600_000;

/** No day or month lasts longer. */
const longest = { day: 27 * hour, month: 32 * 24 * hour };

/** What a bot has spent, by its own calendar. */
export function spentBy(
  state: Pick<BotState, 'tally'> | undefined,
  timezone: string,
  now: number,
): Spent & { total: number } {
  const days = daysOf(state?.tally);
  const months = monthsOf(state?.tally);
  const ends = endsAmong(days.map(endOf), months.map(endOf), timezone, now);
  return {
    posts: days.find((day) => day.ends === ends.day)?.posts ?? 0,
    micros: months.find((month) => month.ends === ends.month)?.micros ?? 0,
    total: state?.tally?.total ?? 0,
    ends,
  };
}

/** What the whole flock has spent, by its calendar. */
export function spentByFlock(history: FlockHistory, timezone: string, now: number): Spent {
  const ends = endsAmong(history.recentDays, history.recentMonths, timezone, now);
  return {
    posts: history.day(ends.day).posts,
    micros: history.month(ends.month).micros,
    ends,
  };
}

const endOf = ({ ends }: { ends: number }): number => ends;

function endsAmong(
  days: Iterable<number>,
  months: Iterable<number>,
  timezone: string,
  now: number,
): CalendarEnds {
  const calendar = calendarEnds(timezone, now);
  return {
    day: runningEnd(days, now, { calendar: calendar.day, longest: longest.day }),
    month: runningEnd(months, now, { calendar: calendar.month, longest: longest.month }),
  };
}

/** What a post or a look takes out of a budget. Money in micros. */
export interface Wanted {
  posts: number;
  cost: number;
}

/** The budget that has no room for it, or undefined where there is room. */
export function capOf(
  whose: Cap['whose'],
  budget: Budget,
  spent: Spent,
  { posts, cost }: Wanted,
): Cap | undefined {
  const { postsPerDay, usdPerMonth } = budget;
  if (posts > 0 && postsPerDay !== undefined && spent.posts + posts > postsPerDay) {
    const until = postsPerDay < 1 ? undefined : spent.ends.day;
    return { whose, what: 'postsPerDay', limit: postsPerDay, until };
  }
  if (usdPerMonth !== undefined && spent.micros + cost > inMicros(usdPerMonth)) {
    const until = cost > inMicros(usdPerMonth) ? undefined : spent.ends.month;
    return { whose, what: 'usdPerMonth', limit: usdPerMonth, until };
  }
  return undefined;
}

/** How a cap reads: `the budget of 24 posts a day is used up`. */
export function describeCap({ whose, what, limit, until }: Cap): string {
  const budget = whose === 'bot' ? 'its budget' : "the flock's budget";
  const shown = what === 'postsPerDay' ? `${limit} posts a day` : `${showUsd(inMicros(limit))} a month`;
  return until === undefined
    ? `${budget} of ${shown} is too small for its next post`
    : `${budget} of ${shown} is used up`;
}
