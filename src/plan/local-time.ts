/** An instant as a zone's calendar and clock show it. */
export interface LocalTime {
  /** `2026-11-21` */
  date: string;
  /** `Sat` */
  weekday: string;
  /** `18:30`, or with seconds `18:30:05` */
  time: string;
}

/** Swedes write dates as ISO 8601 does. */
const locale = 'sv-SE';
const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

const clocks = new Map<string, Intl.DateTimeFormat>();
const mostClocks = 500;

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known) return known;
  const clock = new Intl.DateTimeFormat(locale, { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  if (clocks.size >= mostClocks) clocks.clear();
  clocks.set(timeZone, clock);
  return clock;
}

/** @param instant - milliseconds since 1970 */
export function localTime(instant: number, timeZone: string, withSeconds = false): LocalTime {
  const [date = '', time = ''] = clockOf(timeZone).format(instant).split(' ');
  const weekday = weekdays[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? '';
  return { date, weekday, time: withSeconds ? time : time.slice(0, 5) };
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `21 Nov 2026` */
export function showDate(instant: number, timeZone: string): string {
  const [year = '', month = '', day = ''] = localTime(instant, timeZone).date.split('-');
  return `${Number(day)} ${months[Number(month) - 1] ?? ''} ${year}`;
}
