import * as z from 'zod';
import type { Intent, LedgerEvent, Price } from './events.ts';
import { type BotState, madeAt } from './state.ts';

const amount = z.object({ posts: z.int(), micros: z.int() });

const recentPost = z.object({
  bot: z.string(),
  at: z.int(),
  id: z.string().optional(),
  line: z.int(),
  lines: z.int(),
  print: z.string(),
});

const flockHistory = z.object({
  /** By the end of the day or month, in milliseconds since 1970, oldest first. */
  days: z.array(z.tuple([z.int(), amount])),
  months: z.array(z.tuple([z.int(), amount])),
  recent: z.array(recentPost),
});

/** Posts of one day or month, and what they cost. Those in doubt are counted until it is known that they are not there. */
type Amount = z.infer<typeof amount>;

/** A post of the flock; its text is the poem's. Instants in milliseconds since 1970, lines counted from 0. */
export type RecentPost = z.infer<typeof recentPost>;

const maxDays = 400;
const maxMonths = 60;
const maxRecent = 100;
/** How many of the last days and months may be the one that runs: a clock that is wrong leaves some behind. */
const maxOpen = 4;

const nothing: Amount = { posts: 0, micros: 0 };

/** What a whole flock did lately: posts and their cost by day and month, and its last posts one by one. */
export class FlockHistory {
  readonly #days: Map<number, Amount>;
  readonly #months: Map<number, Amount>;
  readonly #recent: RecentPost[];
  /** The ends of the days and months that were charged last, the last one first. */
  recentDays: readonly number[];
  recentMonths: readonly number[];

  /** @throws {z.ZodError} where the value is no history of this version */
  constructor(value: unknown = { days: [], months: [], recent: [] }) {
    const { days, months, recent } = flockHistory.parse(value);
    this.#days = new Map(days);
    this.#months = new Map(months);
    this.#recent = recent;
    this.recentDays = days
      .slice(-maxOpen)
      .map(([ends]) => ends)
      .reverse();
    this.recentMonths = months
      .slice(-maxOpen)
      .map(([ends]) => ends)
      .reverse();
  }

  /** Adds one more event. @param before - what the ledger said of its bot before it */
  apply(event: LedgerEvent, before: BotState | undefined): void {
    const open = before?.open;
    if (event.event === 'renamed') this.#renamed(event.from, event.bot);
    else if (event.event === 'intent') this.#add(event, 1, event.cost ?? 0);
    else if (event.event === 'looked') this.#add(event, 0, event.cost ?? 0);
    else if (!open) return;
    else if (event.event === 'refused') this.#add(open, -1, -(open.cost ?? 0));
    else if (event.event === 'posted') this.#posted(event, open);
    else if (event.event !== 'absent') return;
    else if (open.look) this.#looked(event);
    else this.#add(open, -1, (event.cost ?? 0) - (open.cost ?? 0));
  }

  /** What a day was, known by its end. */
  day(ends: number): Amount {
    return this.#days.get(ends) ?? nothing;
  }

  month(ends: number): Amount {
    return this.#months.get(ends) ?? nothing;
  }

  /** Every day that is remembered, by its end, oldest first. */
  days(): (readonly [ends: number, amount: Amount])[] {
    return [...this.#days];
  }

  /** The last posts, newest first. */
  recent(): RecentPost[] {
    return this.#recent.toReversed();
  }

  get isEmpty(): boolean {
    return this.#days.size === 0 && this.#recent.length === 0;
  }

  toJSON(): z.infer<typeof flockHistory> {
    return { days: [...this.#days], months: [...this.#months], recent: this.#recent };
  }

  #posted(event: Extract<LedgerEvent, { event: 'posted' }>, open: Intent): void {
    if (event.cost !== undefined) this.#add(open, 0, event.cost);
    const { bot, id } = event;
    const { line, lines, print } = open;
    const post: RecentPost = { bot, at: madeAt(event, open), line, lines, print };
    if (id !== undefined) post.id = id;
    this.#recent.push(post);
    if (this.#recent.length > maxRecent) this.#recent.shift();
  }

  #renamed(from: string, to: string): void {
    for (const post of this.#recent) if (post.bot === from) post.bot = to;
  }

  /** A look that found nothing has no day of its own: it is paid for where it falls. */
  #looked({ at, cost = 0 }: Extract<LedgerEvent, { event: 'absent' }>): void {
    const [lastDay] = this.recentDays;
    const [lastMonth] = this.recentMonths;
    if (lastDay !== undefined && at < lastDay) addTo(this.#days, lastDay, 0, cost, maxDays);
    if (lastMonth !== undefined && at < lastMonth) addTo(this.#months, lastMonth, 0, cost, maxMonths);
  }

  /** An intent that an older flockd wrote names no day, and neither does a look. */
  #add({ dayEnds, monthEnds, flockDayEnds, flockMonthEnds }: Price, posts: number, micros: number): void {
    const day = flockDayEnds ?? dayEnds;
    const month = flockMonthEnds ?? monthEnds;
    if (day === undefined || month === undefined) return;
    addTo(this.#days, day, posts, micros, maxDays);
    addTo(this.#months, month, posts, micros, maxMonths);
    this.recentDays = withFirst(day, this.recentDays);
    this.recentMonths = withFirst(month, this.recentMonths);
  }
}

const withFirst = (ends: number, known: readonly number[]): readonly number[] =>
  known[0] === ends ? known : [ends, ...known.filter((other) => other !== ends)].slice(0, maxOpen);

function addTo(
  amounts: Map<number, Amount>,
  ends: number,
  posts: number,
  micros: number,
  most: number,
): void {
  const known = amounts.get(ends) ?? nothing;
  amounts.set(ends, { posts: known.posts + posts, micros: known.micros + micros });
  if (amounts.size <= most) return;
  const [oldest] = amounts.keys();
  if (oldest !== undefined) amounts.delete(oldest);
}
