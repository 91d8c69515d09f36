import pMap from 'p-map';
import type { FlockFile } from '../config/flock-file.ts';
import { FlockError } from '../errors.ts';
import type { BotName } from '../flock/bot.ts';
import { type Flock, loadFlock } from '../flock/load.ts';
import type { KeyBundle } from '../keys/bundle.ts';
import { KeyStore, type ListedBundle } from '../keys/store.ts';
import { passedOverShown, readPoem } from '../poems/find.ts';
import { splitPoem } from '../poems/poem.ts';
import { type Checkup, isChosen } from './checkup.ts';
import { bot, type Finding, thing } from './finding.ts';
import { shownPath } from './shown-path.ts';

/** Poems read at a time. */
const readers = 64;

/**
 * Whether each bot that has a good bundle has a poem, and that poem lines; who has a poem and no bundle; and what in the
 * folder is read by nobody.
 *
 * @param bad - the bots of which more was said already: their bundles are bad
 */
export async function examinePoems(
  checkup: Checkup,
  flockFile: FlockFile,
  bad: ReadonlySet<BotName>,
): Promise<{ findings: Finding[] }> {
  try {
    const flock = await joined(checkup, flockFile);
    const bots = flock.bots.filter(({ name }) => isChosen(checkup, name));
    const misfits = flock.misfits.filter(
      (misfit) => !bad.has(misfit.bot) && !flockFile.faultOf(misfit.bot) && isChosen(checkup, misfit.bot),
    );
    const read = ({ name, poemFile }: (typeof bots)[number]) => examinePoem(name, poemFile);
    const poems = await pMap(bots, read, { concurrency: readers });
    const findings = [...misfits.map((misfit) => bot(misfit.bot).thrown('poem', misfit.error)), ...poems];
    const named = new Set(flockFile.named);
    const others = flock.keyless.filter(({ name }) => checkup.chosen.size > 0 || !named.has(name));
    return { findings: [...findings, ...keyless(checkup, others), ...passedOver(checkup, flock)] };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    // What is wrong with the keys folder is said by whoever examines the bundles.
    return { findings: error.exit === 'permission' ? [] : [thing('poems').thrown('poems', error)] };
  }
}

/** But for those that flock.json names, of which that was said already. */
function keyless(checkup: Checkup, bots: Flock['keyless']): Finding[] {
  const { keymaker } = checkup;
  return bots
    .filter(({ name }) => isChosen(checkup, name))
    .map(({ name }) => bot(name).warn('key', 'has no key yet', keymaker(`make-keys ./poems --bot=${name}`)));
}

/** What is no poem need not be mended. */
const gravity = { refused: 'bad', unseen: 'warn', ignored: 'skipped' } as const;

function passedOver({ chosen }: Checkup, flock: Flock): Finding[] {
  if (chosen.size > 0) return [];
  return passedOverShown(flock.passedOver).map(({ file, kind, why, hint }) =>
    thing(shownPath(file))[gravity[kind]]('poems-folder', why, kind === 'ignored' ? undefined : hint),
  );
}

async function examinePoem(name: string, file: string): Promise<Finding> {
  const about = bot(name);
  try {
    const count = splitPoem(await readPoem(file), 'line').length;
    const shown = shownPath(file);
    if (count === 0) return about.bad('poem', `${shown} has no lines`, 'write the poem, one post a line');
    return about.ok('poem', `${count === 1 ? '1 line' : `${count} lines`} in ${shown}`);
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    return about.thrown('poem', error);
  }
}

/** The bundles with their poems, by the rule that flockd goes by. */
function joined({ paths, keys }: Checkup, flockFile: FlockFile): Promise<Flock> {
  return loadFlock(paths.root, new WithoutOwners(keys.folder, keys.options), flockFile);
}

/** Bundles that do not say whose they are, so that no poem goes unexamined for a wrong account, a twin or a provider. */
class WithoutOwners extends KeyStore {
  override async readListed(listed: ListedBundle, text?: string): Promise<KeyBundle> {
    const { appKeys, accessToken, poemFile } = await super.readListed(listed, text);
    return { appKeys, accessToken, poemFile, userId: listed.file, screenName: undefined };
  }
}
