import type { Clock } from '../clock.ts';
import type { BotSettings } from '../config/flock-file.ts';
import type { BotFiles, BotStatus } from '../flock/status.ts';
import type { FlockHistory } from '../ledger/history.ts';
import type { BotState } from '../ledger/state.ts';
import { xLimits } from '../plan/x-limits.ts';
import { type Purse, spentBy, spentByFlock } from '../posting/budget.ts';
import { lengthOf } from '../posting/cursor.ts';
import { offsetIn } from '../schedule/calendar.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { Turns } from '../yield.ts';
import { boundsOf, isUnbounded, within } from './post-bounds.ts';
import { countSlots, type Days, daysFrom, type Slots, slotsIn } from './slot-counts.ts';

/** How long one view waits for schedules that were not counted yet. Milliseconds. */
const patience = 250;

const hour = 3_600_000;
const day = 24 * hour;

type Standing = Pick<BotStatus, 'state' | 'next'>;

export interface ForecastInput {
  files: readonly BotFiles[];
  /** How each of them stands, in the same order. */
  standing: readonly Standing[];
  state: (bot: string) => BotState | undefined;
  history: FlockHistory;
  purse: Purse;
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
    const until = this.#clock.elapsed() + patience;
    for (const { bot, settings } of files) {
      if (!settings || this.#slots.has(groupOf(bot, settings).key)) continue;
      const { key, schedule, shift } = groupOf(bot, settings);
      this.#slots.set(key, slotsOrNone(schedule, shift, days));
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#clock.elapsed() > until) return;
    }
  }

  /** Posts to come by day, the rest of today's included. */
  async planned(input: ForecastInput, turns = new Turns()): Promise<Map<string, number>> {
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
