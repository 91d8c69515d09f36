import pMap from 'p-map';
import { FlockError } from '../errors.ts';
import type { FlockFile } from '../flock/flock-file.ts';
import { loadFlock, type Flock } from '../flock/load-flock.ts';
import type { KeyBundle } from '../keys/key-bundle.ts';
import { KeyStore, type ListedBundle } from '../keys/key-store.ts';
import { readPoem } from '../poems/read-poems.ts';
import { splitPoem } from '../poems/split-poem.ts';
import { isChosen, type Checkup, type Held } from './checkup.ts';
import { bot, thing, type Finding } from './finding.ts';
import { shownPath } from './shown-path.ts';

/** Poems read at a time. */
const readers = 64;

/** Whether each bot that has a good bundle has a poem, and that poem lines. */
export async function examinePoems(
  checkup: Checkup,
  flockFile: FlockFile,
  held: readonly Held[],
): Promise<{ findings: Finding[] }> {
  if (held.length === 0) return { findings: [] };
  try {
    const flock = await joined(checkup, flockFile);
    const good = new Set(held.map((one) => one.bot));
    const bots = flock.bots.filter(({ name }) => isChosen(checkup, name));
    const misfits = flock.misfits.filter((misfit) => good.has(misfit.bot) && isChosen(checkup, misfit.bot));
    const read = ({ name, poemFile }: (typeof bots)[number]) => examinePoem(name, poemFile);
    const poems = await pMap(bots, read, { concurrency: readers });
    return { findings: [...misfits.map((misfit) => bot(misfit.bot).thrown('poem', misfit.error)), ...poems] };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    return { findings: [thing('poems').thrown('poems', error)] };
  }
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
