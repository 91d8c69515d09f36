import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { FlockError, systemCode } from '../errors.ts';
import { readRegularFile, reasonOf } from '../files.ts';
import { botNameOf, type BotName } from '../flock/bot.ts';
import { decodePoem } from './poem-text.ts';

/** A poem's place on the disk and the bot that reads it. */
export interface PoemFile {
  bot: BotName;
  /** The path as a person would write it: the folder as given, then the way inside it. */
  file: string;
}

/** A poem longer than this is not a poem. Bytes. */
const largestPoem = 32 * 1024 * 1024;

/**
 * The poems below a folder, sorted by path. Hidden files and folders are passed over, links are not followed.
 *
 * @throws {FlockError} `data` where the folder cannot be read
 */
export async function findPoems(folder: string): Promise<PoemFile[]> {
  const files = await walk(folder);
  return files.sort(byCodeUnit).map((file) => ({ bot: botNameOf(file, '.txt'), file }));
}

/** The poem of each bot. @throws {FlockError} `data` where two poems would be read by one bot */
export function byBot(poems: readonly PoemFile[]): Map<BotName, string> {
  const found = new Map<BotName, string>();
  for (const { bot, file } of poems) {
    const twin = found.get(bot);
    if (twin !== undefined) {
      throw new FlockError('data', `${twin} and ${file} would both be read by a bot called ${bot}`, {
        hint: 'rename one of them',
      });
    }
    found.set(bot, file);
  }
  return found;
}

async function walk(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new FlockError('data', `cannot read the poems folder ${folder}: ${reasonOf(cause)}`, {
      hint: 'give the folder that holds the poems, for example: keymaker make-keys ./poems',
      cause,
    });
  });
  const found = await Promise.all(
    entries
      .filter((entry) => !entry.name.startsWith('.'))
      .map(async (entry) => {
        const file = path.join(folder, entry.name);
        if (entry.isDirectory()) return await walk(file);
        return entry.name.endsWith('.txt') ? [file] : [];
      }),
  );
  return found.flat();
}

/**
 * The text of one poem.
 *
 * @throws {FlockError} `data`, naming the file, for anything but a readable, regular UTF-8 text file of a sane size
 */
export async function readPoem(file: string): Promise<string> {
  const bytes = await readRegularFile(file, largestPoem).catch((cause: unknown) => {
    throw new FlockError('data', `cannot read ${file}: ${reasonOf(cause)}`, {
      hint:
        systemCode(cause) === 'EACCES'
          ? `chmod u+r ${file}`
          : 'a poem is a plain text file; is it still where it was?',
      cause,
    });
  });
  return decodePoem(bytes, file);
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The poem's path as flockd finds it again: relative to the root, or absolute where the poem is elsewhere. */
export function poemFileIn(root: string, file: string): string {
  const way = path.relative(root, path.resolve(file));
  return way.startsWith('..') || path.isAbsolute(way) ? path.resolve(file) : way;
}
