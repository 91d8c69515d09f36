import { statSync, type BigIntStats } from 'node:fs';
import path from 'node:path';
import { FlockError, systemCode } from '../errors.ts';
import { openFolder, readRegularFile, readRegularFileSync, reasonOf } from '../files.ts';
import { botNameOf, type BotName } from '../flock/bot.ts';
import { decodePoem } from './poem-text.ts';
import { RecentTexts } from './recent-texts.ts';

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
  const here: string[] = [];
  const folders: string[] = [];
  try {
    for await (const entry of await openFolder(folder)) {
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory()) folders.push(path.join(folder, entry.name));
      else if (entry.name.endsWith('.txt')) here.push(path.join(folder, entry.name));
    }
  } catch (cause) {
    throw new FlockError('data', `cannot read the poems folder ${folder}: ${reasonOf(cause)}`, {
      hint: 'give the folder that holds the poems, for example: keymaker make-keys ./poems',
      cause,
    });
  }
  // One after the other: each holds a descriptor while it is read.
  for (const below of folders) for (const file of await walk(below)) here.push(file);
  return here;
}

/** Each poem as it was read last, and the mark of its file then. */
const recent = new RecentTexts<{ text: string; mark: string }>();

/**
 * The text of one poem; of a file that is as it was, the text that it had.
 *
 * @throws {FlockError} `data`, naming the file, for anything but a readable, regular UTF-8 text file of a sane size
 */
export async function readPoem(file: string): Promise<string> {
  const status = statusOf(file);
  const mark = status && markOf(status);
  const known = recent.get(file);
  if (known && known.mark === mark) return known.text;
  const text = await readText(file, status?.size ?? Infinity);
  if (mark !== undefined) recent.set(file, { text, mark });
  return text;
}

/** Undefined where there is none: to read the file says why. */
function statusOf(file: string): BigIntStats | undefined {
  try {
    return statSync(file, { bigint: true });
  } catch {
    return undefined;
  }
}

/** When a file was written last, by its own time stamp, in milliseconds since 1970; undefined where there is no such file. */
export function writtenAt(file: string): number | undefined {
  const status = statusOf(file);
  return status && Number(status.mtimeMs);
}

/** A file that was changed less than this before it was looked at may change again and show the same times. Nanoseconds. */
const grain = 2_000_000_000n;

/** What is another where a file was written, replaced or touched; undefined where nobody can be sure. */
function markOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string | undefined {
  const now = BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1e6));
  return now - ctimeNs < grain ? undefined : [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** To hand a small file to another thread takes longer than to read it. Bytes. */
const small = 64 * 1024;

async function readText(file: string, size: number | bigint): Promise<string> {
  const read = size <= small ? readRegularFileSync : readRegularFile;
  try {
    return decodePoem(await read(file, largestPoem), file);
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('data', `cannot read ${file}: ${reasonOf(cause)}`, {
      hint:
        systemCode(cause) === 'EACCES'
          ? `chmod u+r ${file}`
          : 'a poem is a plain text file; is it still where it was?',
      cause,
    });
  }
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The poem's path as flockd finds it again: relative to the root, or absolute where the poem is elsewhere. */
export function poemFileIn(root: string, file: string): string {
  const way = path.relative(root, path.resolve(file));
  return way.startsWith('..') || path.isAbsolute(way) ? path.resolve(file) : way;
}
