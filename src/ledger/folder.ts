import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fse from 'fs-extra';
import { FlockError, systemCode } from '../errors.ts';
import { giveToOwnerOf, syncFolder } from '../fs.ts';

/**
 * The folder of the ledger, with one system call at a time, because what survives a power cut depends on each: text is on the
 * disk only after `sync`, and a name only after `syncNames`. Every call rejects with the system's error.
 */
export interface StateFolder extends AsyncDisposable {
  /** Where it is, for messages. */
  path: string;
  /** Resolves when it is time to write: what comes until then shares the write. */
  gather(): Promise<void>;
  /** The text of a file, or undefined if there is none. */
  read(name: string): Promise<string | undefined>;
  /** Adds to the end of a file, which is created, private to its owner, if it does not exist. */
  append(name: string, text: string): Promise<void>;
  sync(name: string): Promise<void>;
  /**
   * Checks that a file is as it was written here: the same file under its name, with the same length.
   *
   * @throws {FlockError} `io` if it was removed, replaced, cut short or written to by somebody else
   */
  verify(name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  syncNames(): Promise<void>;
}

/**
 * On Linux each write is on the disk before it returns: one system call instead of two. Other systems promise less.
 * @see open(2), O_DSYNC
 */
const isWrittenThrough = process.platform === 'linux';
const appended =
  constants.O_RDWR |
  constants.O_CREAT |
  constants.O_APPEND |
  constants.O_NOFOLLOW |
  (isWrittenThrough ? constants.O_DSYNC : 0);

/** An open file, and its length with all that was written, in bytes. */
interface Written {
  file: FileHandle;
  size: number;
}

/** A real folder, which is created if it does not exist. */
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
  const close = async (name: string): Promise<void> => {
    await files.get(name)?.file.close();
    files.delete(name);
  };
  return {
    path: folder,
    // Everything that has already come over the network goes first.
    gather: () => setImmediate(),
    async read(name) {
      try {
        return await readFile(path.join(folder, name), 'utf8');
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    async append(name, text) {
      const written = await fileOf(name);
      const bytes = Buffer.from(text);
      // Usually in one piece: each piece is one more sync.
      for (let done = 0; done < bytes.length;) done += (await written.file.write(bytes, done)).bytesWritten;
      written.size += bytes.length;
    },
    sync: async (name) => {
      if (!isWrittenThrough) await (await fileOf(name)).file.datasync();
    },
    verify: async (name) => mustBeUntouched(path.join(folder, name), await fileOf(name)),
    async rename(from, to) {
      await rename(path.join(folder, from), path.join(folder, to));
      await close(to);
      const written = files.get(from);
      files.delete(from);
      if (written) files.set(to, written);
    },
    async remove(name) {
      await rm(path.join(folder, name), { force: true });
      await close(name);
    },
    syncNames: () => syncFolder(folder),
    async [Symbol.asyncDispose]() {
      for (const name of [...files.keys()]) await close(name);
    },
  };
}

/** @throws {FlockError} as {@link StateFolder.verify} */
async function mustBeUntouched(place: string, { file, size }: Written): Promise<void> {
  const touched = (how: string): FlockError =>
    new FlockError('io', `the ledger ${place} ${how} while flockd ran`, {
      hint: 'put it back as it was, if you can, and start flockd again',
    });
  // Both are read now: a file system may change a file's number.
  const [ours, there] = await Promise.all([file.stat({ bigint: true }), statusOf(place)]);
  if (!there) throw touched('was removed');
  if (there.dev !== ours.dev || there.ino !== ours.ino) throw touched('was replaced by another file');
  if (ours.size < BigInt(size)) throw touched('was cut short');
  if (ours.size > BigInt(size)) throw touched('was written to by something else');
}

async function statusOf(place: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(place, { bigint: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
