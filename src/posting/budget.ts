import { inMicros, showUsd } from '../cost/money.ts';
import { usualPrices, type PriceTable } from '../cost/price-table.ts';
import { calendarEnds, type CalendarEnds } from '../schedule/calendar-ends.ts';
import type { BotState } from './bot-state.ts';
import type { FlockHistory } from './flock-history.ts';

/** What may be spent; what is not given has no bound. */
export interface Budget {
  postsPerDay?: number | undefined;
  usdPerMonth?: number | undefined;
}

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

/** A day or month that was begun goes on to its end, also where the time zone was changed since; longer than this it cannot be. */
const longest = { day: 27 * hour, month: 32 * 24 * hour };

/** The end of the day or month that runs: the one that was written down last, or else the calendar's. */
const endOf = (begun: number | undefined, now: number, most: number, calendar: number): number =>
  begun !== undefined && now < begun && begun <= now + most ? begun : calendar;

/** What a bot has spent, by its own calendar. */
export function spentBy(
  state: Pick<BotState, 'tally'> | undefined,
  timezone: string,
  now: number,
): Spent & { total: number } {
  const { day, month, total = 0 } = state?.tally ?? {};
  const calendar = calendarEnds(timezone, now);
  const ends = {
    day: endOf(day?.ends, now, longest.day, calendar.day),
    month: endOf(month?.ends, now, longest.month, calendar.month),
  };
  return {
    posts: day?.ends === ends.day ? day.posts : 0,
    micros: month?.ends === ends.month ? month.micros : 0,
    total,
    ends,
  };
}

/** What the whole flock has spent, by its calendar. */
export function spentByFlock(history: FlockHistory, timezone: string, now: number): Spent {
  const calendar = calendarEnds(timezone, now);
  const ends = {
    day: endOf(history.lastDay, now, longest.day, calendar.day),
    month: endOf(history.lastMonth, now, longest.month, calendar.month),
  };
  return {
    posts: history.day(ends.day).posts,
    micros: history.month(ends.month).micros,
    ends,
  };
}

/** The budget that has no room for a post of this cost, or undefined where there is room. @param cost - micros */
export function capOf(whose: Cap['whose'], budget: Budget, spent: Spent, cost: number): Cap | undefined {
  const { postsPerDay, usdPerMonth } = budget;
  if (postsPerDay !== undefined && spent.posts + 1 > postsPerDay) {
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
