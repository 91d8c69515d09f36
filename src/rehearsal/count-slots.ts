import { nextAfter, type Schedule } from '../schedule/slots.ts';

const hour = 3_600_000;

/** A stretch of time, in milliseconds since 1970; its beginning is not in it, its end is. */
export interface Stretch {
  from: number;
  until: number;
}

/**
 * How many slots a schedule has in a stretch, without looking at each: every hour of a cron schedule that has slots has as
 * many as any other. Not exact where the stretch begins or ends within such an hour, or the clock changes.
 *
 * @param enough - where there are surely no more than so many, the answer may be anything up to it
 */
export function countSlots(schedule: Schedule, stretch: Stretch, enough: number): number {
  const inHour = slotsInHour(schedule, stretch.from);
  const atMost = inHour * Math.ceil((stretch.until - stretch.from) / hour);
  if (atMost <= enough) return atMost;
  let hours = 0;
  for (let slot = nextAfter(schedule, stretch.from); slot !== undefined && slot <= stretch.until; hours++)
    slot = nextAfter(schedule, slot + hour - 1);
  return hours * inHour;
}

/** Where the first hour has begun already, the next one that follows a pause has not. */
function slotsInHour(schedule: Schedule, after: number): number {
  const first = nextAfter(schedule, after);
  if (first === undefined) return 0;
  const second = nextAfter(schedule, first + hour - 1);
  return Math.max(slotsFrom(schedule, first), second === undefined ? 0 : slotsFrom(schedule, second));
}

function slotsFrom(schedule: Schedule, first: number): number {
  let count = 0;
  for (let slot: number | undefined = first; slot !== undefined && slot < first + hour; count++)
    slot = nextAfter(schedule, slot);
  return count;
}

/** How many slots a schedule has in a stretch, one by one. */
export function countEach(schedule: Schedule, { from, until }: Stretch): number {
  let count = -1;
  for (let slot: number | undefined = from; slot !== undefined && slot <= until; count++)
    slot = nextAfter(schedule, slot);
  return count;
}
