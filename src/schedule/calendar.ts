import { hash } from 'node:crypto';
import { Temporal } from 'temporal-polyfill';
import { nextAfter, type Schedule } from './schedule.ts';

/** When the current day and month of a time zone end. Milliseconds since 1970. */
export interface CalendarEnds {
  day: number;
  month: number;
}

interface Known extends CalendarEnds {
  from: number;
}

/** What was found last for each zone: every bot asks for it at every post. */
const known = new Map<string, Known>();
const maxZones = 1000;

/** @param instant - milliseconds since 1970 */
export function calendarEnds(timezone: string, instant: number): CalendarEnds {
  const last = known.get(timezone);
  if (last && last.from <= instant && instant < last.day) return last;
  const today = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timezone).startOfDay();
  const found = {
    from: today.epochMilliseconds,
    day: today.add({ days: 1 }).startOfDay().epochMilliseconds,
    month: today.with({ day: 1 }).add({ months: 1 }).startOfDay().epochMilliseconds,
  };
  if (known.size >= maxZones) known.clear();
  known.set(timezone, found);
  return found;
}

/**
 * How long after its slot a bot posts, so that a flock on one schedule does not post all at once.
 * It is fixed for a bot: the same name and spread always give the same offset.
 *
 * @param spread - milliseconds
 * @returns milliseconds, at least 0 and below `spread`
 */
export function offsetIn(spread: number, bot: string): number {
  if (spread <= 0) return 0;
  const share = hash('sha256', bot, 'buffer').readUInt32BE(0) / 2 ** 32;
  return Math.floor(share * spread);
}

/** When a bot posts: at the slots of its schedule, each time later by the offset that its spread gives it. */
export class BotSchedule {
  readonly offset: number;
  readonly #slots: Schedule;

  constructor(
    bot: string,
    { schedule, timezone, spread }: { schedule: string; timezone: string; spread: number },
  ) {
    this.offset = offsetIn(spread, bot);
    this.#slots = { expression: schedule, timezone };
  }

  /** The first slot after an instant, or undefined where there is none in the next 40 years. */
  nextSlot(after: number): number | undefined {
    return nextAfter(this.#slots, after);
  }

  /** When a bot posts next that has served all slots up to an instant. */
  nextPost(served: number): number | undefined {
    const slot = this.nextSlot(served);
    return slot === undefined ? undefined : slot + this.offset;
  }
}

const hour = 3_600_000;

/** Longer than this, or of more slots, a stretch is not counted slot by slot, but hour by hour. */
const maxStretch = 40 * 24 * hour;
const maxSlots = 50_000;

/** A stretch of time, in milliseconds since 1970; its beginning is not in it, its end is. */
export interface Stretch {
  from: number;
  until: number;
}

/**
 * How many slots a schedule has in a stretch, without looking at each: every hour of a cron schedule that has slots has as
 * many as any other. Not exact where the stretch begins or ends within such an hour, or the clock changes.
 *
 * @param enough - where there are surely no more than so many, the answer may be anything up to it
 */
export function countSlots(schedule: Schedule, stretch: Stretch, enough: number): number {
  const inHour = slotsInHour(schedule, stretch.from);
  const atMost = inHour * Math.ceil((stretch.until - stretch.from) / hour);
  if (atMost <= enough) return atMost;
  let hours = 0;
  for (let slot = nextAfter(schedule, stretch.from); slot !== undefined && slot <= stretch.until; hours++)
    slot = nextAfter(schedule, slot + hour - 1);
  return hours * inHour;
}

/** Where the first hour has begun already, the next one that follows a pause has not. */
function slotsInHour(schedule: Schedule, after: number): number {
  const first = nextAfter(schedule, after);
  if (first === undefined) return 0;
  const second = nextAfter(schedule, first + hour - 1);
  return Math.max(slotsFrom(schedule, first), second === undefined ? 0 : slotsFrom(schedule, second));
}

function slotsFrom(schedule: Schedule, first: number): number {
  let count = 0;
  for (let slot: number | undefined = first; slot !== undefined && slot < first + hour; count++)
    slot = nextAfter(schedule, slot);
  return count;
}

/** How many slots a schedule has in a stretch, one by one. @param most - the answer where there are more */
export function countEach(schedule: Schedule, { from, until }: Stretch, most = Infinity): number {
  let count = -1;
  for (let slot: number | undefined = from; slot !== undefined && slot <= until && count < most; count++)
    slot = nextAfter(schedule, slot);
  return count;
}

/** How many slots a schedule has in a stretch; about, where it is long or they are many. */
export function slotsWithin(schedule: Schedule, stretch: Stretch): number {
  const isLong = stretch.until - stretch.from > maxStretch;
  const each = isLong ? maxSlots : countEach(schedule, stretch, maxSlots);
  return each < maxSlots ? each : countSlots(schedule, stretch, 0);
}

/** The same, where many bots ask the same: each schedule is counted once. */
export function slotCounter(): typeof slotsWithin {
  const known = new Map<string, number>();
  return (schedule, stretch) => {
    const key = JSON.stringify([schedule, stretch]);
    const count = known.get(key) ?? slotsWithin(schedule, stretch);
    known.set(key, count);
    return count;
  };
}
