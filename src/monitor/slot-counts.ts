import { dateOf, shownDays } from '../flock/view.ts';
import { nextAfter, type Schedule } from '../schedule/schedule.ts';

/** The days that are shown, from today on. */
export interface Days {
  /** `2026-08-22` */
  names: string[];
  /** When each begins, and when the last ends. */
  starts: number[];
}

/** The slots of one schedule in those days, one by one where they are few, or else how many there are in a day. */
export type Slots = { instants: number[] } | { perDay: number; active: boolean[] };

/** Slots that are counted one by one for one schedule, and for one busy day. */
const most = 200;
const mostOfDay = 1500;

/** @param now - milliseconds since 1970 */
export function daysFrom(now: number, timezone: string): Days {
  const today = dateOf(now, timezone);
  const dates = Array.from({ length: shownDays.ahead + 2 }, (_, index) => today.add({ days: index }));
  return {
    names: dates.slice(0, -1).map(String),
    starts: dates.map((date) => date.toZonedDateTime(timezone).epochMilliseconds),
  };
}

/** The slots of a schedule in those days. @param shift - how much later than them a bot posts, in milliseconds */
export function slotsIn(schedule: Schedule, shift: number, { starts }: Days): Slots {
  const [begins = 0] = starts;
  const ends = (starts.at(-1) ?? 0) - shift;
  const instants: number[] = [];
  for (
    let slot = nextAfter(schedule, begins - shift - 1);
    slot !== undefined && slot < ends;
    slot = nextAfter(schedule, slot)
  ) {
    instants.push(slot + shift);
    if (instants.length > most) return busySlots(schedule, starts);
  }
  return { instants };
}

/** A schedule with many slots a day has as many on every day on which it has any. */
function busySlots(schedule: Schedule, starts: readonly number[]): Slots {
  const active = starts.slice(1).map((end, index) => {
    const slot = nextAfter(schedule, (starts[index] ?? 0) - 1);
    return slot !== undefined && slot < end;
  });
  const whole = active.indexOf(true, 1);
  const [begins = 0, ends = 0] = starts.slice(Math.max(whole, 0));
  let perDay = 0;
  for (
    let slot = nextAfter(schedule, begins - 1);
    slot !== undefined && slot < ends;
    slot = nextAfter(schedule, slot)
  ) {
    if (++perDay === mostOfDay)
      return { perDay: Math.round((perDay * (ends - begins)) / (slot - begins)), active };
  }
  return { perDay, active };
}

/** How many slots each day has after an instant, be it now or later. */
export function countSlots(slots: Slots, { starts }: Days, after: number): number[] {
  const counts = starts.slice(1).map(() => 0);
  if ('perDay' in slots) {
    return counts.map((_, day) => {
      const [begins = 0, ends = 1] = starts.slice(day, day + 2);
      const left = Math.min(1, Math.max(0, (ends - after) / (ends - begins)));
      return slots.active[day] === true ? Math.round(slots.perDay * left) : 0;
    });
  }
  let day = 0;
  for (const at of slots.instants) {
    while (day < counts.length && at >= (starts[day + 1] ?? Infinity)) day++;
    if (at > after && day < counts.length) counts[day] = (counts[day] ?? 0) + 1;
  }
  return counts;
}
