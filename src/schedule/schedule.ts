import { createTask, type ScheduledTask, validateDetailed } from 'node-cron';
import { Temporal } from 'temporal-polyfill';
import { listed, nearest, quoted } from '../text.ts';

/*
 * The slots of a schedule: `nextAfter` finds the next one, through changes of the zone's clock; `scheduleFault` and
 * `timezoneFault` check what a person wrote.
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
  const [error] = validateDetailed(expression).errors;
  if (!error) return undefined;
  const shown = quoted(error.value ?? expression);
  if (error.field === 'expression') return `${shown} is not a cron expression: ${error.message}`;
  const field = error.field.replaceAll(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);
  if (error.message.includes('impossible'))
    return `${quoted(expression)} never comes: wrong ${field} ${shown}`;
  return `${shown} is not a good ${field} in ${quoted(expression)}`;
}

/** How far ahead slots are searched: a 29 February on a given weekday can be 40 years away. Days. */
const maxDays = 41 * 365.25;

/** A cached answer: from `from` until `slot`, `slot` is the next slot. */
interface CachedSlot {
  from: number;
  slot: number | undefined;
}

/** A cache of slots by schedule: bots on one schedule ask for the same slots. */
const cache = new Map<string, CachedSlot[]>();
const maxSlotsPerSchedule = 256;
const maxSlotsInCache = 10_000;
let slotsInCache = 0;

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
 */
export function nextAfter(schedule: Schedule, instant: number): number | undefined {
  const key = `${schedule.expression}\n${schedule.timezone}`;
  const known = cache.get(key) ?? [];
  const hit = known.find(({ from, slot }) => from <= instant && (slot === undefined || instant < slot));
  if (hit) return hit.slot;
  const slot = search(schedule, instant);
  if (++slotsInCache > maxSlotsInCache) {
    cache.clear();
    slotsInCache = 0;
  }
  cache.set(key, [{ from: instant, slot }, ...known.slice(0, maxSlotsPerSchedule - 1)]);
  return slot;
}

