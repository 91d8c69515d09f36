import { hash } from 'node:crypto';
import { createTask, validateDetailed } from 'node-cron';
import { Temporal } from 'temporal-polyfill';
import { listed, nearest, quoted } from '../text.ts';

/*
 * The slots of a schedule, through changes of the zone's clock: the next one, how many there are, and when a bot posts. Also the
 * ends of days and months, and the checks of the schedule and the time zone that a person wrote.
 */

/** When a bot posts: a cron expression of 5 or 6 fields in an IANA time zone. */
export interface Schedule {
  expression: string;
  timezone: string;
}

/** An expression with single spaces between its fields; crontabs may have any white space. */
export const plainExpression = (expression: string): string => expression.trim().split(/\s+/).join(' ');

/** What is wrong with a cron expression, or undefined. The message names the field and quotes nothing that could be a secret. */
export function scheduleFault(written: string): string | undefined {
  const expression = plainExpression(written);
  if (calendars.has(expression)) return undefined;
  const { fields, errors } = validateDetailed(expression);
  const [error] = errors;
  if (!error && fields) calendars.set(expression, calendarOf(fields));
  if (!error) return undefined;
  const shown = quoted(error.value ?? expression);
  if (error.field === 'expression') return `${shown} is not a cron expression: ${error.message}`;
  const field = error.field.replaceAll(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);
  if (error.message.includes('impossible'))
    return `${quoted(expression)} never comes: wrong ${field} ${shown}`;
  return `${shown} is not a good ${field} in ${quoted(expression)}`;
}

/** A parsed expression. */
interface Calendar {
  hours: number[];
  minutes: number[];
  seconds: number[];
  everyHour: boolean;
  /** Whether the expression matches a date, given as days since 1970-01-01. */
  matchesDay: (epochDay: number) => boolean;
}

/** The calendars of valid expressions: node-cron takes a fraction of a millisecond to parse one. */
const calendars = new Map<string, Calendar>();

function parsed(expression: string): Calendar {
  const known = calendars.get(expression);
  if (known) return known;
  const fault = scheduleFault(expression);
  if (fault !== undefined) throw new RangeError(fault);
  return parsed(plainExpression(expression));
}

type Fields = NonNullable<ReturnType<typeof validateDetailed>['fields']>;

const calendarOf = ({ hour, minute, second, dayOfMonth, month, dayOfWeek }: Fields): Calendar => ({
  hours: ascending(hour),
  minutes: ascending(minute),
  seconds: ascending(second),
  everyHour: hour.length === 24,
  matchesDay: dateTestFor(`${dayOfMonth.join(',')} ${month.join(',')} ${dayOfWeek.join(',')}`),
});

/** Sorted, since node-cron keeps the order of `21,9`. */
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** The date tests. Expressions that differ only in the time of day share one, since node-cron is slow. */
const dateTests = new Map<string, Calendar['matchesDay']>();

/** @param dates - the last three fields of an expression */
function dateTestFor(dates: string): Calendar['matchesDay'] {
  const known = dateTests.get(dates);
  if (known) return known;
  // A task that is never started, for noon UTC of every matching date.
  const task = createTask(`0 0 12 ${dates}`, () => undefined, { timezone: 'UTC' });
  const answers = new Map<number, boolean>();
  const test = (epochDay: number): boolean => {
    const answer = answers.get(epochDay) ?? task.match(new Date((epochDay + 0.5) * day));
    answers.set(epochDay, answer);
    return answer;
  };
  dateTests.set(dates, test);
  return test;
}

const hour = 3_600_000;
const day = 24 * hour;

/** How far ahead slots are searched: a 29 February on a given weekday can be 40 years away. Days. */
const maxDays = 41 * 365.25;

/**
 * The first slot of a schedule after an instant, or undefined if there is none in the next 40 years.
 *
 * node-cron is the calendar: it reads the expression and decides which dates match (day of month and day of week must both
 * match). The time of day is found here, because node-cron loses slots when the zone's clock changes:
 * - a fixed time that the clock skips becomes the first instant after the gap, once;
 * - a fixed time that occurs twice counts only the first time;
 * - a schedule for every hour keeps its interval in real time through both changes.
 *
 * @param instant - milliseconds since 1970
 * @throws {RangeError} if the expression or the time zone is invalid
 */
export function nextAfter({ expression, timezone }: Schedule, instant: number): number | undefined {
  const calendar = parsed(expression);
  const today = dayAt(timezone, instant).epochDay;
  for (let epochDay = today; epochDay < today + maxDays; epochDay++) {
    if (!calendar.matchesDay(epochDay)) continue;
    const [slot] = slotsIn(calendar, dayOf(timezone, epochDay), instant);
    if (slot !== undefined) return slot;
  }
  return undefined;
}

