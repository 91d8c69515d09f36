import path from 'node:path';
import pMap from 'p-map';
import type { Clock } from '../clock.ts';
import { isLocked } from '../daemon/lock.ts';
import { isStopped } from '../daemon/stop-switch.ts';
import { FlockError } from '../errors.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { hasLink } from '../poems/tweet-text.ts';
import { linesOf } from '../poems/lines-of.ts';
import { findPoems, readPoem } from '../poems/read-poems.ts';
import { readJournal } from '../posting/journal.ts';
import type { FlockPaths } from '../settings.ts';
import type { BotFiles } from './bot-condition.ts';
import { readFlockFile } from './flock-file.ts';
import { statusOfFlock, type Status } from './flock-status.ts';
import { loadFlock, type Bot, type Flock } from './load-flock.ts';
import type { PostPages } from './post-pages.ts';
import { unknownBots, type UnknownBot } from './unknown-bots.ts';

/** Where a flock is, and what is needed to read it. */
export interface FlockPlace {
  paths: FlockPaths;
  keys: KeyStore;
  clock: Clock;
  pages: PostPages;
}

/** How a flock stands, and which bots only `flock.json` knows. */
export interface WholeStatus extends Status {
  unknown: UnknownBot[];
}

/**
 * How a flock stands, by its files and its ledger alone: a daemon may run meanwhile.
 *
 * @throws {FlockError} `config` for the flock's settings, `data` and `io` for its ledger
 */
export async function readStatus({ paths, keys, clock, pages }: FlockPlace): Promise<WholeStatus> {
  const flockFile = await readFlockFile(paths.flockFile);
  const flock = await loadFlock(paths.root, keys, flockFile);
  const { states, history } = await readJournal(paths.state);
  const { purse } = flock;
  const now = { history, purse, isStopped: isStopped(paths.state), now: clock.now(), pages };
  const status = statusOfFlock(await readBotFiles(flock), states, now);
  const running = await isLocked(paths.state).catch(cannotTell);
  return {
    ...status,
    flock: { ...(running !== undefined && { running }), ...status.flock },
    unknown: await unknownIn(flockFile.named, flock, paths.root),
  };
}

function cannotTell(error: unknown): undefined {
  if (!(error instanceof FlockError)) throw error;
}

/** The poems are looked for only where there is a name that no bundle has. */
async function unknownIn(
  named: readonly string[],
  { bots, misfits }: Flock,
  root: string,
): Promise<UnknownBot[]> {
  const known = [...bots.map(({ name }) => name), ...misfits.map(({ bot }) => bot)];
  const there = new Set<string>(known);
  if (named.every((name) => there.has(name))) return [];
  const poems = await findPoems(path.join(root, 'poems')).catch(cannotTell);
  return unknownBots(named, [...known, ...(poems ?? []).map(({ bot }) => bot)]);
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

async function readBot({ name: bot, bundle, settings, poemFile }: Bot): Promise<BotFiles> {
  const known = { bot, account: bundle.screenName, settings };
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
