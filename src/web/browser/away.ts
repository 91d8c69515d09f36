const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How far away an instant is: `in 14 min`, `2 h ago`. The page as it is sent and its script both say it this way. */
export function awayFrom(now: number, instant: number): string {
  const away = Math.abs(instant - now);
  if (away < 45_000) return instant >= now ? 'now' : 'just now';
  const far =
    away < 90 * minute
      ? `${Math.round(away / minute)} min`
      : away < 36 * hour
        ? `${Math.round(away / hour)} h`
        : `${Math.round(away / day)} days`;
  return instant > now ? `in ${far}` : `${far} ago`;
}
