import { Temporal } from 'temporal-polyfill';
import type { Clock } from '../../clock.ts';
import type { Bot, BotSettings, Budget } from '../../config/flock-file.ts';
import { inMicros, type PriceTable } from '../../cost.ts';
import { type BotFiles, type BotStatus, type FlockNow, hasToPost, maxRequest } from '../../flock/status.ts';
import { FlockHistory, spentBy, spentByFlock } from '../../ledger/history.ts';
import { type BotState, lengthOf } from '../../ledger/state.ts';
import { networkFor } from '../../networks/networks.ts';
import { readBots } from '../../plan/plan.ts';
import { Prediction } from '../../plan/predict.ts';
import { xLimits } from '../../plan/x-limits.ts';
import { readPoem } from '../../poems/find.ts';
import { budgetAt, type FlockBudget } from '../../posting/budget.ts';
import { countSlots, offsetIn, type Schedule } from '../../schedule/schedule.ts';
import { iso } from '../../text.ts';
import type { EventLoopYield } from '../../yield.ts';

/*
 * How many posts each of the next days will have at most, by schedules, budgets and the lines that are left. `flockd plan`
 * predicts the posts one by one, which takes too long for a page.
 */

/** How much of the past and of the time to come the page shows. Days; today belongs to both. */
export const shownDays = { past: 26 * 7, ahead: 8 * 7 } as const;

/** The date in a time zone at an instant. @param instant - milliseconds since 1970 */
const dateOf = (instant: number, timezone: string): Temporal.PlainDate =>
  Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timezone).toPlainDate();

/** What bounds posts besides the schedule: a budget, and the poem. */
interface Bounds {
  budget: Budget;
  prices: PriceTable;
  /** In the current day and month. */
  spent: { posts: number; micros: number };
  /** How many posts the poem has left, and how many of it X accepts in a day. */
  inAll?: number | undefined;
  texts?: number;
}

/** The posts of each day within bounds, today first, at the price of a post without a link. @param days - `2026-08-22` */
export function within(
  counts: readonly number[],
  days: readonly string[],
  { budget, prices, spent, inAll = Infinity, texts = Infinity }: Bounds,
): number[] {
  const perDay = Math.min(budget.postsPerDay ?? Infinity, texts);
  const price = inMicros(prices.post);
  // A post that costs nothing is bounded by no sum.
  const perMonth = price === 0 ? Infinity : Math.floor(inMicros(budget.usdPerMonth ?? Infinity) / price);
  let leftOfMonth = price === 0 ? Infinity : Math.max(0, perMonth - Math.ceil(spent.micros / price));
  let left = inAll;
  return counts.map((count, index) => {
    if (index > 0 && days[index]?.endsWith('-01')) leftOfMonth = perMonth;
    const leftOfDay = index === 0 ? Math.max(0, perDay - spent.posts) : perDay;
    const made = Math.min(count, leftOfDay, leftOfMonth, left);
    left -= made;
    leftOfMonth -= made;
    return made;
  });
}

/** A day of the flock: `2026-08-22`, when it begins and when the next one does. */
interface Day {
  name: string;
  begins: number;
  ends: number;
}

function daysFrom(now: number, timezone: string): Day[] {
  const today = dateOf(now, timezone);
  const begins = (days: number): number => today.add({ days }).toZonedDateTime(timezone).epochMilliseconds;
  return Array.from({ length: shownDays.ahead + 1 }, (_, index) => ({
    name: today.add({ days: index }).toString(),
    begins: begins(index),
    ends: begins(index + 1),
  }));
}

const hour = 3_600_000;
const day = 24 * hour;

/** The schedule of bots that post on the same days, and how long after its slots, rounded down to hours. Milliseconds. */
interface Group {
  key: string;
  schedule: Schedule;
  shift: number;
}

function groupOf(bot: string, { schedule: expression, timezone, spread }: BotSettings): Group {
  const shift = spread < hour ? 0 : Math.floor(offsetIn(spread, bot) / hour) * hour;
  return { key: `${expression}\n${timezone}\n${shift}`, schedule: { expression, timezone }, shift };
}

/** Posts in a part of a day. @param after - the instant before its beginning */
function postsIn({ schedule, shift }: Group, after: number, { ends }: Day): number {
  try {
    return countSlots(schedule, { from: after - shift, until: ends - 1 - shift });
  } catch {
    // The status of its bots says what is wrong with the schedule.
    return 0;
  }
}

