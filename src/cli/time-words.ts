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

/** `40 s`, `59 min`, `47 h`, `12 d`: in the largest unit that leaves at least two of it, rounded down. */
export function duration(ms: number): string {
  if (ms < 2 * minute) return `${Math.floor(ms / second)} s`;
  if (ms < 2 * hour) return `${Math.floor(ms / minute)} min`;
  if (ms < 2 * day) return `${Math.floor(ms / hour)} h`;
  return `${Math.floor(ms / day)} d`;
}

/** To the minute, in UTC: `2026-08-22 09:00`. @param instant - ISO 8601 */
export const shortInstant = (instant: string): string => `${instant.slice(0, 10)} ${instant.slice(11, 16)}`;
