import path from 'node:path';
import { FlockError } from '../errors.ts';
import type { KeyStore } from '../keys/store.ts';
import { readJournal } from '../ledger/journal.ts';
import type { KnownBots } from '../poems/find.ts';

/** The names of the bots in a ledger; none where it cannot be read: whoever needs it says why. */
export async function botsInLedger(stateFolder: string): Promise<ReadonlySet<string>> {
  try {
    return new Set((await readJournal(stateFolder)).states.keys());
  } catch (error) {
    if (error instanceof FlockError) return new Set();
    throw error;
  }
}

/** The bots of a flock by its keys folder and its ledger, each read at most once, and only if it is asked for. */
export function knownBots(root: string, keys: KeyStore): KnownBots {
  const listed = once(async () => new Map((await keys.list()).map((bundle) => [bundle.bot, bundle])));
  const inLedger = once(() => keys.botsInLedger());
  return {
    has: async (name) => (await listed()).has(name) || (await inLedger()).has(name),
    poemOf: async (name) => {
      const bundle = (await listed()).get(name);
      return (
        bundle && poemIn(root, await keys.readListed(bundle).then(({ poemFile }) => poemFile, noneWhereBad))
      );
    },
  };
}

/** Where the poem of a bundle is, if that is below the flock's folder: old bundles name places that are no more. */
export function poemIn(root: string, poemFile: string | undefined): string | undefined {
  const place = poemFile === undefined ? undefined : path.resolve(root, poemFile);
  return place !== undefined && isInside(root, place) ? place : undefined;
}

/** Whether a place is somewhere below a folder; both as {@link path.resolve} gives them. */
export const isInside = (folder: string, place: string): boolean =>
  place !== folder && place.startsWith(path.join(folder, path.sep));

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= read());
}

function noneWhereBad(error: unknown): undefined {
  if (!(error instanceof FlockError)) throw error;
}
