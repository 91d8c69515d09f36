import { Temporal } from 'temporal-polyfill';

/** A date of a time zone, and when it is. Milliseconds since 1970. */
export interface ZoneDay {
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
const mostZones = 1000;
const mostDays = 1000;

/** The date of an epoch day. */
export const dateOf = (epochDay: number): Temporal.PlainDate =>
  new Temporal.PlainDate(1970, 1, 1).add({ days: epochDay });

/** The day of a zone that an instant is in. @param instant - milliseconds since 1970 */
export function dayAt(timezone: string, instant: number): ZoneDay {
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
export const dayOf = (timezone: string, epochDay: number): ZoneDay =>
  dayIn(knownOf(timezone, epochDay * day), timezone, epochDay);

function knownOf(timezone: string, instant: number): Known {
  const known = zones.get(timezone);
  if (known) return known;
  const last = findDay(timezone, epochDayAt(timezone, instant));
  if (zones.size >= mostZones) zones.clear();
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
