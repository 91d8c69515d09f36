import * as z from 'zod';
import { calendarEnds } from '../schedule/schedule.ts';
import { type Intent, type LedgerEvent, madeAt, type Price } from './events.ts';

/*
 * What a flock and each of its bots have posted and spent, by day and month. A day or month is known by its end, in
 * milliseconds since 1970. Money is in micros.
 */

const amount = z.object({ posts: z.int(), micros: z.int() });

const recentPost = z.object({
  bot: z.string(),
  at: z.int(),
  id: z.string().optional(),
  line: z.int(),
  lines: z.int(),
  print: z.string(),
});

/** By the end of the day or month, oldest first. */
const amounts = z.array(z.tuple([z.int(), amount]));

const flockHistory = z.object({ days: amounts, months: amounts, recent: z.array(recentPost) });

/** Posts of one day or month, and what they cost. A post in doubt counts until it is known to be absent. */
type Amount = z.infer<typeof amount>;

/** A post of the flock; its text is in the poem. Instants in milliseconds since 1970, lines counted from 0. */
export type RecentPost = z.infer<typeof recentPost>;

const maxDays = 400;
const maxMonths = 60;
const maxRecent = 100;
/** How many of the last days and months may be the current one: a wrong clock leaves some behind. */
const maxOpen = 4;

const nothing: Amount = { posts: 0, micros: 0 };

/** Days or months by their ends, the one that was charged last at the end. */
class Periods {
  readonly #amounts: Map<number, Amount>;
  readonly #max: number;
  /** The ends of those that were charged last, the last one first: every post of every bot asks for them. */
  recent: readonly number[];

  constructor(amounts: Iterable<[ends: number, amount: Amount]>, max: number) {
    this.#amounts = new Map(amounts);
    this.#max = max;
    this.recent = this.#findRecent();
  }

  /** @param ends - the end of the day or month, by which it is known */
  at(ends: number): Amount {
    return this.#amounts.get(ends) ?? nothing;
  }

  /** Oldest first. */
  list(): [ends: number, amount: Amount][] {
    return [...this.#amounts].sort(([a], [b]) => a - b);
  }

  add(ends: number, posts: number, micros: number): void {
    const known = this.at(ends);
    const isLast = this.recent[0] === ends;
    if (!isLast) this.#amounts.delete(ends);
    this.#amounts.set(ends, { posts: known.posts + posts, micros: known.micros + micros });
    if (this.#amounts.size > this.#max) this.#amounts.delete([...this.#amounts.keys()][0] ?? ends);
    if (!isLast) this.recent = this.#findRecent();
  }

  #findRecent(): number[] {
    return [...this.#amounts.keys()].slice(-maxOpen).reverse();
  }
}

/** What the whole flock did lately: its posts and their cost by day and month, and its last posts one by one. */
export class FlockHistory {
  readonly days: Periods;
  readonly months: Periods;
  readonly #recent: RecentPost[];

  /** @throws {z.ZodError} if the value is no history of this version */
  constructor(value: unknown = { days: [], months: [], recent: [] }) {
    const { days, months, recent } = flockHistory.parse(value);
    this.days = new Periods(days, maxDays);
    this.months = new Periods(months, maxMonths);
    this.#recent = recent;
  }

  /** Adds one more event. @param before - what the ledger said of its bot before it */
  apply(event: LedgerEvent, before: { open?: Intent | undefined } | undefined): void {
    const open = before?.open;
    if (event.event === 'renamed') this.#rename(event.from, event.bot);
    else if (event.event === 'intent') this.#add(event, 1, event.cost ?? 0);
    else if (event.event === 'looked') this.#add(event, 0, event.cost ?? 0);
    else if (!open) return;
    else if (event.event === 'refused') this.#add(open, -1, -(open.cost ?? 0));
    else if (event.event === 'posted') this.#addPost(event, open);
    else if (event.event !== 'absent') return;
    else if (open.look) this.#addLook(event);
    else this.#add(open, -1, (event.cost ?? 0) - (open.cost ?? 0));
  }

  /** The last posts, newest first. */
  recent(): RecentPost[] {
    return this.#recent.toReversed();
  }

  get isEmpty(): boolean {
    return this.days.recent.length === 0 && this.#recent.length === 0;
  }

  toJSON(): z.infer<typeof flockHistory> {
    return { days: this.days.list(), months: this.months.list(), recent: this.#recent };
  }

  #addPost(event: Extract<LedgerEvent, { event: 'posted' }>, open: Intent): void {
    if (event.cost !== undefined) this.#add(open, 0, event.cost);
    const { bot, id } = event;
    const { line, lines, print } = open;
    this.#recent.push({ bot, at: madeAt(event, open), line, lines, print, ...(id !== undefined && { id }) });
    if (this.#recent.length > maxRecent) this.#recent.shift();
  }

  #rename(from: string, to: string): void {
    for (const post of this.#recent) if (post.bot === from) post.bot = to;
  }

  /** A look that found nothing names no day: it is charged to the current ones. */
  #addLook({ at, cost = 0 }: Extract<LedgerEvent, { event: 'absent' }>): void {
    for (const periods of [this.days, this.months]) {
      const [last] = periods.recent;
      if (last !== undefined && at < last) periods.add(last, 0, cost);
    }
  }

  /** An intent or a look that an older flockd wrote names no day, and is not counted. */
  #add({ dayEnds, monthEnds, flockDayEnds, flockMonthEnds }: Price, posts: number, micros: number): void {
    const day = flockDayEnds ?? dayEnds;
    const month = flockMonthEnds ?? monthEnds;
    if (day === undefined || month === undefined) return;
    this.days.add(day, posts, micros);
    this.months.add(month, posts, micros);
  }
}

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
  if (known?.day.ends === dayEnds && known.month.ends === monthEnds) {
    return {
      ...known,
      day: { ends: dayEnds, posts: known.day.posts + posts },
      month: { ends: monthEnds, micros: known.month.micros + micros },
      total: known.total + micros,
    };
  }
  const isRefund = posts < 0 || (posts === 0 && micros <= 0);
  if (isRefund && !known) return undefined;
  const changed = <Period extends { ends: number }>(
    periods: readonly Period[],
    empty: Period,
    add: (to: Period) => Period,
  ): Period[] => {
    const { ends } = empty;
    if (isRefund) return periods.map((period) => (period.ends === ends ? add(period) : period));
    const others = periods.filter((period) => period.ends !== ends);
    return [add(periods.find((period) => period.ends === ends) ?? empty), ...others].slice(0, maxOpen);
  };
  const addPosts = (to: Tally['day']): Tally['day'] => ({ ...to, posts: to.posts + posts });
  const addMicros = (to: Tally['month']): Tally['month'] => ({ ...to, micros: to.micros + micros });
  const noDay = { ends: dayEnds, posts: 0 };
  const noMonth = { ends: monthEnds, micros: 0 };
  const [day = noDay, ...days] = changed(daysOf(known), noDay, addPosts);
  const [month = noMonth, ...months] = changed(monthsOf(known), noMonth, addMicros);
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
  const ends = currentEnds(history.days.recent, history.months.recent, timezone, now);
  return { posts: history.days.at(ends.day).posts, micros: history.months.at(ends.month).micros, ends };
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
  const first = (ends: readonly number[], longest: number, otherwise: number): number => {
    let found = Infinity;
    for (const end of ends) if (end > now && end <= now + longest && end < found) found = end;
    return found === Infinity ? otherwise : found;
  };
  return {
    day: first(days, maxLength.day, calendar.day),
    month: first(months, maxLength.month, calendar.month),
  };
}
