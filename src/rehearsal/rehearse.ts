import { FlockError } from '../errors.ts';
import type { Flock, WholeFlock } from '../flock/load.ts';
import type { JournalContents, Ledger } from '../ledger/journal.ts';
import { type BotToPlan, readBots } from '../plan/plan.ts';
import { slotCounter, type Stretch } from '../schedule/schedule.ts';
import { examine, type Report, Tallies } from './audit.ts';
import { Harness } from './stage.ts';

/** A rehearsal of so many takes a few minutes and about a gigabyte. */
const maxSlots = 1_000_000;

/** @throws {FlockError} `usage` where a flock has more slots in that time than can be rehearsed */
function mustBeFew(bots: readonly BotToPlan[], { from, until, days }: Stretch & { days: number }): void {
  const slotsIn = slotCounter();
  let all = 0;
  for (const { settings, state } of bots) {
    if (settings.paused || state?.paused !== undefined || state?.parked) continue;
    // Slots that were missed are posted too where all of them are wanted.
    const since = settings.missed === 'all' ? Math.min(from, state?.served ?? from) : from;
    const { schedule: expression, timezone } = settings;
    all += slotsIn({ expression, timezone }, { from: since, until });
  }
  if (all <= maxSlots) return;
  const fit = Math.floor((days * maxSlots) / all);
  throw new FlockError(
    'usage',
    `about ${all.toLocaleString('en-US')} slots in ${days} ${days === 1 ? 'day' : 'days'} are too many to rehearse`,
    {
      hint: `${maxSlots.toLocaleString('en-US')} are the most: ${fit >= 1 ? `--days ${fit}, or fewer bots with --bot` : 'choose some of the bots with --bot'}`,
    },
  );
}

export interface RehearsalOptions {
  flock: WholeFlock;
  /** What the real ledger says: the rehearsal begins where the flock is. */
  begun: Pick<JournalContents, 'states' | 'history'>;
  /** When it begins, in milliseconds since 1970, and how long it goes on. */
  from: number;
  days: number;
  /** The share of requests that are spoiled, from 0 to 1; the same seed spoils the same ones. */
  faults: number;
  seed: string;
  readPoem: (file: string) => Promise<string>;
  /** Told every now and then of the share of the time that has passed, from 0 to 1, and of the posts made in it. */
  progress?: (share: number, posts: number) => void;
  /** Ends it early. */
  signal?: AbortSignal;
  /** Comes between the daemon and its ledger. */
  through?: (ledger: Ledger) => Ledger;
}

const day = 86_400_000;

/**
 * Runs a flock through a time to come: the real daemon and journal, in memory, on a held clock, against a sandbox in this
 * process. Nothing real is posted, no real key is used and no file is written.
 *
 * @throws {FlockError} `usage` for more slots than can be rehearsed, `data` where no bot can post, `interrupted` where the
 * signal comes
 */
export async function rehearse(options: RehearsalOptions): Promise<Report> {
  const { flock, begun, from, days, faults, seed } = options;
  const { bots, invalidBots } = await readBots(flock, begun.states, options.readPoem);
  if (bots.length === 0) throw noBots(invalidBots);
  const until = from + days * day;
  mustBeFew(bots, { from, until, days });
  const tallies = new Tallies(bots);
  const { purse } = flock;
  await using harness = await Harness.open({
    bots,
    purse,
    history: begun.history,
    from,
    faults,
    seed,
    through: options.through ?? ((ledger) => ledger),
    changed: (change) => {
      tallies.add(change);
    },
  });
  await play(harness, until, options);
  return examine(harness, { tallies, purse, from, until, days, faults, seed, invalidBots });
}

/** Why nothing can be rehearsed: what keeps the first bot from it. */
function noBots([first, ...others]: Flock['invalidBots']): FlockError {
  if (!first) {
    return new FlockError('data', 'there is no poem to rehearse', {
      hint: 'poems are text files in the poems folder; --root DIR names the flock',
    });
  }
  const { exit, message, hint } = first.error;
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  return new FlockError(exit, `no bot can be rehearsed: ${message}${more}`, {
    ...(hint !== undefined && { hint }),
    cause: first.error,
  });
}

const hour = 3_600_000;
const minute = 60_000;

async function play(
  harness: Harness,
  until: number,
  { from, progress, signal }: RehearsalOptions,
): Promise<void> {
  harness.begin();
  for (let instant = from; instant < until; instant += hour) {
    await harness.until(Math.min(instant + hour, until));
    if (signal?.aborted === true) throw new FlockError('interrupted', 'interrupted');
    progress?.((harness.clock.now() - from) / (until - from), harness.sandbox.world.posts.length);
  }
  // What is in doubt when the time is over gets another day to be settled in.
  harness.rest();
  while (harness.inDoubt() && harness.clock.now() < until + day) {
    await harness.until(harness.clock.now() + minute);
    if (signal?.aborted === true) throw new FlockError('interrupted', 'interrupted');
  }
}
