import { inMicros, type PriceTable } from '../cost.ts';
import { costOf } from '../posting/budget.ts';
import type { slotCounter, Stretch } from '../schedule/schedule.ts';
import type { Held, PredictedBot, PredictedPost } from './predict.ts';

/** What a bot will do, in sums. Instants and durations in milliseconds, money in micros. */
export interface Outlook {
  /** Posts in the time that is planned, and what they cost. */
  posts: number;
  micros: number;
  /** Its next post, be it after that time; undefined where nobody can see one. */
  next: number | undefined;
  /** What the 30 days from now on cost. */
  microsPerMonth: number;
  /** The lines of this pass that are not posted yet, and what all of them cost. */
  linesLeft: number;
  microsToEnd: number;
  /** When the last of them is posted, where that is within 50 years. */
  end: End | undefined;
  /** The time from one post to the next, where there are two. */
  every: number | undefined;
  /** The same as it would be if X refused nothing. */
  pace: number | undefined;
  /** What X's refusals of repetitions came to in that time, where there were any. */
  refused: Refused | undefined;
  /** The budgets that hold it in that time. */
  held: Held | undefined;
}

/** How often a line was refused as a repetition, and how many of the slots have no post. */
interface Refused {
  times: number;
  missing: number;
  slots: number;
}

interface End {
  at: number;
  /** It is too far away to be followed post by post, and is reckoned from the pace. */
  about: boolean;
}

/** The time that is planned. Milliseconds since 1970. */
export interface Span {
  from: number;
  until: number;
}

/** What a month is in a forecast. Milliseconds. */
export const month = 30 * 86_400_000;

/** Nobody plans farther ahead. Milliseconds. */
export const maxSpan = 50 * 365.25 * 86_400_000;

interface TallyOptions {
  prices: PriceTable;
  span: Span;
  slotsIn: ReturnType<typeof slotCounter>;
}

/** Adds up what one bot posts, as it comes. */
export class BotTally {
  readonly #bot: PredictedBot;
  readonly #prices: PriceTable;
  readonly #span: Span;
  readonly #slotsIn: ReturnType<typeof slotCounter>;
  readonly #linesLeft: number;
  /** The pass that ends with these lines. */
  readonly #pass: number;
  readonly #inSpan = { posts: 0, micros: 0 };
  #inMonth = 0;
  #toEnd = 0;
  #posts = 0;
  #first: number | undefined;
  #last: number | undefined;
  #end: number | undefined;
  #held: Held | undefined;
  #refused = 0;
  /** Slots of the time that is planned that have a post. */
  #served = 0;

  constructor(bot: PredictedBot, { prices, span, slotsIn }: TallyOptions) {
    this.#bot = bot;
    this.#prices = prices;
    this.#span = span;
    this.#slotsIn = slotsIn;
    const { state, settings, lines } = bot.bot;
    const left = bot.linesLeft()?.length ?? 0;
    const isOver = bot.isAtEnd && left === 0;
    const begins = isOver && settings.atEnd === 'loop';
    this.#linesLeft = begins ? lines.length : left;
    this.#pass = (state?.pass ?? 1) + (begins ? 1 : 0);
    if (isOver && !begins) this.#end = state?.last?.at;
  }

  add({ at, slot, micros }: PredictedPost): void {
    const { from, until } = this.#span;
    if (at <= until) {
      this.#inSpan.posts++;
      this.#inSpan.micros += micros;
      if (slot > from - this.#bot.schedule.offset) this.#served++;
    }
    if (at < from + month) this.#inMonth += micros;
    // Where its last line was passed over, the post before that was its last.
    if (this.#end === undefined && this.#isOver()) this.#end = this.#last ?? at;
    if (this.#end === undefined) {
      this.#toEnd += micros;
      if (this.#bot.isAtEnd) this.#end = at;
    }
    this.#posts++;
    this.#first ??= at;
    this.#last = at;
  }

  /** To be called when the time that is planned is over. */
  endSpan(): void {
    this.#held = this.#bot.held;
    this.#refused = this.#bot.refused;
  }

  /** Whether its last line was posted, and all that it costs in a month is known. */
  isDone(now: number): boolean {
    return this.#end !== undefined && now >= this.#span.from + month;
  }

  /** @param now - how far the prediction has come */
  outlook(now: number): Outlook {
    const { from } = this.#span;
    const share = Math.min(1, (now - from) / month);
    const most = this.#bot.bot.settings.budget.usdPerMonth ?? Infinity;
    const every = this.#every();
    return {
      ...this.#inSpan,
      next: this.#first,
      microsPerMonth: Math.min(inMicros(most), share > 0 ? Math.round(this.#inMonth / share) : 0),
      linesLeft: this.#linesLeft,
      microsToEnd: this.#toEnd + (this.#end === undefined ? this.#restOfCost() : 0),
      end: this.#endFrom(now, every),
      every,
      pace: this.#pace(every),
      refused: this.#refusals(),
      held: this.#held,
    };
  }

  /** Refusals slow a bot down, and would hide that it is too fast: then the schedule says how fast it is. */
  #pace(every: number | undefined): number | undefined {
    if (this.#bot.refused === 0) return every;
    const { from } = this.#span;
    const slots = this.#slotsOf({ from, until: from + month });
    return slots > 1 ? month / slots : every;
  }

  #refusals(): Refused | undefined {
    if (this.#refused === 0) return undefined;
    const { parked, schedule } = this.#bot;
    const { offset } = schedule;
    const { from, until } = this.#span;
    const isLast = this.#bot.bot.settings.atEnd === 'stop' ? this.#end : undefined;
    const last = Math.min(until, isLast ?? until, parked?.at ?? until);
    const slots = this.#slotsOf({ from: from - offset, until: last - offset });
    return { times: this.#refused, missing: Math.max(0, slots - this.#served), slots };
  }

  #slotsOf(stretch: Stretch): number {
    const { schedule: expression, timezone } = this.#bot.bot.settings;
    return this.#slotsIn({ expression, timezone }, stretch);
  }

  #isOver(): boolean {
    return (this.#bot.pass ?? 0) > this.#pass;
  }

  #every(): number | undefined {
    if (this.#posts > 1) return ((this.#last ?? 0) - (this.#first ?? 0)) / (this.#posts - 1);
    const slot = this.#bot.schedule.nextSlot(this.#span.from);
    const following = slot === undefined ? undefined : this.#bot.schedule.nextSlot(slot);
    return slot === undefined || following === undefined ? undefined : following - slot;
  }

  #restOfCost(): number {
    const { lines } = this.#bot.bot;
    const left = this.#bot.linesLeft() ?? [];
    return left.reduce((sum, line) => sum + costOf(lines[line]?.text ?? '', this.#prices), 0);
  }

  #endFrom(now: number, every: number | undefined): End | undefined {
    if (this.#end !== undefined) return { at: this.#end, about: false };
    const { rest, isAtEnd } = this.#bot;
    if (rest === 'finished' && isAtEnd && this.#last !== undefined) return { at: this.#last, about: false };
    if (rest !== undefined || every === undefined) return undefined;
    const left = this.#bot.linesLeft()?.length ?? 0;
    const at = Math.max(this.#last ?? 0, now - every) + left * every;
    return at < this.#span.from + maxSpan ? { at: Math.round(at), about: true } : undefined;
  }
}