function search({ expression, timezone }: Schedule, instant: number): number | undefined {
  const calendar = calendarOf(expression);
  const today = dayAt(timezone, instant);
  for (let epochDay = today.epochDay; epochDay < today.epochDay + maxDays; epochDay++) {
    if (!calendar.matchesDay(epochDay)) continue;
    const day = dayOf(timezone, epochDay);
    const slot = day.isPlain
      ? nextInPlainDay(calendar, day, instant)
      : nextInChangingDay(calendar, day, timezone, instant);
    if (slot !== undefined) return slot;
  }
  return undefined;
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

const calendars = new Map<string, Calendar>();

function calendarOf(expression: string): Calendar {
  const known = calendars.get(expression);
  if (known) return known;
  const { fields } = validateDetailed(expression);
  if (!fields) throw new RangeError(`not a cron expression: ${expression}`);
  const calendar = {
    hours: ascending(fields.hour),
    minutes: ascending(fields.minute),
    seconds: ascending(fields.second),
    everyHour: fields.hour.length === 24,
    matchesDay: dateTestOf(fields.dayOfMonth, fields.month, fields.dayOfWeek),
  };
  calendars.set(expression, calendar);
  return calendar;
}

/** Sorted, since node-cron keeps the order of `21,9`. */
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** The maximum number of cached dates of one date test: node-cron is slow, and bots ask for the same dates. */
const maxDates = 20_000;

/** A cache of date tests. Expressions that differ only in the time of day share one: each bot may have its own time. */
const dateTests = new Map<string, Calendar['matchesDay']>();

function dateTestOf(
  dayOfMonth: (number | string)[],
  month: number[],
  dayOfWeek: (number | string)[],
): Calendar['matchesDay'] {
  const dates = `${dayOfMonth.join(',')} ${month.join(',')} ${dayOfWeek.join(',')}`;
  const known = dateTests.get(dates) ?? dateTest(dayTask(dates));
  dateTests.set(dates, known);
  return known;
}

/** A node-cron task, never started, for noon UTC of every matching date; so `match` at noon tells whether a date matches. */
const dayTask = (dates: string): ScheduledTask =>
  createTask(`0 0 12 ${dates}`, () => undefined, { timezone: 'UTC' });

function dateTest(task: ScheduledTask): Calendar['matchesDay'] {
  const known = new Map<number, boolean>();
  return (epochDay) => {
    const answer = known.get(epochDay) ?? task.match(new Date(epochDay * 86_400_000 + 43_200_000));
    if (known.size >= maxDates) known.clear();
    known.set(epochDay, answer);
    return answer;
  };
}

/** On a day without a clock change, the time of day is the time since midnight. */
function nextInPlainDay(calendar: Calendar, { begins }: ZoneDay, after: number): number | undefined {
  for (const { hour, minute, second } of timesFrom(calendar, Math.floor((after - begins) / 1000))) {
    const slot = begins + (hour * 3600 + minute * 60 + second) * 1000;
    if (slot > after) return slot;
  }
  return undefined;
}

/** On a day on which the clock changes. */
function nextInChangingDay(
  calendar: Calendar,
  { epochDay }: ZoneDay,
  timezone: string,
  after: number,
): number | undefined {
  const date = dateOf(epochDay);
  return calendar.everyHour
    ? nextInDay(calendar, date, timezone, after)
    : nextFixed(calendar, date, timezone, after);
}

function nextFixed(
  calendar: Calendar,
  date: Temporal.PlainDate,
  timezone: string,
  after: number,
): number | undefined {
  for (const time of timesFrom(calendar, 0)) {
    const slot = instantOf(date.toPlainDateTime(time), timezone);
    if (slot > after) return slot;
  }
  return undefined;
}

/** The first instant at which the zone's clock shows a local time, or the first instant after the gap that skips it. */
function instantOf(local: Temporal.PlainDateTime, timezone: string): number {
  const found = local.toZonedDateTime(timezone, { disambiguation: 'earlier' });
  if (found.toPlainDateTime().equals(local)) return found.epochMilliseconds;
  return found.getTimeZoneTransition('next')?.epochMilliseconds ?? found.epochMilliseconds;
}

/** The next slot of an every-hour schedule: goes through real time hour by hour and reads the zone's clock. */
function nextInDay(
  calendar: Calendar,
  date: Temporal.PlainDate,
  timezone: string,
  after: number,
): number | undefined {
  const end = date.add({ days: 1 }).toZonedDateTime(timezone).epochMilliseconds;
  let moment = Math.max(
    date.toZonedDateTime(timezone).epochMilliseconds,
    Math.floor(after / 1000) * 1000 + 1000,
  );
  while (moment < end) {
    const clock = Temporal.Instant.fromEpochMilliseconds(moment).toZonedDateTimeISO(timezone);
    const inHour = clock.minute * 60 + clock.second;
    for (const minute of calendar.minutes) {
      if (minute < clock.minute) continue;
      for (const second of calendar.seconds) {
        const slot = moment + (minute * 60 + second - inHour) * 1000;
        if (slot >= moment && slot < end && shows(slot, timezone, minute)) return slot;
      }
    }
    moment = nextHour(moment, clock, timezone);
  }
  return undefined;
}

/** The start of the clock's next hour, or the next clock change if it comes first (some zones change by half an hour). */
function nextHour(moment: number, clock: Temporal.ZonedDateTime, timezone: string): number {
  const hour = moment + (3600 - clock.minute * 60 - clock.second) * 1000;
  const change = Temporal.Instant.fromEpochMilliseconds(moment)
    .toZonedDateTimeISO(timezone)
    .getTimeZoneTransition('next')?.epochMilliseconds;
  return change !== undefined && change > moment && change < hour ? change : hour;
}

const shows = (instant: number, timezone: string, minute: number): boolean =>
  Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timezone).minute === minute;

interface TimeOfDay {
  hour: number;
  minute: number;
  second: number;
}

/** The matching times of day, from a second of the day on. */
function* timesFrom({ hours, minutes, seconds }: Calendar, from: number): Generator<TimeOfDay> {
  for (const hour of hours) {
    if (hour * 3600 + 3599 < from) continue;
    for (const minute of minutes) {
      if (hour * 3600 + minute * 60 + 59 < from) continue;
      for (const second of seconds) yield { hour, minute, second };
    }
  }
}

/** A day in a time zone. Milliseconds since 1970. */
interface ZoneDay {
  /** Days from 1970-01-01 to its date. */
  epochDay: number;
  begins: number;
  ends: number;
  /** Whether it has 24 hours and its clock does not change. */
  isPlain: boolean;
}

const day = 86_400_000;

/** A cache of the days of one zone: its bots ask for the same days, and Temporal is slow. */
interface ZoneDays {
  days: Map<number, ZoneDay>;
  last: ZoneDay;
}

const zones = new Map<string, ZoneDays>();
const maxZones = 1000;
const maxDaysPerZone = 1000;

/** The date of an epoch day. */
const dateOf = (epochDay: number): Temporal.PlainDate =>
  new Temporal.PlainDate(1970, 1, 1).add({ days: epochDay });

/** The day of a zone that an instant is in. @param instant - milliseconds since 1970 */
function dayAt(timezone: string, instant: number): ZoneDay {
  const known = zoneDaysOf(timezone, instant);
  const guess = known.last.epochDay + Math.floor((instant - known.last.begins) / day);
  // Clock changes shift the guess by a day at most, except where a zone skipped a whole day.
  for (const epochDay of [guess, guess - 1, guess + 1]) {
    const found = dayIn(known, timezone, epochDay);
    if (found.begins <= instant && instant < found.ends) return (known.last = found);
  }
  return dayIn(known, timezone, epochDayAt(timezone, instant));
}

