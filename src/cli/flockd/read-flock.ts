import { type FlockFile, readFlockFile } from '../../config/flock-file.ts';
import type { Context } from '../../context.ts';
import { countOf } from '../../daemon/systemd.ts';
import { FlockError } from '../../errors.ts';
import { type Bot, type Flock, loadFlock, mostUnknown, namesIn, unknownBots } from '../../flock/load.ts';
import { afterRestart } from '../../flock/status.ts';
import type { Logger } from '../../log.ts';
import { passedOverShown } from '../../poems/find.ts';
import { callsAs, type GivenPlaces, hintAs } from '../calls-as.ts';

/** A flock, and who hears of its alarms. */
export type AlarmedFlock = Flock & Pick<FlockFile, 'alarms'>;

export interface Reading {
  /** Told now and then how far the reading of a large flock is. */
  tell?: (status: string) => void;
  /** The bots that run already. */
  before?: readonly Bot[];
}

/**
 * @throws {FlockError} where flock.json or the keys folder cannot be read
 */
export async function readFlock(
  { paths, keys }: Context,
  log: Logger,
  { tell, before = [] }: Reading = {},
): Promise<AlarmedFlock> {
  const flockFile = await readFlockFile(paths.flockFile);
  const told = (read: number, of: number): void => tell?.(`reads the flock: ${read} of ${of} bots`);
  const flock = await loadFlock(paths.root, keys, flockFile, told, before);
  warnOfUnknown(flockFile, flock, log);
  warnOfUnopened(flock.bots, before, log);
  return { ...flock, alarms: flockFile.alarms };
}

function warnOfUnknown({ named }: FlockFile, flock: Flock, log: Logger): void {
  const unknown = unknownBots(named, namesIn(flock));
  for (const { bot, hint = 'it has no key bundle' } of unknown.slice(0, mostUnknown)) {
    log.warn({ event: 'unknown-bot', bot, hint }, `is in flock.json but not in the flock; ${hint}`);
  }
  const more = unknown.length - mostUnknown;
  if (more > 0)
    log.warn({ event: 'unknown-bots', more }, `${more} more are in flock.json but not in the flock`);
}

/** What a log has said already: the flock is read again and again. */
const said = new WeakMap<Logger, Set<string>>();

function isNews(log: Logger, words: string): boolean {
  const known = said.get(log) ?? new Set();
  said.set(log, known);
  const isNew = !known.has(words);
  known.add(words);
  return isNew;
}

/** So many bots without a key are named one by one. */
const mostKeyless = 20;

/** Logs who has a poem and no key, and what in the poems folder is read by nobody: each once. */
export function tellOfPoems(flock: Flock, log: Logger, places: GivenPlaces): void {
  tellOfKeyless(flock, log, places);
  tellOfPassedOver(flock, log);
}

function tellOfKeyless({ keyless }: Flock, log: Logger, places: GivenPlaces): void {
  const news = keyless.filter(({ name }) => isNews(log, `keyless ${name}`));
  for (const { name: bot } of news.slice(0, mostKeyless)) {
    const hint = callsAs(places)(`make-keys ./poems --bot=${bot}`);
    log.info({ event: 'keyless', bot, hint }, `has a poem and no key yet; ${hint}`);
  }
  const more = news.length - mostKeyless;
  if (more > 0) log.info({ event: 'keyless-bots', more }, `${more} more bots have a poem and no key yet`);
}

function tellOfPassedOver({ passedOver }: Flock, log: Logger): void {
  for (const { file, kind, why, hint } of passedOverShown(passedOver)) {
    if (!isNews(log, `${file}: ${why}`)) continue;
    const fields = { event: 'passed-over', file, why, hint };
    if (kind === 'ignored') log.info(fields, `${file}: ${why}`);
    else log.warn(fields, `${file}: ${why}; ${hint}`);
  }
}

/** Bots that are fine now, and will not be after a restart. */
function warnOfUnopened(bots: readonly Bot[], before: readonly Bot[], log: Logger): void {
  const known = new Set(before.filter(({ unopened }) => unopened).map(({ name }) => name));
  for (const { name: bot, unopened } of bots) {
    if (!unopened || known.has(bot)) continue;
    const { why, hint } = afterRestart(unopened);
    log.warn({ event: 'unopened', bot, why, hint }, `${why}; ${hint}`);
  }
}

/** What to say where no bot of a flock can post. */
export function nobodyToRun({ paths }: Context, { misfits }: Flock, places: GivenPlaces): FlockError {
  const [first] = misfits;
  if (!first) {
    return new FlockError('config', `no key bundles in ${paths.keys}`, {
      hint: `make some first: ${callsAs(places)('make-keys ./poems')}`,
    });
  }
  const others = misfits.length > 1 ? ` (and ${countOf(misfits.length - 1)} more)` : '';
  const { hint } = first.error;
  const isSame = misfits.every(({ error }) => error.exit === first.error.exit);
  return new FlockError(
    isSame ? first.error.exit : 'data',
    `no bot can post: ${first.error.message}${others}`,
    hint === undefined ? {} : { hint: hintAs(places, hint) },
  );
}