function* postsPerDay(group: Group, days: readonly Day[]): Generator<number> {
  for (const day of days) yield postsIn(group, day.begins - 1, day);
}

/** The maximum time that one forecast counts schedules for. Milliseconds. */
const maxCountingTime = 250;

interface ForecastInput extends FlockNow {
  files: readonly BotFiles[];
  /** How each of them stands, in the same order. */
  standing: readonly Pick<BotStatus, 'state' | 'next'>[];
  stateOf: (bot: string) => BotState | undefined;
}

/** Counts each schedule once a day. */
export class SlotForecast {
  readonly #clock: Clock;
  #timezone = '';
  #days: Day[] = [];
  /** The posts of each of those days, by group. */
  readonly #counted = new Map<string, number[]>();
  /** Whether schedules are left to count: their posts are missing until the next forecast. */
  isPartial = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Posts to come by day, the rest of today's included. */
  async planned(input: ForecastInput, turns: EventLoopYield): Promise<Map<string, number>> {
    const { files, standing, stateOf, history, flockBudget, isStopped, now } = input;
    this.#begin(now, flockBudget.timezone);
    const names = this.#days.map(({ name }) => name);
    const totals = names.map(() => 0);
    const known = new Map<string, number[]>();
    const deadline = this.#clock.elapsed() + maxCountingTime;
    for (const [index, bot] of isStopped ? [] : files.entries()) {
      if (turns.isOver) await turns.give();
      const { settings } = bot;
      const stands = standing[index];
      if (!settings || !stands || !willPost(stands, settings, stateOf(bot.bot))) continue;
      const group = groupOf(bot.bot, settings);
      const perDay = this.#counted.get(group.key) ?? (await this.#count(group, deadline, turns));
      if (!perDay) continue;
      const after = stands.state === 'waiting' ? Math.max(now, Date.parse(stands.next ?? '')) : now;
      const key = `${group.key}\n${after}`;
      const counts = known.get(key) ?? this.#countsAfter(after, group, perDay, { owed: after > now ? 1 : 0 });
      known.set(key, counts);
      for (const [index, posts] of within(counts, names, boundsOf(bot, settings, input)).entries())
        totals[index] = (totals[index] ?? 0) + posts;
    }
    const spent = spentByFlock(history, flockBudget.timezone, now);
    const planned = within(totals, names, { ...flockBudget, spent });
    return new Map(names.map((name, index) => [name, planned[index] ?? 0]));
  }

  #begin(now: number, timezone: string): void {
    this.isPartial = false;
    const [today] = this.#days;
    if (today && this.#timezone === timezone && today.begins <= now && now < today.ends) return;
    this.#timezone = timezone;
    this.#days = daysFrom(now, timezone);
    this.#counted.clear();
  }

  /** @returns undefined if there is no time left for it */
  async #count(group: Group, deadline: number, turns: EventLoopYield): Promise<number[] | undefined> {
    if (this.#clock.elapsed() > deadline) {
      this.isPartial = true;
      return undefined;
    }
    const perDay = await turns.all(postsPerDay(group, this.#days));
    this.#counted.set(group.key, perDay);
    return perDay;
  }

  /** @param owed - posts that are made at that instant, besides those of the slots after it */
  #countsAfter(after: number, group: Group, perDay: readonly number[], { owed }: { owed: number }): number[] {
    return this.#days.map((day, index) => {
      const posts = perDay[index] ?? 0;
      if (after < day.begins) return posts;
      return after >= day.ends ? 0 : owed + postsIn(group, after, day);
    });
  }
}

/** Whether a bot will post without a person's help: one that is paused and in doubt will only be checked. */
const willPost = (
  { state, next }: Pick<BotStatus, 'state' | 'next'>,
  { paused }: BotSettings,
  known: BotState | undefined,
): boolean =>
  hasToPost(state) && !(state === 'waiting' && next === undefined) && !paused && known?.paused === undefined;

function boundsOf({ bot, network, lines }: BotFiles, settings: BotSettings, input: ForecastInput): Bounds {
  const { stateOf, flockBudget, now } = input;
  const { budget, timezone, atEnd, refrain } = settings;
  const state = stateOf(bot);
  const length = state ? lengthOf(state.place) : lines;
  return {
    budget,
    prices: (network ? budgetAt(network, flockBudget) : flockBudget).prices,
    spent: spentBy(state, timezone, now),
    inAll: atEnd === 'stop' ? length - (state?.place.next ?? 0) : Infinity,
    // A poem that is read again and again: X refuses a text that was posted lately.
    texts:
      network?.refusesRepetitions === false
        ? Infinity
        : length * (refrain === 'join' ? 2 : 1) * Math.ceil(day / xLimits.remembers.surely),
  };
}

