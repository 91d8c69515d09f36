import type { Context } from '../../context.ts';
import { countOf } from '../../daemon/tell-manager.ts';
import { FlockError } from '../../errors.ts';
import { readFlockFile, type FlockFile } from '../../flock/flock-file.ts';
import { loadFlock, type Flock } from '../../flock/load-flock.ts';
import { nearest } from '../../flock/nearest.ts';
import type { Logger } from '../../log.ts';
import { couldBeSecret, shown } from '../../quoted.ts';
import { callsAs, hintAs, type GivenPlaces } from '../calls-as.ts';

/** A flock, and who hears of its alarms. */
export type AlarmedFlock = Flock & Pick<FlockFile, 'alarms'>;

/** @throws {FlockError} where flock.json or the keys folder cannot be read */
export async function readFlock({ paths, keys }: Context, log: Logger): Promise<AlarmedFlock> {
  const flockFile = await readFlockFile(paths.flockFile);
  const flock = await loadFlock(paths.root, keys, flockFile);
  warnOfUnknown(flockFile, flock, log);
  return { ...flock, alarms: flockFile.alarms };
}

/** Names that are told one by one; where the keys are gone, all of them are unknown. */
const mostNames = 5;

function warnOfUnknown({ named }: FlockFile, { bots, misfits }: Flock, log: Logger): void {
  const known = new Set<string>([...bots.map(({ name }) => name), ...misfits.map(({ bot }) => bot)]);
  const unknown = named.filter((name) => !known.has(name));
  for (const bot of unknown.slice(0, mostNames)) {
    const hint = hintFor(bot, [...known]);
    log.warn(
      { event: 'unknown-bot', bot: shown(bot), hint },
      `is in flock.json but not in the flock; ${hint}`,
    );
  }
  const more = unknown.length - mostNames;
  if (more > 0)
    log.warn({ event: 'unknown-bots', more }, `${more} more are in flock.json but not in the flock`);
}

function hintFor(unknown: string, known: readonly string[]): string {
  if (couldBeSecret(unknown)) return 'look under "bots": a name that could be a secret is not shown';
  const meant = nearest(unknown, known);
  return meant === undefined ? 'it has no key bundle' : `did you mean ${meant}?`;
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
