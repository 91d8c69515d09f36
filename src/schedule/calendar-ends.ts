import { Temporal } from 'temporal-polyfill';

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
const mostZones = 1000;

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
  if (known.size >= mostZones) known.clear();
  known.set(timezone, found);
  return found;
}
