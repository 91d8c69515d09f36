import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fse from 'fs-extra';
import { FlockError, systemCode } from '../errors.ts';
import { giveToOwnerOf, syncFolder } from '../fs.ts';

/**
 * The folder the ledger is kept in, one call of the system at a time, because what survives a power cut depends on each:
 * text is on the disk only after `sync`, and a name only after `syncNames`. Every call rejects with the system's error.
 */
export interface StateFolder extends AsyncDisposable {
  /** Where it is, for messages. */
  path: string;
  /** Resolves when it is time to write: what comes until then shares the write. */
  gather(): Promise<void>;
  /** The text of a file, or undefined where there is none. */
  read(name: string): Promise<string | undefined>;
  /** Adds to the end of a file, which is made, private to its owner, where there is none. */
  append(name: string, text: string): Promise<void>;
  sync(name: string): Promise<void>;
  /**
   * That a file is still what was written here: the same file under its name, and as long.
   *
   * @throws {FlockError} `io` where it was removed, replaced, cut short or written to by somebody else
   */
  verify(name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  syncNames(): Promise<void>;
}

/**
 * On Linux each write is on the disk before it is done: one call of the system instead of two. Other systems mean less by it.
 * @see open(2), O_DSYNC
 */
const isWrittenThrough = process.platform === 'linux';
const appended =
  constants.O_RDWR |
  constants.O_CREAT |
  constants.O_APPEND |
  constants.O_NOFOLLOW |
  (isWrittenThrough ? constants.O_DSYNC : 0);

/** A file that is written to, and how long it is when all that was written is there. Bytes. */
interface Written {
  file: FileHandle;
  size: number;
}

/** A real folder, which is made where there is none. */
export async function openStateFolder(folder: string): Promise<StateFolder> {
  await fse.ensureDir(folder, { mode: 0o700 });
  const files = new Map<string, Written>();
  const fileOf = async (name: string): Promise<Written> => {
    const known = files.get(name);
    if (known) return known;
    const file = await open(path.join(folder, name), appended, 0o600);
    await giveToOwnerOf(folder, file);
    const written = { file, size: (await file.stat()).size };
    files.set(name, written);
    return written;
  };
  const forget = async (name: string): Promise<void> => {
    await files.get(name)?.file.close();
    files.delete(name);
  };
  return {
    path: folder,
    // All that has come over the network so far comes before it.
    gather: () => setImmediate(),
    read: (name) => readText(path.join(folder, name)),
    async append(name, text) {
      const written = await fileOf(name);
      const bytes = Buffer.from(text);
      await writeAll(written.file, bytes);
      written.size += bytes.length;
    },
    sync: async (name) => {
      if (!isWrittenThrough) await (await fileOf(name)).file.datasync();
    },
    verify: async (name) => mustBeUntouched(path.join(folder, name), await fileOf(name)),
    async rename(from, to) {
      await rename(path.join(folder, from), path.join(folder, to));
      await forget(to);
      const written = files.get(from);
      files.delete(from);
      if (written) files.set(to, written);
    },
    async remove(name) {
      await rm(path.join(folder, name), { force: true });
      await forget(name);
    },
    syncNames: () => syncFolder(folder),
    async [Symbol.asyncDispose]() {
      for (const name of [...files.keys()]) await forget(name);
    },
  };
}

/** In one piece where that can be: each piece is one more fsync. */
async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done)).bytesWritten;
}

/** @throws {FlockError} as {@link StateFolder.verify} */
async function mustBeUntouched(place: string, { file, size }: Written): Promise<void> {
  // Both are asked anew: a file system may give a file another number while nobody looks.
  const [ours, there] = await Promise.all([file.stat({ bigint: true }), statusAt(place)]);
  if (!there) throw touched(place, 'was removed');
  if (there.dev !== ours.dev || there.ino !== ours.ino) throw touched(place, 'was replaced by another file');
  if (ours.size < BigInt(size)) throw touched(place, 'was cut short');
  if (ours.size > BigInt(size)) throw touched(place, 'was written to by something else');
}

/** What stands under a name, or undefined where nothing does. */
async function statusAt(place: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(place, { bigint: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

const touched = (place: string, how: string): FlockError =>
  new FlockError('io', `the ledger ${place} ${how} while flockd ran`, {
    hint: 'put it back as it was, if you can, and start flockd again',
  });

/** The text of a file, or undefined where there is none. */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
