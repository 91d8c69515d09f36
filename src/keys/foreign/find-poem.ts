import { lstat } from 'node:fs/promises';
import path from 'node:path';
import type { BotName } from '../../flock/bot.ts';
import { findPoemsIfThere, type KnownBots } from '../../poems/find.ts';

/** Finds the poem for a bot, given the paths that bundles had for it; relative to the root. */
export type FindPoem = (bot: BotName, before: readonly (string | undefined)[]) => Promise<string | undefined>;

/**
 * A search for poems in a flock: what a bundle had counts where there is such a file in the flock's folder, then the one
 * poem of the bot's name does.
 *
 * @throws {FlockError} `data` where the poems folder cannot be read
 */
export async function poemFinder(root: string, known?: KnownBots): Promise<FindPoem> {
  const { poems } = await findPoemsIfThere(path.join(root, 'poems'), known);
  return async (bot, before) => {
    for (const file of before) {
      const way = file === undefined ? undefined : await wayTo(root, file);
      if (way !== undefined) return way;
    }
    const namesake = poems.find((poem) => poem.bot === bot);
    return namesake && path.relative(root, namesake.file);
  };
}

async function wayTo(root: string, file: string): Promise<string | undefined> {
  const way = path.relative(root, path.resolve(root, file));
  if (way === '' || way.startsWith('..') || path.isAbsolute(way)) return undefined;
  // A path with a NUL is no file's, as is one that is too long.
  const status = await lstat(path.join(root, way)).catch(() => undefined);
  return status?.isFile() === true ? way : undefined;
}