/** A post to come. */
export interface UpcomingPost {
  bot: string;
  /** ISO 8601. */
  at: string;
  /** The first of its lines, counted from 1, and how many of them it has. */
  line: number;
  lines: number;
  text: string;
}

/** What a prediction begins from. */
interface Beginning {
  stateOf: (bot: string) => BotState | undefined;
  history: FlockHistory;
  flockBudget: FlockBudget;
  now: number;
}

/** A bot in trouble takes steps without a post, which must not go on for ever. */
const maxStepsPerPost = 50;

/**
 * The next posts of a few bots in the order of time, as `flockd plan` predicts them. Their poems are read for it.
 *
 * @param until - no post after this instant. Milliseconds since 1970
 */
export async function predictPosts(
  bots: readonly Bot[],
  { stateOf, history, flockBudget, now }: Beginning,
  { max, until }: { max: number; until: number },
): Promise<UpcomingPost[]> {
  const known = new Map(
    bots.flatMap(({ name }) => {
      const state = stateOf(name);
      return state ? [[name, state] as const] : [];
    }),
  );
  const planned = bots.map((bot) => {
    return { ...bot, network: networkFor(bot.bundle), account: bot.bundle.screenName };
  });
  const { bots: ready } = await readBots({ bots: planned, invalidBots: [] }, known, readPoem);
  const shared = { flockBudget, history: new FlockHistory(history.toJSON()), deadline: maxRequest };
  const posts: UpcomingPost[] = [];
  const prediction = new Prediction(ready, shared, now);
  for (const { bot, at, line, lines, text } of prediction.until(until, {
    mostSteps: max * maxStepsPerPost,
  })) {
    posts.push({ bot, at: iso(at), line: line + 1, lines, text });
    if (posts.length === max) break;
  }
  return posts;
}

/** How many posts of the day are shown one by one. */
const maxUpcoming = 12;

/** How a bot stands. */
interface Standing extends Pick<BotStatus, 'bot' | 'state' | 'next'> {
  pausedSince: string | undefined;
}

interface Today extends Beginning {
  botOf: (name: string) => Bot | undefined;
  standing: readonly Standing[];
  /** Another value for a poem that has changed. */
  poemOf: (bot: string) => unknown;
  isStopped: boolean;
  /** When the flock's day ends. Milliseconds since 1970. */
  ends: number;
}

/** The next posts of a flock today. They are predicted again only when something that they depend on has changed. */
export class UpcomingToday {
  #known: { marks: readonly unknown[]; posts: UpcomingPost[] } = { marks: [], posts: [] };

  async posts({ botOf, standing, poemOf, isStopped, ends, ...beginning }: Today): Promise<UpcomingPost[]> {
    const { stateOf, history, now } = beginning;
    // The first posts of all are among the first posts of those bots that post first.
    const names = isStopped ? [] : firstOf(standing, iso(ends));
    const chosen = names.flatMap((name) => botOf(name) ?? []);
    const spent = history.days.at(history.days.recent[0] ?? 0);
    const marksOf = (bot: Bot): unknown[] => [bot, stateOf(bot.name), poemOf(bot.name)];
    const marks = [ends, spent.posts, spent.micros, ...chosen.flatMap(marksOf)];
    const { marks: before } = this.#known;
    const isSame = marks.length === before.length && marks.every((mark, n) => mark === before[n]);
    const isAhead = this.#known.posts.every(({ at }) => Date.parse(at) > now);
    if (!isSame || !isAhead) {
      const posts = await predictPosts(chosen, beginning, { max: maxUpcoming, until: ends - 1 });
      this.#known = { marks, posts };
    }
    return this.#known.posts;
  }
}

/** The names of the bots that post first, soonest first. @param before - only before this instant, in ISO 8601 */
function firstOf(standing: readonly Standing[], before: string): string[] {
  const first: { bot: string; next: string }[] = [];
  for (const { bot, state, next, pausedSince } of standing) {
    // A flock can be large, and nearly all of it comes later.
    const last = first.length < maxUpcoming ? before : (first.at(-1)?.next ?? before);
    if (next === undefined || next >= last || pausedSince !== undefined || !hasToPost(state)) continue;
    first.splice(first.findLastIndex((one) => one.next <= next) + 1, 0, { bot, next });
    first.splice(maxUpcoming);
  }
  return first.map(({ bot }) => bot);
}
