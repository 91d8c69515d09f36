import { type BigIntStats, statSync } from 'node:fs';
import { FlockError, systemCode } from '../errors.ts';
import { readRegularFile, readRegularFileSync, reasonOf } from '../fs.ts';
import { decodePoem } from './poem-text.ts';
import { RecentTexts } from './recent-texts.ts';

/** A poem longer than this is not a poem. Bytes. */
const largestPoem = 32 * 1024 * 1024;

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