/** Whether the clock does not change within a day or at either end, so that no time is skipped or occurs twice. */
const isPlain = ({ midnight, begins, ends, parts }: ZoneDay): boolean =>
  parts.length === 1 && begins + (parts[0]?.offset ?? 0) === midnight && ends - begins === day;

/** The slots of a day after an instant, in order. */
function* slotsIn(calendar: Calendar, zoneDay: ZoneDay, after: number): Generator<number> {
  const { midnight, ends, parts } = zoneDay;
  if (calendar.everyHour || isPlain(zoneDay)) {
    for (const { from, until, offset } of parts) {
      for (const time of timesFrom(calendar, Math.max(from, after) + offset - midnight)) {
        const slot = midnight + time - offset;
        if (slot >= until) break;
        if (slot >= from && slot > after) yield slot;
      }
    }
    return;
  }
  // Each time counts once: at its first occurrence, or after the gap that skips it.
  let last = after;
  for (const time of timesFrom(calendar, 0)) {
    const local = midnight + time;
    const part = parts.find(({ until, offset }) => local < until + offset);
    const slot = part ? Math.max(part.from, local - part.offset) : ends;
    if (slot <= last) continue;
    yield slot;
    last = slot;
  }
}

/** The matching times of day, in milliseconds since midnight; at least those from `from` on. */
function* timesFrom({ hours, minutes, seconds }: Calendar, from: number): Generator<number> {
  for (const h of hours) {
    if ((h + 1) * hour <= from) continue;
    for (const m of minutes) {
      if (h * hour + (m + 1) * 60_000 <= from) continue;
      for (const s of seconds) yield h * hour + m * 60_000 + s * 1000;
    }
  }
}

/** A day in a time zone. Milliseconds since 1970, unless noted. */
interface ZoneDay {
  /** Days from 1970-01-01 to its date. */
  epochDay: number;
  /** Midnight as the zone's clock shows it, which some days do not have. */
  midnight: number;
  begins: number;
  ends: number;
  /** The parts of the day between two changes of the clock, each with the clock's offset from UTC. Most days have one. */
  parts: { from: number; until: number; offset: number }[];
}

/** A cache of days, by zone and date: bots ask for the same days, and Temporal is slow. */
const days = new Map<string, ZoneDay>();
const maxDaysInCache = 10_000;

/** A day of a zone by its date. */
function dayOf(timezone: string, epochDay: number): ZoneDay {
  const key = `${epochDay} ${timezone}`;
  const known = days.get(key);
  if (known) return known;
  if (days.size >= maxDaysInCache) days.clear();
  const found = findDay(timezone, epochDay);
  days.set(key, found);
  return found;
}

/** The day of a zone that an instant is in. Its date is that of UTC, the one before or the one after. */
function dayAt(timezone: string, instant: number): ZoneDay {
  const inUtc = Math.floor(instant / day);
  for (const epochDay of [inUtc, inUtc - 1]) {
    const found = dayOf(timezone, epochDay);
    if (found.begins <= instant && instant < found.ends) return found;
  }
  return dayOf(timezone, inUtc + 1);
}

function findDay(timezone: string, epochDay: number): ZoneDay {
  const date = new Temporal.PlainDate(1970, 1, 1).add({ days: epochDay });
  const begins = date.toZonedDateTime(timezone).epochMilliseconds;
  const ends = date.add({ days: 1 }).toZonedDateTime(timezone).epochMilliseconds;
  const clockAt = (instant: number): Temporal.ZonedDateTime =>
    Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timezone);
  const offsetAt = (instant: number): number => clockAt(instant).offsetNanoseconds / 1e6;
  const parts: ZoneDay['parts'] = [];
  for (let from = begins; from < ends; from = parts.at(-1)?.until ?? ends) {
    const offset = offsetAt(from);
    const change = offset === offsetAt(ends - 1) ? undefined : clockAt(from).getTimeZoneTransition('next');
    parts.push({ from, until: Math.min(change?.epochMilliseconds ?? ends, ends), offset });
  }
  return { epochDay, midnight: epochDay * day, begins, ends, parts };
}

