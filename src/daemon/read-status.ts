import pMap from 'p-map';
import type { Clock } from '../clock.ts';
import type { FlockPaths } from '../config/environment.ts';
import { readFlockFile } from '../config/flock-file.ts';
import { attemptAsync, FlockError } from '../errors.ts';
import {
  type Flock,
  loadFlock,
  namesIn,
  type UnknownBot,
  unknownBots,
  withoutRenamed,
} from '../flock/load.ts';
import {
  hasToPost,
  invalidFiles,
  type PostPages,
  readBotFiles,
  type Status,
  statusOf,
  statusOfAll,
} from '../flock/status.ts';
import type { KeyStore } from '../keys/store.ts';
import { readJournal } from '../ledger/journal.ts';
import { whyUnwatchable } from '../watch.ts';
import { isLocked } from './lock.ts';
import { isStopped } from './stop-switch.ts';

/** Where a flock is, and what is needed to read it. */
interface FlockPlace {
  paths: FlockPaths;
  keys: KeyStore;
  clock: Clock;
  pages: PostPages;
}

/** How a flock stands, which bots only `flock.json` names, and which have a poem and no key yet. */
interface WholeStatus extends Status {
  unknown: UnknownBot[];
  keyless: { bot: string; poem: string }[];
}

/** Poems read at a time. */
const concurrency = 32;

/**
 * How a flock stands, by its files and its ledger alone: a daemon may run meanwhile.
 *
 * @throws {FlockError} `config` for the flock's settings, `data` and `io` for its ledger
 */
export async function readStatus({ paths, keys, clock, pages }: FlockPlace): Promise<WholeStatus> {
  const flockFile = await readFlockFile(paths.flockFile);
  const loaded = await loadFlock(paths.root, keys, flockFile);
  const { states, history } = await readJournal(paths.state);
  const flock = withoutRenamed(loaded, states);
  const { purse } = flock;
  const now = { history, purse, isStopped: isStopped(paths.state), now: clock.now(), pages };
  const locked = await attemptAsync(isLocked(paths.state));
  const running = locked instanceof FlockError ? undefined : locked;
  const invalidBots = running === true ? flock.invalidBots.map(maybeInMemory) : flock.invalidBots;
  const files = [
    ...(await pMap(flock.bots, readBotFiles, { concurrency })),
    ...invalidBots.map(invalidFiles),
  ];
  const bots = files
    .sort((a, b) => (a.bot < b.bot ? -1 : 1))
    .map((one) => statusOf(one, states.get(one.bot), now));
  const shouldRun = bots.some(({ state }) => hasToPost(state));
  const unwatched = running === true ? whyUnwatchable(paths.state) : undefined;
  return {
    bots,
    flock: {
      ...(running !== undefined && { running }),
      shouldRun,
      ...(unwatched !== undefined && { unwatched }),
      ...statusOfAll(states.values(), now),
    },
    unknown: unknownBots(flockFile.named, namesIn(flock)),
    keyless: flock.keyless.map(({ name, poemFile }) => ({ bot: name, poem: poemFile })),
  };
}

/** A daemon that runs may have read the bundle before it was encrypted. */
function maybeInMemory(misfit: Flock['invalidBots'][number]): Flock['invalidBots'][number] {
  if (misfit.isSealedOff !== true) return misfit;
  const { exit, message, hint } = misfit.error;
  const text = `${message}; where flockd had read it before, it posts until a restart`;
  return { ...misfit, error: new FlockError(exit, text, { hint }) };
}
