import { createTask, type ScheduledTask, validateDetailed } from 'node-cron';
import { Temporal } from 'temporal-polyfill';
import { nearest, quoted } from '../text.ts';

/** A date of a time zone, and when it is. Milliseconds since 1970. */
interface ZoneDay {
  /** Days from 1970-01-01 to its date. */
  epochDay: number;
  begins: number;
  ends: number;
  /** Whether its clock runs straight through it, from midnight to midnight. */
  isPlain: boolean;
}

const hour = 3_600_000;
const day = 24 * hour;

/** What was found for each zone: every bot of the zone asks for the same days, and a calendar library takes its time. */
interface Known {
  days: Map<number, ZoneDay>;
  last: ZoneDay;
}

const zones = new Map<string, Known>();
const maxZones = 1000;
const mostDays = 1000;

/** The date of an epoch day. */
const dateOf = (epochDay: number): Temporal.PlainDate =>
  new Temporal.PlainDate(1970, 1, 1).add({ days: epochDay });

/** The day of a zone that an instant is in. @param instant - milliseconds since 1970 */
function dayAt(timezone: string, instant: number): ZoneDay {
  const known = knownOf(timezone, instant);
  const guess = known.last.epochDay + Math.floor((instant - known.last.begins) / day);
  // Changes of the clock make it a day more or less at most, unless a zone has left out a whole day.
  for (const epochDay of [guess, guess - 1, guess + 1]) {
    const found = dayIn(known, timezone, epochDay);
    if (found.begins <= instant && instant < found.ends) return (known.last = found);
  }
  return dayIn(known, timezone, epochDayAt(timezone, instant));
}

/** A day of a zone by its date. */
const dayOf = (timezone: string, epochDay: number): ZoneDay =>
  dayIn(knownOf(timezone, epochDay * day), timezone, epochDay);

function knownOf(timezone: string, instant: number): Known {
  const known = zones.get(timezone);
  if (known) return known;
  const last = findDay(timezone, epochDayAt(timezone, instant));
  if (zones.size >= maxZones) zones.clear();
  const fresh = { days: new Map(), last };
  zones.set(timezone, fresh);
  return fresh;
}

function dayIn({ days }: Known, timezone: string, epochDay: number): ZoneDay {
  const known = days.get(epochDay);
  if (known) return known;
  const found = findDay(timezone, epochDay);
  if (days.size >= mostDays) days.clear();
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

/** When a bot is to post: a cron expression of 5 or 6 fields, read in an IANA time zone. */
export interface Schedule {
  expression: string;
  timezone: string;
}

/** An expression with one space between its fields, where crontabs may have tabs or any white space. */
export const plainExpression = (expression: string): string => expression.trim().split(/\s+/).join(' ');

/** What is wrong with a cron expression, naming the field but nothing that could be a secret, or undefined where it is good. */
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

/** A slot of 29 February that must also be a certain weekday can be 40 years away. Days. */
const maxDays = 41 * 365.25;

/** A slot, and the instant from which it is the next. */
interface Found {
  from: number;
  slot: number | undefined;
}

/** What was found last for each schedule: bots on one schedule ask for the same slots. */
const found = new Map<string, Found[]>();
const maxPerOne = 256;
const maxPerAll = 10_000;
let kept = 0;

/**
 * The first slot of a schedule after an instant, or undefined where there is none in the next 40 years.
 *
 * node-cron is the calendar: it reads the expression and says whether a date is meant (so day of month and day of week
 * must both fit). The clock of the zone is read here, because node-cron loses slots where the hour changes:
 * - a fixed time that the clock skips becomes the first instant after the gap, once;
 * - a fixed time that comes twice counts the first time only;
 * - a schedule for every hour keeps its rhythm in real time, through both.
 *
 * @param instant - milliseconds since 1970
 */
export function nextAfter(schedule: Schedule, instant: number): number | undefined {
  const key = `${schedule.expression}\n${schedule.timezone}`;
  const known = found.get(key) ?? [];
  const hit = known.find(({ from, slot }) => from <= instant && (slot === undefined || instant < slot));
  if (hit) return hit.slot;
  const slot = search(schedule, instant);
  if (++kept > maxPerAll) forgetFound();
  found.set(key, [{ from: instant, slot }, ...known.slice(0, maxPerOne - 1)]);
  return slot;
}

function forgetFound(): void {
  found.clear();
  kept = 0;
}

function search({ expression, timezone }: Schedule, instant: number): number | undefined {
  const calendar = calendarOf(expression);
  const today = dayAt(timezone, instant);
  for (let epochDay = today.epochDay; epochDay < today.epochDay + maxDays; epochDay++) {
    if (!calendar.isMeant(epochDay)) continue;
    const day = dayOf(timezone, epochDay);
    const slot = day.isPlain
      ? nextInPlainDay(calendar, day, instant)
      : nextInOddDay(calendar, day, timezone, instant);
    if (slot !== undefined) return slot;
  }
  return undefined;
}

/** An expression, taken apart. */
interface Calendar {
  hours: number[];
  minutes: number[];
  seconds: number[];
  everyHour: boolean;
  /** By days since 1970-01-01. */
  isMeant: (epochDay: number) => boolean;
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
    isMeant: dateTestOf(fields.dayOfMonth, fields.month, fields.dayOfWeek),
  };
  calendars.set(expression, calendar);
  return calendar;
}

