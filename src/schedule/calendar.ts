import { hash } from 'node:crypto';
import { Temporal } from 'temporal-polyfill';
import { nextAfter, type Schedule } from './schedule.ts';

/*
 * The calendar around schedules: where days and months end, the offset of a bot in its slot, and how many slots a stretch has.
 */

/** When the current day and month of a time zone end. Milliseconds since 1970. */
export interface CalendarEnds {
  day: number;
  month: number;
}

/** The last answer for each zone, since every bot asks at every post; it is valid from the start of its day. */
const cache = new Map<string, CalendarEnds & { from: number }>();
const maxZones = 1000;

/** @param instant - milliseconds since 1970 */
export function calendarEnds(timezone: string, instant: number): CalendarEnds {
  const last = cache.get(timezone);
  if (last && last.from <= instant && instant < last.day) return last;
  const today = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timezone).startOfDay();
  const found = {
    from: today.epochMilliseconds,
    day: today.add({ days: 1 }).startOfDay().epochMilliseconds,
    month: today.with({ day: 1 }).add({ months: 1 }).startOfDay().epochMilliseconds,
  };
  if (cache.size >= maxZones) cache.clear();
  cache.set(timezone, found);
  return found;
}

/**
 * How long after its slot a bot posts, so that bots on one schedule do not all post at once. The offset of a bot is fixed: the
 * same name and spread always give the same offset.
 *
 * @param spread - milliseconds
 * @returns milliseconds, at least 0 and below `spread`
 */
export function offsetIn(spread: number, bot: string): number {
  if (spread <= 0) return 0;
  const share = hash('sha256', bot, 'buffer').readUInt32BE(0) / 2 ** 32;
  return Math.floor(share * spread);
}

/** When a bot posts: at the slots of its schedule, each later by the bot's offset. */
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

  /** The first slot after an instant, or undefined if there is none in the next 40 years. */
  nextSlot(after: number): number | undefined {
    return nextAfter(this.#slots, after);
  }

  /** When the bot posts next, once it has served all slots up to an instant. */
  nextPost(served: number): number | undefined {
    const slot = this.nextSlot(served);
    return slot === undefined ? undefined : slot + this.offset;
  }
}

const hour = 3_600_000;

/** A stretch that is longer, or has more slots, is counted by hours and not by slots. */
const maxStretch = 40 * 24 * hour;
const maxSlots = 50_000;

/** A stretch of time, without its beginning and with its end. Milliseconds since 1970. */
export interface Stretch {
  from: number;
  until: number;
}

/**
 * How many slots a schedule has in a stretch, counted by hours: every hour of a cron schedule that has slots has the same number.
 * It is approximate if the stretch begins or ends within such an hour, or the clock changes.
 *
 * @param enough - if there are certainly not more slots than this, the answer may be any number up to it
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

/** The slots in an hour with slots. The first such hour may have begun already, so the next one is counted, too. */
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

/** How many slots a schedule has in a stretch, counted one by one. @param max - the answer if there are more */
export function countEach(schedule: Schedule, { from, until }: Stretch, max = Infinity): number {
  let count = -1;
  for (let slot: number | undefined = from; slot !== undefined && slot <= until && count < max; count++)
    slot = nextAfter(schedule, slot);
  return count;
}

/** How many slots a schedule has in a stretch; approximate for a long stretch or many slots. */
export function slotsWithin(schedule: Schedule, stretch: Stretch): number {
  const isLong = stretch.until - stretch.from > maxStretch;
  const each = isLong ? maxSlots : countEach(schedule, stretch, maxSlots);
  return each < maxSlots ? each : countSlots(schedule, stretch, 0);
}

/** {@link slotsWithin} with a cache, for many bots on the same schedules. */
export function slotCounter(): typeof slotsWithin {
  const known = new Map<string, number>();
  return (schedule, stretch) => {
    const key = JSON.stringify([schedule, stretch]);
    const count = known.get(key) ?? slotsWithin(schedule, stretch);
    known.set(key, count);
    return count;
  };
}
