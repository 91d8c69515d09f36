import { Temporal } from 'temporal-polyfill';
import { inUsd } from '../cost.ts';
import type { FlockHistory } from '../ledger/history.ts';

/** One day of a flock, by its calendar. */
export interface FlockDay {
  /** `2026-08-22` */
  day: string;
  /** Posts made, those in doubt included, and what they cost in US dollars. */
  posted: number;
  usd: number;
  /** Posts still to come. */
  planned: number;
}

/** How much of the past and of the time to come is shown. Days; today belongs to both. */
export const shownDays = { past: 26 * 7, ahead: 8 * 7 } as const;

/** The date in a time zone at an instant. @param instant - milliseconds since 1970 */
export const dateOf = (instant: number, timezone: string): Temporal.PlainDate =>
  Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timezone).toPlainDate();

export interface FlockDaysInput {
  history: Pick<FlockHistory, 'days'>;
  /** The flock's. */
  timezone: string;
  now: number;
  /** Posts to come by day, today's included. */
  planned: ReadonlyMap<string, number>;
}

/** Every day that is shown, oldest first. */
export function flockDays({ history, timezone, now, planned }: FlockDaysInput): FlockDay[] {
  const made = new Map<string, { posted: number; micros: number }>();
  for (const [ends, { posts, micros }] of history.days()) {
    const day = dateOf(ends - 1, timezone).toString();
    // Where the zone was changed since, two days of the old calendar can be one of the new.
    const known = made.get(day);
    made.set(day, { posted: (known?.posted ?? 0) + posts, micros: (known?.micros ?? 0) + micros });
  }
  const today = dateOf(now, timezone);
  return Array.from({ length: shownDays.past + shownDays.ahead + 1 }, (_, index) => {
    const day = today.add({ days: index - shownDays.past }).toString();
    const { posted = 0, micros = 0 } = made.get(day) ?? {};
    return { day, posted, usd: inUsd(micros), planned: index < shownDays.past ? 0 : (planned.get(day) ?? 0) };
  });
}