/** When the current day and month of a time zone end. @param instant - milliseconds since 1970, as the result */
export function calendarEnds(timezone: string, instant: number): { day: number; month: number } {
  const { midnight, ends } = dayAt(timezone, instant);
  const date = new Date(midnight);
  const nextMonth = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  return { day: ends, month: dayOf(timezone, nextMonth / day).begins };
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

/** A stretch of time, without its beginning and with its end. Milliseconds since 1970. */
export interface Stretch {
  from: number;
  until: number;
}

/** How many slots a schedule has in a stretch. It is quick for long stretches: a day without a change of the clock is known. */
export function countSlots({ expression, timezone }: Schedule, { from, until }: Stretch): number {
  const calendar = parsed(expression);
  const perDay = calendar.hours.length * calendar.minutes.length * calendar.seconds.length;
  const last = dayAt(timezone, until).epochDay;
  let count = 0;
  let counted = from;
  for (let { epochDay } = dayAt(timezone, from); epochDay <= last; epochDay++) {
    if (!calendar.matchesDay(epochDay)) continue;
    const zoneDay = dayOf(timezone, epochDay);
    if (counted < zoneDay.begins && zoneDay.ends <= until + 1 && isPlain(zoneDay)) count += perDay;
    else
      for (const slot of slotsIn(calendar, zoneDay, counted)) {
        if (slot > until) break;
        counted = slot;
        count++;
      }
  }
  return count;
}

/** What is wrong with the name of a time zone, and what was probably meant; undefined for one of the IANA database. */
export function timezoneFault(name: string): { message: string; hint: string } | undefined {
  if (isTimezone(name)) return undefined;
  const meant = suggestions(name).map((zone) => JSON.stringify(zone));
  return {
    message: `${quoted(name)} is not an IANA time zone such as "Europe/Berlin"`,
    hint:
      meant.length === 0
        ? 'name a city of the zone: its clock changes to summer time by itself'
        : `did you mean ${listed(meant, 'or')}?`,
  };
}

/** A cache of valid zones. */
const validZones = new Set<string>();

/** Whether both Temporal, which finds slots, and Intl, which shows times, know a zone; each accepts names that the other does not. */
function isTimezone(name: string): boolean {
  if (validZones.has(name)) return true;
  try {
    const date = Temporal.PlainDate.from('2000-01-01').toZonedDateTime(name);
    date.getTimeZoneTransition('next');
    new Intl.DateTimeFormat('en', { timeZone: name }).format(0);
    // Both accept an offset from UTC, too, which is refused: it has no summer time.
    if (/^[A-Za-z]/.test(name)) validZones.add(name);
    return validZones.has(name);
  } catch {
    return false;
  }
}

function suggestions(name: string): readonly string[] {
  const meantBy = Object.entries(abbreviations).filter(([, names]) =>
    names.split(' ').includes(name.trim().toUpperCase()),
  );
  if (meantBy.length > 0) return meantBy.map(([zone]) => zone);
  const city = name
    .trim()
    .split(/[\s_]+/)
    .map(capital)
    .join('_');
  const inRegion = regions.map((region) => `${region}/${city}`).filter(isTimezone);
  if (inRegion.length > 0) return inRegion;
  const meant = nearest(name, Intl.supportedValuesOf('timeZone'));
  return meant === undefined ? [] : [meant];
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();

const regions = ['Africa', 'America', 'Asia', 'Atlantic', 'Australia', 'Europe', 'Indian', 'Pacific'];

/** The abbreviations that people use for a zone. */
const abbreviations = {
  'Australia/Adelaide': 'ACDT ACST',
  'Australia/Darwin': 'ACST',
  'America/Halifax': 'ADT AST',
  'Australia/Sydney': 'AEDT AEST AET',
  'Australia/Brisbane': 'AEST',
  'America/Anchorage': 'AKDT AKST',
  'America/Argentina/Buenos_Aires': 'ART',
  'Asia/Riyadh': 'AST',
  'Australia/Perth': 'AWST',
  'America/Sao_Paulo': 'BRT',
  'Europe/London': 'BST',
  'Africa/Maputo': 'CAT',
  'America/Chicago': 'CDT CST CT',
  'Europe/Berlin': 'CEST MEST MESZ MEZ',
  'America/Santiago': 'CLT',
  'America/Bogota': 'COT',
  'Asia/Shanghai': 'CST',
  'Africa/Nairobi': 'EAT',
  'America/New_York': 'EDT ET',
  'Europe/Athens': 'EEST',
  'Asia/Dubai': 'GST',
  'Asia/Hong_Kong': 'HKT',
  'Asia/Bangkok': 'ICT',
  'Asia/Kolkata': 'IST',
  'Europe/Dublin': 'IST',
  'Asia/Jerusalem': 'IDT IST',
  'Asia/Tokyo': 'JST',
  'Asia/Seoul': 'KST',
  'America/Denver': 'MDT MT',
  'Europe/Moscow': 'MSK',
  'America/St_Johns': 'NDT NST',
  'Asia/Kathmandu': 'NPT',
  'Pacific/Auckland': 'NZDT NZST',
  'America/Los_Angeles': 'PDT PST PT',
  'Asia/Manila': 'PHT',
  'Asia/Karachi': 'PKT',
  'Africa/Johannesburg': 'SAST',
  'Asia/Singapore': 'SGT',
  'Pacific/Pago_Pago': 'SST',
  'Europe/Istanbul': 'TRT',
  'Africa/Lagos': 'WAT',
  'Europe/Lisbon': 'WEST',
  'Asia/Jakarta': 'WIB',
  UTC: 'Z',
};
