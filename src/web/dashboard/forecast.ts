import type { Clock } from '../../clock.ts';
import type { BotSettings, Budget } from '../../config/flock-file.ts';
import { inMicros, type PriceTable } from '../../cost.ts';
import type { BotFiles, BotStatus } from '../../flock/status.ts';
import { dateOf, shownDays } from '../../flock/view.ts';
import { lengthOf } from '../../ledger/cursor.ts';
import type { FlockHistory } from '../../ledger/history.ts';
import { spentBy, spentByFlock } from '../../ledger/spending.ts';
import type { BotState } from '../../ledger/state.ts';
import { xLimits } from '../../plan/x-limits.ts';
import type { FlockBudget } from '../../posting/budget.ts';
import { nextAfter, offsetIn, type Schedule } from '../../schedule/schedule.ts';
import { EventLoopYield } from '../../yield.ts';

/** What bounds posts besides the schedule. */
interface Bounds {
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

/** The days that are shown, from today on. */
interface Days {
  /** `2026-08-22` */
  names: string[];
  /** When each begins, and when the last ends. */
  starts: number[];
}

/** The slots of one schedule in those days, one by one where they are few, or else how many there are in a day. */
type Slots = { instants: number[] } | { perDay: number; active: boolean[] };

/** Slots that are counted one by one for one schedule, and for one busy day. */
const maxKnown = 200;
const maxPerDay = 1500;

/** @param now - milliseconds since 1970 */
function daysFrom(now: number, timezone: string): Days {
  const today = dateOf(now, timezone);
  const dates = Array.from({ length: shownDays.ahead + 2 }, (_, index) => today.add({ days: index }));
  return {
    names: dates.slice(0, -1).map(String),
    starts: dates.map((date) => date.toZonedDateTime(timezone).epochMilliseconds),
  };
}

/** The slots of a schedule in those days. @param shift - how much later than them a bot posts, in milliseconds */
function slotsIn(schedule: Schedule, shift: number, { starts }: Days): Slots {
  const [begins = 0] = starts;
  const ends = (starts.at(-1) ?? 0) - shift;
  const instants: number[] = [];
  for (
    let slot = nextAfter(schedule, begins - shift - 1);
    slot !== undefined && slot < ends;
    slot = nextAfter(schedule, slot)
  ) {
    instants.push(slot + shift);
    if (instants.length > maxKnown) return busySlots(schedule, starts);
  }
  return { instants };
}

/** A schedule with many slots a day has as many on every day on which it has any. */
function busySlots(schedule: Schedule, starts: readonly number[]): Slots {
  const active = starts.slice(1).map((end, index) => {
    const slot = nextAfter(schedule, (starts[index] ?? 0) - 1);
    return slot !== undefined && slot < end;
  });
  const whole = active.indexOf(true, 1);
  const [begins = 0, ends = 0] = starts.slice(Math.max(whole, 0));
  let perDay = 0;
  for (
    let slot = nextAfter(schedule, begins - 1);
    slot !== undefined && slot < ends;
    slot = nextAfter(schedule, slot)
  ) {
    if (++perDay === maxPerDay)
      return { perDay: Math.round((perDay * (ends - begins)) / (slot - begins)), active };
  }
  return { perDay, active };
}

/** How many slots each day has after an instant, be it now or later. */
function countSlots(slots: Slots, { starts }: Days, after: number): number[] {
  const counts = starts.slice(1).map(() => 0);
  if ('perDay' in slots) {
    return counts.map((_, day) => {
      const [begins = 0, ends = 1] = starts.slice(day, day + 2);
      const left = Math.min(1, Math.max(0, (ends - after) / (ends - begins)));
      return slots.active[day] === true ? Math.round(slots.perDay * left) : 0;
    });
  }
  let day = 0;
  for (const at of slots.instants) {
    while (day < counts.length && at >= (starts[day + 1] ?? Infinity)) day++;
    if (at > after && day < counts.length) counts[day] = (counts[day] ?? 0) + 1;
  }
  return counts;
}

/** How long one view waits for schedules that were not counted yet. Milliseconds. */
const maxCountingTime = 250;

const hour = 3_600_000;
const day = 24 * hour;

type Standing = Pick<BotStatus, 'state' | 'next'>;

interface ForecastInput {
  files: readonly BotFiles[];
  /** How each of them stands, in the same order. */
  standing: readonly Standing[];
  state: (bot: string) => BotState | undefined;
  history: FlockHistory;
  purse: FlockBudget;
  isStopped: boolean;
  /** The moment that all this is of. Milliseconds since 1970. */
  now: number;
}

/**
 * How many posts each of the next days will see at most, as far as schedules, budgets, pauses and the lines that are left tell.
 * `flockd plan` says how many it will be, but asks every line whether X takes it, and takes longer. Each schedule is counted once a day, with room for posts in between.
 */
export class SlotForecast {
  readonly #clock: Clock;
  #days: { timezone: string; days: Days } | undefined;
  readonly #slots = new Map<string, Slots>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts what was not counted yet, as far as there is time for it. */
  async count({ files, purse }: Pick<ForecastInput, 'files' | 'purse'>): Promise<void> {
    const days = this.#today(purse.timezone, this.#clock.now());
    const until = this.#clock.elapsed() + maxCountingTime;
    for (const { bot, settings } of files) {
      if (!settings || this.#slots.has(groupOf(bot, settings).key)) continue;
      const { key, schedule, shift } = groupOf(bot, settings);
      this.#slots.set(key, slotsOrNone(schedule, shift, days));
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#clock.elapsed() > until) return;
    }
  }

  /** Posts to come by day, the rest of today's included. */
  async planned(input: ForecastInput, turns = new EventLoopYield()): Promise<Map<string, number>> {
    const { files, standing, history, purse, isStopped, now } = input;
    const days = this.#today(purse.timezone, now);
    const counter = new Counter(new Map(this.#slots), days, input);
    for (const [index, bot] of isStopped ? [] : files.entries()) {
      counter.add(bot, standing[index]);
      if (turns.isOver) await turns.give();
    }
    const all = boundsOf(purse.budget, purse.prices, spentByFlock(history, purse.timezone, now));
    const planned = within(counter.counts(), days.names, all);
    return new Map(days.names.map((name, index) => [name, planned[index] ?? 0]));
  }

  #today(timezone: string, now: number): Days {
    const known = this.#days;
    const [begins = 0, ends = 0] = known?.days.starts ?? [];
    if (known?.timezone === timezone && begins <= now && now < ends) return known.days;
    const days = daysFrom(now, timezone);
    this.#days = { timezone, days };
    this.#slots.clear();
    return days;
  }
}

/** A schedule whose slots cannot be found has none; its bot's status says why. */
function slotsOrNone(schedule: Schedule, shift: number, days: Days): Slots {
  try {
    return slotsIn(schedule, shift, days);
  } catch {
    return { instants: [] };
  }
}

/** Adds up what one bot after the other will post. */
class Counter {
  readonly #slots: ReadonlyMap<string, Slots>;
  readonly #days: Days;
  readonly #input: Pick<ForecastInput, 'state' | 'purse' | 'now'>;
  readonly #counts: number[];
  readonly #counted: ReadonlyMap<string, number[]>;
  readonly #most: ReadonlyMap<string, number>;
  readonly #unbounded = new Map<string, number>();

  constructor(
    slots: ReadonlyMap<string, Slots>,
    days: Days,
    input: Pick<ForecastInput, 'state' | 'purse' | 'now'>,
  ) {
    this.#slots = slots;
    this.#days = days;
    this.#input = input;
    this.#counts = days.names.map(() => 0);
    this.#counted = new Map([...slots].map(([key, found]) => [key, countSlots(found, days, input.now)]));
    this.#most = new Map([...this.#counted].map(([key, posts]) => [key, Math.max(...posts)]));
  }

  add({ bot, settings, lines }: BotFiles, stands: Standing | undefined): void {
    const { state, purse, now } = this.#input;
    const known = state(bot);
    if (!settings || !stands || known?.paused !== undefined || settings.paused || rests(stands)) return;
    const { key } = groupOf(bot, settings);
    const counted = this.#counted.get(key) ?? [];
    const length = known ? lengthOf(known.place) : lines;
    const texts = textsOf(length, settings);
    const bounds = boundsOf(settings.budget, purse.prices, spentBy(known, settings.timezone, now), {
      inAll: settings.atEnd === 'stop' ? length - (known?.place.next ?? 0) : Infinity,
      texts: texts < (this.#most.get(key) ?? 0) ? texts : Infinity,
    });
    const waitsUntil = stands.state === 'waiting' ? Date.parse(stands.next ?? '') : 0;
    const { names } = this.#days;
    if (waitsUntil > now) this.#add(within(this.#slotsFrom(key, waitsUntil), names, bounds));
    else if (isUnbounded(bounds)) this.#unbounded.set(key, (this.#unbounded.get(key) ?? 0) + 1);
    else this.#add(within(counted, names, bounds));
  }

  /** By day. */
  counts(): readonly number[] {
    for (const [key, bots] of this.#unbounded) this.#add(this.#counted.get(key) ?? [], bots);
    this.#unbounded.clear();
    return this.#counts;
  }

  #add(posts: readonly number[], times = 1): void {
    posts.forEach((more, day) => (this.#counts[day] = (this.#counts[day] ?? 0) + more * times));
  }

  /** The slots after a bot has waited, and the post that it owes then. */
  #slotsFrom(key: string, until: number): number[] {
    const slots = this.#slots.get(key);
    if (!slots) return [];
    const owed = this.#days.starts.findIndex((start) => start > until) - 1;
    return countSlots(slots, this.#days, until).map((posts, day) => (day === owed ? posts + 1 : posts));
  }
}

/** Whether a bot posts nothing before somebody does something about it. What is in doubt or looked for is soon known. */
const rests = ({ state, next }: Standing): boolean =>
  ['unfit', 'parked', 'paused', 'stopped', 'finished'].includes(state) ||
  (state === 'waiting' && next === undefined);

/** How many posts X takes of a poem in a day, which it reads again and again: a text is refused that was posted lately. */
const textsOf = (lines: number, { refrain }: BotSettings): number =>
  lines * (refrain === 'join' ? 2 : 1) * Math.ceil(day / xLimits.remembers.surely);

/** Bots that post on the same days. */
interface Group {
  key: string;
  schedule: Schedule;
  /** How much later than its slots it posts, in milliseconds: to the hour is close enough. */
  shift: number;
}

function groupOf(bot: string, { schedule: expression, timezone, spread }: BotSettings): Group {
  const shift = spread < hour ? 0 : Math.floor(offsetIn(spread, bot) / hour) * hour;
  return { key: `${expression}\n${timezone}\n${shift}`, schedule: { expression, timezone }, shift };
}