/** A day of a zone by its date. */
const dayOf = (timezone: string, epochDay: number): ZoneDay =>
  dayIn(zoneDaysOf(timezone, epochDay * day), timezone, epochDay);

function zoneDaysOf(timezone: string, instant: number): ZoneDays {
  const known = zones.get(timezone);
  if (known) return known;
  const last = findDay(timezone, epochDayAt(timezone, instant));
  if (zones.size >= maxZones) zones.clear();
  const fresh = { days: new Map(), last };
  zones.set(timezone, fresh);
  return fresh;
}

function dayIn({ days }: ZoneDays, timezone: string, epochDay: number): ZoneDay {
  const known = days.get(epochDay);
  if (known) return known;
  const found = findDay(timezone, epochDay);
  if (days.size >= maxDaysPerZone) days.clear();
  days.set(epochDay, found);
  return found;
}

function findDay(timezone: string, epochDay: number): ZoneDay {
  const date = dateOf(epochDay);
  const first = date.toZonedDateTime(timezone);
  const begins = first.epochMilliseconds;
  const ends = date.add({ days: 1 }).toZonedDateTime(timezone).epochMilliseconds;
  const noon = first.add({ hours: 12 });
  const isPlain = ends - begins === day && isFull(first, 0) && isFull(noon, 12);
  return { epochDay, begins, ends, isPlain };
}

const isFull = (time: Temporal.ZonedDateTime, full: number): boolean =>
  time.hour === full && time.minute === 0 && time.second === 0;

function epochDayAt(timezone: string, instant: number): number {
  const {
    year,
    month,
    day: date,
  } = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timezone);
  return Date.UTC(year, month - 1, date) / day;
}

/** What is wrong with the name of a time zone, and what was probably meant. */
interface TimezoneFault {
  message: string;
  hint: string;
}

/** What is wrong with a time zone, or undefined for one of the IANA database. */
export function timezoneFault(name: string): TimezoneFault | undefined {
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
  const known = abbreviations[name.trim().toUpperCase()];
  if (known) return known;
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

/** The zones that an abbreviation may mean. */
const abbreviations: Record<string, readonly string[]> = {
  ACDT: ['Australia/Adelaide'],
  ACST: ['Australia/Adelaide', 'Australia/Darwin'],
  ADT: ['America/Halifax'],
  AEDT: ['Australia/Sydney'],
  AEST: ['Australia/Sydney', 'Australia/Brisbane'],
  AET: ['Australia/Sydney'],
  AKDT: ['America/Anchorage'],
  AKST: ['America/Anchorage'],
  ART: ['America/Argentina/Buenos_Aires'],
  AST: ['America/Halifax', 'Asia/Riyadh'],
  AWST: ['Australia/Perth'],
  BRT: ['America/Sao_Paulo'],
  BST: ['Europe/London'],
  CAT: ['Africa/Maputo'],
  CDT: ['America/Chicago'],
  CEST: ['Europe/Berlin'],
  CLT: ['America/Santiago'],
  COT: ['America/Bogota'],
  CST: ['America/Chicago', 'Asia/Shanghai'],
  CT: ['America/Chicago'],
  EAT: ['Africa/Nairobi'],
  EDT: ['America/New_York'],
  EEST: ['Europe/Athens'],
  ET: ['America/New_York'],
  GST: ['Asia/Dubai'],
  HKT: ['Asia/Hong_Kong'],
  ICT: ['Asia/Bangkok'],
  IDT: ['Asia/Jerusalem'],
  IST: ['Asia/Kolkata', 'Europe/Dublin', 'Asia/Jerusalem'],
  JST: ['Asia/Tokyo'],
  KST: ['Asia/Seoul'],
  MDT: ['America/Denver'],
  MEST: ['Europe/Berlin'],
  MESZ: ['Europe/Berlin'],
  MEZ: ['Europe/Berlin'],
  MSK: ['Europe/Moscow'],
  MT: ['America/Denver'],
  NDT: ['America/St_Johns'],
  NST: ['America/St_Johns'],
  NPT: ['Asia/Kathmandu'],
  NZDT: ['Pacific/Auckland'],
  NZST: ['Pacific/Auckland'],
  PDT: ['America/Los_Angeles'],
  PHT: ['Asia/Manila'],
  PKT: ['Asia/Karachi'],
  PST: ['America/Los_Angeles'],
  PT: ['America/Los_Angeles'],
  SAST: ['Africa/Johannesburg'],
  SGT: ['Asia/Singapore'],
  SST: ['Pacific/Pago_Pago'],
  TRT: ['Europe/Istanbul'],
  WAT: ['Africa/Lagos'],
  WEST: ['Europe/Lisbon'],
  WIB: ['Asia/Jakarta'],
  Z: ['UTC'],
};