/** node-cron keeps `21,9` as it was written. */
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** Dates that were asked for lately: the calendar takes its time, and bots on one schedule ask for the same ones. */
const maxDates = 20_000;

/** One for all expressions that differ in their times of day only: in a large flock each bot may have a time of its own. */
const dateTests = new Map<string, Calendar['isMeant']>();

function dateTestOf(
  dayOfMonth: (number | string)[],
  month: number[],
  dayOfWeek: (number | string)[],
): Calendar['isMeant'] {
  const dates = `${dayOfMonth.join(',')} ${month.join(',')} ${dayOfWeek.join(',')}`;
  const known = dateTests.get(dates) ?? dateTest(dayTask(dates));
  dateTests.set(dates, known);
  return known;
}

/** An unstarted task that is due at noon UTC of every date that is meant; asking it about that noon asks about the date. */
const dayTask = (dates: string): ScheduledTask =>
  createTask(`0 0 12 ${dates}`, () => undefined, { timezone: 'UTC' });

function dateTest(task: ScheduledTask): Calendar['isMeant'] {
  const known = new Map<number, boolean>();
  return (epochDay) => {
    const answer = known.get(epochDay) ?? task.match(new Date(epochDay * 86_400_000 + 43_200_000));
    if (known.size >= maxDates) known.clear();
    known.set(epochDay, answer);
    return answer;
  };
}

/** Where the clock runs straight, every time of the day is where it says. */
function nextInPlainDay(calendar: Calendar, { begins }: ZoneDay, after: number): number | undefined {
  for (const { hour, minute, second } of timesFrom(calendar, Math.floor((after - begins) / 1000))) {
    const slot = begins + (hour * 3600 + minute * 60 + second) * 1000;
    if (slot > after) return slot;
  }
  return undefined;
}

function nextInOddDay(
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

/** The instant the zone's clock first shows a local time, or, where it never does, the first instant after the gap. */
function instantOf(local: Temporal.PlainDateTime, timezone: string): number {
  const found = local.toZonedDateTime(timezone, { disambiguation: 'earlier' });
  if (found.toPlainDateTime().equals(local)) return found.epochMilliseconds;
  return found.getTimeZoneTransition('next')?.epochMilliseconds ?? found.epochMilliseconds;
}

/** Slots of an every-hour schedule: real time is walked through, hour by hour, and the clock is read as it goes. */
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

/** The start of the clock's next hour, or the change of the clock where that comes first (some are half an hour). */
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

/** The times of day a calendar names, from a second of the day on. */
function* timesFrom({ hours, minutes, seconds }: Calendar, from: number): Generator<TimeOfDay> {
  for (const hour of hours) {
    if (hour * 3600 + 3599 < from) continue;
    for (const minute of minutes) {
      if (hour * 3600 + minute * 60 + 59 < from) continue;
      for (const second of seconds) yield { hour, minute, second };
    }
  }
}

/** What is wrong with the name of a time zone, and what was probably meant. */
interface TimezoneFault {
  message: string;
  hint: string;
}

/** Undefined for a time zone of the IANA database that slots can be found in and times be shown in. */
export function timezoneFault(name: string): TimezoneFault | undefined {
  if (isTimezone(name)) return undefined;
  const meant = suggestions(name).map((zone) => JSON.stringify(zone));
  const last = meant.pop();
  const named = meant.length === 0 ? last : `${meant.join(', ')} or ${last ?? ''}`;
  return {
    message: `${quoted(name)} is not an IANA time zone such as "Europe/Berlin"`,
    hint:
      named === undefined
        ? 'name a city of the zone: its clock changes to summer time by itself'
        : `did you mean ${named}?`,
  };
}

/** Zones that were found good: each bot may name one. */
const good = new Set<string>();

/** Both engines must know it: Temporal finds the slots, Intl shows them, and each takes names that the other does not. */
function isTimezone(name: string): boolean {
  if (good.has(name)) return true;
  try {
    const date = Temporal.PlainDate.from('2000-01-01').toZonedDateTime(name);
    date.getTimeZoneTransition('next');
    new Intl.DateTimeFormat('en', { timeZone: name }).format(0);
    // Both take a distance from UTC, too, which is no zone: its clock never changes.
    if (/^[A-Za-z]/.test(name)) good.add(name);
    return good.has(name);
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

/** What people write for a zone, and where its clock is read; several where the letters mean several clocks. */
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
