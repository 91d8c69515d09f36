import { FlockError } from '../errors.ts';
import type { WholeFlock } from '../flock/load.ts';
import type { JournalContents } from '../ledger/format.ts';
import type { Ledger } from '../ledger/journal.ts';
import { readCast } from './cast.ts';
import { examine } from './examine.ts';
import type { Report } from './report.ts';
import { openScratchFolder, otherPlace } from './scratch-folder.ts';
import { mustBeFew, slotsOf } from './slots.ts';
import { Stage } from './stage.ts';
import { Tallies } from './tallies.ts';

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
  const cast = await readCast(flock, begun.states, options.readPoem);
  const until = from + days * day;
  mustBeFew(cast.bots, begun.states, { from, until, days });
  using folder = openScratchFolder();
  const tallies = new Tallies(slotsOf(cast.bots));
  const through = (ledger: Ledger): Ledger => tallies.hear(options.through?.(ledger) ?? ledger);
  const { purse } = flock;
  return await whereItCanBeKept(async () => {
    await using stage = await Stage.open({ ...cast, purse, begun, from, faults, seed, through }, folder);
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

async function play(stage: Stage, { from, until, progress, signal }: Course): Promise<void> {
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
