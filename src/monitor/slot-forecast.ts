import type { Clock } from '../clock.ts';
import type { BotFiles } from '../flock/bot-condition.ts';
import type { BotSettings } from '../flock/flock-file.ts';
import type { BotState } from '../posting/bot-state.ts';
import { spentBy, spentByFlock, type Purse } from '../posting/budget.ts';
import type { FlockHistory } from '../posting/flock-history.ts';
import { lengthOf } from '../posting/place.ts';
import type { Schedule } from '../schedule/slots.ts';
import { offsetIn } from '../schedule/spread.ts';
import { boundsOf, isUnbounded, within } from './post-bounds.ts';
import { countSlots, daysFrom, slotsIn, type Days, type Slots } from './slot-counts.ts';

/** How long one view waits for schedules that were not counted yet. Milliseconds. */
const patience = 250;

const hour = 3_600_000;

export interface ForecastInput {
  files: readonly BotFiles[];
  state: (bot: string) => BotState | undefined;
  history: FlockHistory;
  purse: Purse;
  isStopped: boolean;
}

/**
 * How many posts each of the next days will see, as far as schedules and budgets tell: about as many as `flockd plan` says,
 * which asks the poems too and takes longer. Each schedule is counted once a day, with room for posts in between.
 */
export class SlotForecast {
  readonly #clock: Clock;
  #days: { timezone: string; days: Days } | undefined;
  readonly #slots = new Map<string, Slots>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts what was not counted yet, as far as there is time for it. */
  async count({ files, purse }: Pick<ForecastInput, 'files' | 'purse'>): Promise<void> {
    const days = this.#today(purse.timezone, this.#clock.now());
    const until = this.#clock.elapsed() + patience;
    for (const { bot, settings } of files) {
      if (!settings || this.#slots.has(groupOf(bot, settings).key)) continue;
      const { key, schedule, shift } = groupOf(bot, settings);
      this.#slots.set(key, slotsIn(schedule, shift, days));
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#clock.elapsed() > until) return;
    }
  }

  /** Posts to come by day, the rest of today's included. */
  planned({ files, state, history, purse, isStopped }: ForecastInput): Map<string, number> {
    const now = this.#clock.now();
    const days = this.#today(purse.timezone, now);
    const counts = days.names.map(() => 0);
    const add = (posts: readonly number[], times = 1): void => {
      posts.forEach((more, day) => (counts[day] = (counts[day] ?? 0) + more * times));
    };
    const counted = new Map([...this.#slots].map(([key, slots]) => [key, countSlots(slots, days, now)]));
    const unbounded = new Map<string, number>();
    for (const { bot, settings, unfit, lines } of isStopped ? [] : files) {
      const known = state(bot);
      if (!settings || unfit || settings.paused || known?.paused !== undefined || known?.parked) continue;
      const { key } = groupOf(bot, settings);
      const left = known ? lengthOf(known.place) - known.place.next : lines;
      const inAll = settings.atEnd === 'stop' ? left : undefined;
      const bounds = boundsOf(settings.budget, purse.prices, spentBy(known, settings.timezone, now), inAll);
      if (isUnbounded(bounds)) unbounded.set(key, (unbounded.get(key) ?? 0) + 1);
      else add(within(counted.get(key) ?? [], days.names, bounds));
    }
    for (const [key, bots] of unbounded) add(counted.get(key) ?? [], bots);
    const all = boundsOf(purse.budget, purse.prices, spentByFlock(history, purse.timezone, now));
    const planned = within(counts, days.names, all);
    return new Map(days.names.map((name, index) => [name, planned[index] ?? 0]));
  }

  #today(timezone: string, now: number): Days {
    const known = this.#days;
    const [begins = 0, ends = 0] = known?.days.starts ?? [];
    if (known?.timezone === timezone && begins <= now && now < ends) return known.days;
    const days = daysFrom(now, timezone);
    this.#days = { timezone, days };
    this.#slots.clear();
    return days;
  }
}

/** Bots that post on the same days. */
interface Group {
  key: string;
  schedule: Schedule;
  /** How much later than its slots it posts, in milliseconds: to the hour is close enough. */
  shift: number;
}

function groupOf(bot: string, { schedule: expression, timezone, spread }: BotSettings): Group {
  const shift = spread < hour ? 0 : Math.floor(offsetIn(spread, bot) / hour) * hour;
  return { key: `${expression}\n${timezone}\n${shift}`, schedule: { expression, timezone }, shift };
}
