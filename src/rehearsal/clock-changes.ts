import { Temporal } from 'temporal-polyfill';
import { nextAfter, type Stretch } from '../schedule/schedule.ts';
import { grouped, iso } from '../text.ts';

/** A bot that was there when a clock changed. */
interface Witness {
  bot: string;
  schedule: string;
  timezone: string;
  /** The slots it posted for. */
  slots: ReadonlySet<number>;
}

/** What became of a bot's slots in the hour that a clock skipped or showed twice. */
interface Outcome {
  bot: string;
  /** The times of its schedule in that hour: `02:30`. */
  times: string[];
  /** It posts every hour, which a clock that changes cannot disturb. */
  everyHour: boolean;
  /** For which slots it posted: in the hour that came twice both times over, or at the end of the gap. ISO 8601. */
  posted: string[];
}

/** A clock that was put forward or back, and what that did. */
export interface ClockChange {
  timezone: string;
  /** ISO 8601. */
  at: string;
  /** What the clock showed just before, and then: `02:00`, `03:00`. */
  from: string;
  to: string;
  /** How far it was put forward, or back where it is negative. Minutes. */
  by: number;
  bots: Outcome[];
}

/** Every change of a clock in a stretch of time, in the zones of the bots, in order. */
export function clockChanges(witnesses: readonly Witness[], stretch: Stretch): ClockChange[] {
  const zones = [...grouped(witnesses, ({ timezone }) => timezone)];
  const changes = zones.flatMap(([timezone, bots]) =>
    changesOf(timezone, stretch).map((change) => describe(change, timezone, bots)),
  );
  return changes.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** A clock goes from one time of day to another at an instant. The times as if they were UTC. Milliseconds since 1970. */
interface Change {
  instant: number;
  from: number;
  to: number;
}

function changesOf(timezone: string, { from, until }: Stretch): Change[] {
  const found: Change[] = [];
  let clock = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timezone);
  for (;;) {
    const next = clock.getTimeZoneTransition('next');
    if (!next || next.epochMilliseconds > until) return found;
    const instant = next.epochMilliseconds;
    const { offsetNanoseconds } = next.subtract({ nanoseconds: 1 });
    found.push({
      instant,
      from: instant + offsetNanoseconds / 1e6,
      to: instant + next.offsetNanoseconds / 1e6,
    });
    clock = next;
  }
}

function describe(change: Change, timezone: string, witnesses: readonly Witness[]): ClockChange {
  return {
    timezone,
    at: iso(change.instant),
    from: timeOf(change.from),
    to: timeOf(change.to),
    by: (change.to - change.from) / 60_000,
    bots: witnesses.map((witness) => outcomeOf(change, witness)).filter(({ times }) => times.length > 0),
  };
}

function outcomeOf({ instant, from, to }: Change, { bot, schedule, slots }: Witness): Outcome {
  const length = Math.abs(to - from);
  const [first, last] = to > from ? [instant, instant] : [instant - length, instant + length - 1];
  const posted = [...slots].filter((slot) => first <= slot && slot <= last);
  const times = timesBetween(schedule, Math.min(from, to), Math.max(from, to));
  const everyHour = times.length > 0 && isEveryHour(schedule, from);
  return { bot, times: times.map(timeOf), everyHour, posted: posted.map(iso) };
}

/** What stands in a schedule from one time to another, by a clock that never changes. */
function timesBetween(expression: string, from: number, until: number): number[] {
  const found: number[] = [];
  const after = (time: number): number => nextAfter({ expression, timezone: 'UTC' }, time) ?? Infinity;
  for (let time = after(from - 1); time < until; time = after(time)) found.push(time);
  return found;
}

const hour = 3_600_000;
const day = 24 * hour;

function isEveryHour(expression: string, time: number): boolean {
  const midnight = Math.floor(time / day) * day;
  for (let hours = 0; hours < 24; hours++) {
    const slot = nextAfter({ expression, timezone: 'UTC' }, midnight + hours * hour - 1) ?? Infinity;
    if (slot >= midnight + (hours + 1) * hour) return false;
  }
  return true;
}

const timeOf = (time: number): string => iso(time).slice(11, 16);
