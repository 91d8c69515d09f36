import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  type Dir,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  type Stats,
} from 'node:fs';
import { type FileHandle, open, opendir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from './clock.ts';
import { type Exit, FlockError, messageOf, systemCode } from './errors.ts';

/*
 * Safe access to the disk: reads only regular files, replaces files atomically and durably, and says in words why a system call
 * failed.
 */

/**
 * The bytes of a regular file. Symbolic links are not followed; a FIFO, a device or a folder is refused without blocking.
 *
 * @param maxBytes - a larger file is refused
 * @throws {Error} with the system's code, or with a message that says what is there instead
 */
export async function readRegularFile(file: string, maxBytes: number): Promise<Buffer> {
  await using handle = await open(file, careful);
  mustBeRegular(await handle.stat(), maxBytes);
  return await handle.readFile();
}

/** The same as {@link readRegularFile}, synchronously. @param check - throws if the opened file must not be used */
export function readRegularFileSync(file: string, maxBytes: number, check?: (status: Stats) => void): Buffer {
  const descriptor = openSync(file, careful);
  try {
    const status = fstatSync(descriptor);
    mustBeRegular(status, maxBytes);
    check?.(status);
    // One byte more, so that one call reads the file and finds its end.
    const bytes = Buffer.allocUnsafe(status.size + 1);
    const length = readSync(descriptor, bytes);
    const read = bytes.subarray(0, length);
    return length === status.size ? read : Buffer.concat([read, readFileSync(descriptor)]);
  } finally {
    closeSync(descriptor);
  }
}

// Without O_NONBLOCK, opening a FIFO would block one of libuv's few threads for ever.
const careful = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** @throws {Error} with a message that says what is there instead */
function mustBeRegular(status: Stats, maxBytes: number): void {
  if (!status.isFile()) throw new Error('it is not a regular file');
  if (status.size > maxBytes) throw new Error(`it is too large (${status.size} bytes)`);
}

/**
 * Replaces a file, or creates it, with mode 0600. A crash at any moment leaves the old file or the new one.
 *
 * @param readers - the id of a group that may read it, too: the mode is then 0640
 * @throws {Error} with the system's code; nothing of the new file remains
 */
export async function replaceFile(
  file: string,
  content: string | Uint8Array,
  readers?: { group: number },
): Promise<void> {
  const folder = path.dirname(file);
  const name = `.${path.basename(file)}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`;
  const temporary = path.join(folder, name);
  beingWritten.add(name);
  try {
    await writeNewFile(temporary, content, readers?.group);
    await rename(temporary, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    beingWritten.delete(name);
  }
}

/** The names of the temporary files that this process is writing. */
const beingWritten = new Set<string>();

/** The name of a temporary file. It holds the id of its process, which tells whether the file is still being written. */
const temporaryName = /^\.(.+)\.(\d+)-[0-9a-f]{12}\.tmp$/;

/** The longest that writing a file takes, in milliseconds. A process with the id in the name of an older file is another one. */
const maxWritingTime = 24 * 60 * 60_000;

/**
 * Removes the temporary files that {@link replaceFile} leaves in a folder when its process is killed. Files that a running
 * process is writing stay.
 *
 * @param of - only the temporary files of this file
 */
export async function sweepTemporaries(folder: string, of?: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, replaced, writer] = temporaryName.exec(name) ?? [];
    if (writer === undefined || (of !== undefined && replaced !== of)) continue;
    const file = path.join(folder, name);
    // In a container, a restarted process gets the id of the one before it.
    const isOurs = Number(writer) === process.pid;
    const isWriting = isOurs ? beingWritten.has(name) : isRunning(Number(writer));
    if (isWriting && !(await isOlder(file, maxWritingTime))) continue;
    await rm(file, { force: true });
  }
}

async function isOlder(file: string, age: number): Promise<boolean> {
  try {
    return systemClock.now() - (await stat(file)).mtimeMs > age;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Whether this machine has a process with an id. */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

/**
 * Gives a new file of root's to the owner of its folder. So `sudo flockd pause` leaves no file in a service's state folder that
 * the service cannot open.
 */
export async function giveToOwnerOf(folder: string, handle: FileHandle): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const [owner, file] = await Promise.all([stat(folder), handle.stat()]);
  const isNew = file.uid === 0 && file.size === 0 && file.nlink === 1;
  if (isNew && owner.uid !== 0) await handle.chown(owner.uid, owner.gid);
}

/** Creates the file with mode 0600 in one call, so that a secret never has a wider mode. */
async function writeNewFile(file: string, content: string | Uint8Array, group?: number): Promise<void> {
  await using handle = await open(file, 'wx', 0o600);
  await giveToOwnerOf(path.dirname(file), handle);
  await handle.writeFile(content);
  if (group !== undefined) {
    const { uid } = await handle.stat();
    await handle.chown(uid, group);
    await handle.chmod(0o640);
  }
  await handle.sync();
}

/** Opens a folder to read a thousand names at a time: reading a large one whole takes memory that is never returned. */
export const openFolder = (folder: string): Promise<Dir> => opendir(folder, { bufferSize: 1000 });

/** The names in a folder, in any order. @throws {Error} with the system's code */
export async function namesOf(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await openFolder(folder)) names.push(name);
    return names;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    // Some file systems do not report the type of an entry, so Node calls stat on each, which fails for one that is gone by then.
    return readdir(folder);
  }
}

/** Flushes a folder to the disk, so that files created, renamed or removed in it survive a power failure. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

const reasons: Partial<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'it is not a folder',
  EISDIR: 'it is a folder',
  // Node's own code for removing a folder as a file.
  ERR_FS_EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'it is a symbolic link',
  ENXIO: 'it is not a regular file',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk is read-only',
  EIO: 'the disk is failing',
  EEXIST: 'a file is in its place',
  EADDRINUSE: 'the port is in use',
};

/** Why a system call failed, in words, or the system's code if there are none. */
export function reasonOf(cause: unknown): string {
  const code = systemCode(cause) ?? '';
  return reasons[code] ?? (code || messageOf(cause));
}

/** The error for whatever was thrown in reading or writing a file: `what: permission denied`; a FlockError stays as it is. */
export const fileError = (cause: unknown, exit: Exit, what: string, hint?: string): FlockError =>
  cause instanceof FlockError ? cause : new FlockError(exit, `${what}: ${reasonOf(cause)}`, { hint, cause });

/**
 * The path of a file of this package. It works in `src/` and in `dist/`: both are one folder below the package's root.
 *
 * @param name - such as `dist/flockd.js`; empty for the root itself
 */
export const ownFile = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** A path as messages show it: relative if it is below the working directory. */
export function shownPath(file: string): string {
  const relative = path.relative('.', file);
  return relative === '' || relative.startsWith('..') ? file : relative;
}
