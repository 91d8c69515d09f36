import { systemClock } from '../clock.ts';
import { FlockError } from '../errors.ts';
import type { PlannedBot, WholeFlock } from '../flock/load.ts';
import type { JournalContents } from '../ledger/format.ts';
import type { Change, Ledger } from '../ledger/journal.ts';
import type { BotState } from '../ledger/state.ts';
import { slotCounter, type Stretch } from '../schedule/schedule.ts';
import { examine, Tallies } from './audit.ts';
import { readParticipants, type Report } from './report.ts';
import { openScratchFolder, otherPlace, Harness } from './stage.ts';

type Scheduled = Pick<PlannedBot, 'name' | 'settings'>;

/** How many slots each bot has in a stretch of time. */
function slotsOf(bots: readonly Scheduled[]): (bot: string, stretch: Stretch) => number {
  const schedules = new Map(
    bots.map(({ name, settings: { schedule, timezone } }) => [
      name as string,
      { expression: schedule, timezone },
    ]),
  );
  const slotsIn = slotCounter();
  return (bot, stretch) => {
    const schedule = schedules.get(bot);
    if (!schedule || stretch.until <= stretch.from) return 0;
    return slotsIn(schedule, stretch);
  };
}

/** A rehearsal of so many takes a few minutes and about a gigabyte. */
const maxSlots = 1_000_000;

/** @throws {FlockError} `usage` where a flock has more slots in that time than can be rehearsed */
function mustBeFew(
  bots: readonly Scheduled[],
  states: ReadonlyMap<string, BotState>,
  { from, until, days }: Stretch & { days: number },
): void {
  const slotsIn = slotCounter();
  let all = 0;
  for (const { name, settings } of bots) {
    const state = states.get(name);
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
 * Lets a flock live through a time that has not come: the real daemon and ledger, in a scratch folder, on a clock that is
 * held, against a sandbox in this process. Nothing real is posted, and no real key is used.
 *
 * @throws {FlockError} `usage` for more slots than can be rehearsed, `data` where no bot can post, `cannotCreate` and `io`
 * where the scratch folder cannot be written, `interrupted` where the signal comes
 */
export async function rehearse(options: RehearsalOptions): Promise<Report> {
  const { flock, begun, from, days, faults, seed, signal } = options;
  const cast = await readParticipants(flock, begun.states, options.readPoem);
  const until = from + days * day;
  mustBeFew(cast.bots, begun.states, { from, until, days });
  using folder = openScratchFolder();
  const tallies = new Tallies(slotsOf(cast.bots));
  const through = options.through ?? ((ledger: Ledger): Ledger => ledger);
  const changed = (change: Change): void => {
    tallies.add(change);
  };
  const { purse } = flock;
  return await whereItCanBeKept(async () => {
    await using stage = await Harness.open(
      { ...cast, purse, begun, from, faults, seed, through, changed },
      folder,
    );
    await play(stage, { from, until, progress: options.progress, signal });
    return examine(stage, { cast, tallies, begun, purse, from, until, days, faults, seed });
  });
}

interface Course {
  from: number;
  until: number;
  progress: RehearsalOptions['progress'];
  signal: AbortSignal | undefined;
}

const hour = 3_600_000;
const minute = 60_000;

async function play(stage: Harness, { from, until, progress, signal }: Course): Promise<void> {
  stage.begin();
  for (let instant = from; instant < until; instant += hour) {
    await stage.until(Math.min(instant + hour, until));
    if (signal?.aborted === true) throw new FlockError('interrupted', 'interrupted');
    progress?.((stage.clock.now() - from) / (until - from), stage.sandbox.world.posts.length);
  }
  // What is in doubt when the time is over gets another day to be settled in.
  stage.rest();
  while (stage.inDoubt() && stage.clock.now() < until + day) {
    await stage.until(stage.clock.now() + minute);
    if (signal?.aborted === true) throw new FlockError('interrupted', 'interrupted');
  }
}

/** @throws {FlockError} `io` where the scratch folder cannot be written, with what can be done about that */
async function whereItCanBeKept<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (!(cause instanceof FlockError) || cause.exit !== 'io') throw cause;
    throw new FlockError('io', cause.message.replace(/^cannot keep the ledger/, 'cannot rehearse'), {
      hint: otherPlace,
      cause,
    });
  }
}

/** A line on a terminal that says how far something is, in place of the one before. Elsewhere there is none. */
interface ProgressLine extends Disposable {
  show(text: string): void;
  clear(): void;
}

/** The line is written this often at most. Milliseconds. */
const every = 100;

export function openProgressLine(stream: NodeJS.WriteStream): ProgressLine {
  let last = -Infinity;
  const clear = (): void => {
    if (last !== -Infinity) stream.write('\r\u001b[K');
    last = -Infinity;
  };
  return {
    show(text) {
      const now = systemClock.elapsed();
      if (!stream.isTTY || now < last + every) return;
      last = now;
      stream.write(`\r\u001b[K${text.slice(0, (stream.columns || 80) - 1)}`);
    },
    clear,
    [Symbol.dispose]: clear,
  };
}
