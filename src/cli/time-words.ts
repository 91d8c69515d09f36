const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** How long it is to or from an instant, as a person reads it: `in 3 h`, `2 d ago`, `now`. @param ms - negative for the past */
export function relativeTime(ms: number): string {
  const away = Math.abs(ms);
  if (away < second) return 'now';
  return ms > 0 ? `in ${duration(away)}` : `${duration(away)} ago`;
}

/** How long {@link relativeTime} gets for anything within three years, so that a column keeps its width. */
export const longest = { past: '119 min ago'.length, ahead: 'in 119 min'.length } as const;

/** `40 s`, `59 min`, `47 h`, `12 d`, rounded down: hours from two on, and days too. */
export function duration(ms: number): string {
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < 2 * hour) return `${Math.floor(ms / minute)} min`;
  if (ms < 2 * day) return `${Math.floor(ms / hour)} h`;
  return `${Math.floor(ms / day)} d`;
}

/** Swedes write dates as ISO 8601 does. */
const dates = 'sv-SE';
/** Who has short names for the zones of Europe, of America, and of Australia. */
const namers = ['en-GB', 'en-US', 'en-AU'];

interface Clock {
  date: Intl.DateTimeFormat;
  names: Intl.DateTimeFormat[];
}

const clocks = new Map<string, Clock>();

function clockOf(timeZone: string): Clock {
  const known = clocks.get(timeZone) ?? {
    date: new Intl.DateTimeFormat(dates, { timeZone, dateStyle: 'short', timeStyle: 'short' }),
    names: namers.map((locale) => new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: 'short' })),
  };
  clocks.set(timeZone, known);
  return known;
}

/** To the minute, as the clock of a zone shows it: `2026-08-22 09:00 CEST`. @param instant - ISO 8601 */
export function atClock(instant: string, timeZone: string): string {
  const at = Date.parse(instant);
  const { date, names } = clockOf(timeZone);
  const zones = names.map(
    (format) => format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? '',
  );
  // Where nobody has a name for it, it is so far from Greenwich.
  return `${date.format(at)} ${zones.find((zone) => !/^GMT[+-]/.test(zone)) ?? zones[0] ?? ''}`;
}

/** A text whose instants are as the clock of a zone shows them. */
export const withClocks = (text: string, timeZone: string): string =>
  text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (instant) => atClock(instant, timeZone));
