import { FlockError } from '../errors.ts';
import type { PlannedBot } from '../flock/load.ts';
import type { BotState } from '../ledger/state.ts';
import { countSlots, slotsWithin, type Stretch } from '../schedule/calendar.ts';

type Scheduled = Pick<PlannedBot, 'name' | 'settings'>;

/** How many slots each bot has in a stretch of time. */
export function slotsOf(bots: readonly Scheduled[]): (bot: string, stretch: Stretch) => number {
  const schedules = new Map(
    bots.map(({ name, settings: { schedule, timezone } }) => [
      name as string,
      { expression: schedule, timezone },
    ]),
  );
  return (bot, stretch) => {
    const schedule = schedules.get(bot);
    if (!schedule || stretch.until <= stretch.from) return 0;
    return slotsWithin(schedule, stretch);
  };
}

/** A rehearsal of so many takes a few minutes and about a gigabyte. */
export const mostSlots = 1_000_000;

/** @throws {FlockError} `usage` where a flock has more slots in that time than can be rehearsed */
export function mustBeFew(
  bots: readonly Scheduled[],
  states: ReadonlyMap<string, BotState>,
  { from, until, days }: Stretch & { days: number },
): void {
  const known = new Map<string, number>();
  let all = 0;
  for (const { name, settings } of bots) {
    const state = states.get(name);
    if (settings.paused || state?.paused !== undefined || state?.parked) continue;
    // Slots that were missed are posted too where all of them are wanted.
    const since = settings.missed === 'all' ? Math.min(from, state?.served ?? from) : from;
    const { schedule: expression, timezone } = settings;
    const key = `${expression}\n${timezone}\n${since}`;
    const enough = Math.floor(mostSlots / bots.length);
    const count = known.get(key) ?? countSlots({ expression, timezone }, { from: since, until }, enough);
    known.set(key, count);
    all += count;
  }
  if (all <= mostSlots) return;
  const fit = Math.floor((days * mostSlots) / all);
  throw new FlockError(
    'usage',
    `about ${all.toLocaleString('en-US')} slots in ${days} ${days === 1 ? 'day' : 'days'} are too many to rehearse`,
    {
      hint: `${mostSlots.toLocaleString('en-US')} are the most: ${fit >= 1 ? `--days ${fit}, or fewer bots with --bot` : 'choose some of the bots with --bot'}`,
    },
  );
}
