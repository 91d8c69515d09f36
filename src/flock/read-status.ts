import pMap from 'p-map';
import type { Clock } from '../clock.ts';
import type { FlockPaths } from '../config/environment.ts';
import { readFlockFile } from '../config/flock-file.ts';
import { isLocked } from '../daemon/lock.ts';
import { isStopped } from '../daemon/stop-switch.ts';
import { FlockError } from '../errors.ts';
import type { KeyStore } from '../keys/store.ts';
import { readJournal } from '../ledger/journal.ts';
import { readPoem } from '../poems/find.ts';
import { linesOf } from '../poems/poem.ts';
import { hasLink } from '../poems/tweet-text.ts';
import { whyUnwatchable } from '../watch.ts';
import { type BotFiles, hasToPost } from './bot-condition.ts';
import { type Status, statusOfFlock } from './flock-status.ts';
import { type Bot, type Flock, loadFlock, type Misfit, withoutRenamed } from './load-flock.ts';
import type { PostPages } from './post-pages.ts';
import { namesIn, type UnknownBot, unknownBots } from './unknown-bots.ts';

/** Where a flock is, and what is needed to read it. */
export interface FlockPlace {
  paths: FlockPaths;
  keys: KeyStore;
  clock: Clock;
  pages: PostPages;
}

/** How a flock stands, which bots only `flock.json` knows, and which have a poem and no key yet. */
export interface WholeStatus extends Status {
  unknown: UnknownBot[];
  keyless: { bot: string; poem: string }[];
}

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
  const running = await isLocked(paths.state).catch(cannotTell);
  const misfits = running === true ? flock.misfits.map(maybeInMemory) : flock.misfits;
  const status = statusOfFlock(await readBotFiles({ ...flock, misfits }), states, now);
  const shouldRun = status.bots.some(({ state }) => hasToPost(state));
  const unwatched = running === true ? whyUnwatchable(paths.state) : undefined;
  return {
    ...status,
    flock: {
      ...(running !== undefined && { running }),
      shouldRun,
      ...(unwatched !== undefined && { unwatched }),
      ...status.flock,
    },
    unknown: unknownBots(flockFile.named, namesIn(flock)),
    keyless: flock.keyless.map(({ name, poemFile }) => ({ bot: name, poem: poemFile })),
  };
}

/** A daemon that runs may have read the bundle before it was encrypted. */
function maybeInMemory(misfit: Misfit): Misfit {
  if (misfit.isSealedOff !== true) return misfit;
  const { exit, message, hint } = misfit.error;
  const said = `${message}; where flockd had read it before, it posts until a restart`;
  return { ...misfit, error: new FlockError(exit, said, hint === undefined ? {} : { hint }) };
}

function cannotTell(error: unknown): undefined {
  if (!(error instanceof FlockError)) throw error;
}

/** Poems read at a time. */
const readers = 32;

/** What the files of every bot say of it, by its name: settings, key and poem. Read once, it is good until they change. */
export async function readBotFiles({ bots, misfits }: Pick<Flock, 'bots' | 'misfits'>): Promise<BotFiles[]> {
  const fit = await pMap(bots, readBot, { concurrency: readers });
  const unfit = misfits.map(({ bot, error }) => ({ ...nothing, bot, account: undefined, ...unfitBy(error) }));
  return [...fit, ...unfit].sort((a, b) => (a.bot < b.bot ? -1 : 1));
}

const nothing = { lines: 0, linked: new Set<number>(), settings: undefined };

async function readBot({ name: bot, bundle, settings, poemFile, unopened }: Bot): Promise<BotFiles> {
  const known = { bot, account: bundle.screenName, key: bundle, settings, ...(unopened && { unopened }) };
  try {
    const lines = await linesOf(poemFile, settings.unit, readPoem);
    const linked = new Set(lines.flatMap(({ text }, line) => (hasLink(text) ? [line] : [])));
    return { ...known, lines: lines.length, linked, unfit: undefined };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    return { ...nothing, ...known, ...unfitBy(error) };
  }
}

const unfitBy = ({ message, hint }: FlockError): Pick<BotFiles, 'unfit'> => ({
  unfit: { why: message, hint },
});
