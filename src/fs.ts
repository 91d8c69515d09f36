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
import { messageOf, systemCode } from './errors.ts';

/**
 * The bytes of a regular file. Links are not followed, and anything else in its place (a FIFO, a device, a folder)
 * is refused without waiting for it.
 *
 * @param largest - the most bytes it may have
 * @param check - throws what is wrong with the file that was opened
 * @throws {Error} with the system's code, or with a message that says what is there instead
 */
export async function readRegularFile(
  file: string,
  largest: number,
  check?: (status: Stats) => void,
): Promise<Buffer> {
  await using handle = await open(file, careful);
  const status = await handle.stat();
  mustBeRegular(status, largest);
  check?.(status);
  return await handle.readFile();
}

/** {@link readRegularFile} for settings, which are read before anything else goes on. */
export function readRegularFileSync(file: string, largest: number, check?: (status: Stats) => void): Buffer {
  const descriptor = openSync(file, careful);
  try {
    const status = fstatSync(descriptor);
    mustBeRegular(status, largest);
    check?.(status);
    // One byte more, so that the file's end is seen without asking again.
    const bytes = Buffer.allocUnsafe(status.size + 1);
    const length = readSync(descriptor, bytes);
    const read = bytes.subarray(0, length);
    return length === status.size ? read : Buffer.concat([read, readFileSync(descriptor)]);
  } finally {
    closeSync(descriptor);
  }
}

// Without O_NONBLOCK a FIFO would hold one of the few threads that read files for ever.
const careful = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** @throws {Error} with a message that says what is there instead */
function mustBeRegular(status: Stats, largest: number): void {
  if (!status.isFile()) throw new Error('it is not a regular file');
  if (status.size > largest) throw new Error(`it is too large (${status.size} bytes)`);
}

/** Who besides its owner may read a file. */
interface Readers {
  /** The id of the group that may. */
  group: number;
}

/**
 * Puts a content in the place of a file, private to its owner. A crash at any moment leaves the old file or the new one.
 *
 * @param readers - where it is not for its owner alone
 * @throws {Error} with the system's code; no part of the new file is left then
 */
export async function replaceFile(
  file: string,
  content: string | Uint8Array,
  readers?: Readers,
): Promise<void> {
  const folder = path.dirname(file);
  const temporary = temporaryFor(file);
  const name = path.basename(temporary);
  underWay.add(name);
  try {
    await writeNewFile(temporary, content, readers);
    await rename(temporary, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    underWay.delete(name);
  }
}

/** The temporary files that this process writes just now. */
const underWay = new Set<string>();

const temporaryFor = (file: string): string =>
  path.join(
    path.dirname(file),
    `.${path.basename(file)}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`,
  );

/** Its process is in its name, so that it can be told whether anybody still works on it. */
const temporary = /^\.(.+)\.(\d+)-[0-9a-f]{12}\.tmp$/;

/** Nobody writes a file for so long: then its process is another one that has got the same id. Milliseconds. */
const maxWriting = 24 * 60 * 60_000;

/**
 * Removes the temporary files in a folder whose writers were killed: {@link replaceFile} leaves none otherwise. What a process
 * still writes stays.
 *
 * @param of - the file that they were to replace, where the others are none of the caller's
 */
export async function sweepTemporaries(folder: string, of?: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, replaced, writer] = temporary.exec(name) ?? [];
    if (writer === undefined || (of !== undefined && replaced !== of)) continue;
    const file = path.join(folder, name);
    if (isWriting(Number(writer), name) && !(await isOlder(file, maxWriting))) continue;
    await rm(file, { force: true });
  }
}

function isWriting(pid: number, name: string): boolean {
  // A container gives every process the id that the one before it had.
  return pid === process.pid ? underWay.has(name) : isRunning(pid);
}

async function isOlder(file: string, age: number): Promise<boolean> {
  try {
    return systemClock.now() - (await stat(file)).mtimeMs > age;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Whether a process of this machine is there. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

/**
 * Gives a file that root has made in the folder of somebody else to them, who could not use it otherwise: a service's state
 * folder stays usable for the service when somebody says `sudo flockd pause`.
 */
export async function giveToOwnerOf(folder: string, handle: FileHandle): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const [owner, file] = await Promise.all([stat(folder), handle.stat()]);
  const isNew = file.uid === 0 && file.size === 0 && file.nlink === 1;
  if (isNew && owner.uid !== 0) await handle.chown(owner.uid, owner.gid);
}

/** Made new and private in one call, so that a secret is never there with a wider mode. */
async function writeNewFile(file: string, content: string | Uint8Array, readers?: Readers): Promise<void> {
  await using handle = await open(file, 'wx', 0o600);
  await giveToOwnerOf(path.dirname(file), handle);
  await handle.writeFile(content);
  if (readers) {
    const { uid } = await handle.stat();
    await handle.chown(uid, readers.group);
    await handle.chmod(0o640);
  }
  await handle.sync();
}

/** What is in a folder, a thousand names at a time: all of a large one at once would take memory that is never given back. */
export const openFolder = (folder: string): Promise<Dir> => opendir(folder, { bufferSize: 1000 });

/** The names in a folder, in any order. @throws {Error} with the system's code where it cannot be read */
export async function namesOf(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await openFolder(folder)) names.push(name);
    return names;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    // Some file systems do not say what their entries are, so Node looks at each; one that is gone by then is no reason to see none.
    return readdir(folder);
  }
}

/** Makes what was created, renamed or removed in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

const reasons: Partial<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'it is not a folder',
  EISDIR: 'it is a folder',
  // Node's own, of a folder that is to be removed as a file.
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

/** Why a system call failed, in words where there are some. */
export function reasonOf(cause: unknown): string {
  const code = systemCode(cause) ?? '';
  return reasons[code] ?? (code || messageOf(cause));
}

/**
 * The path of a file of this package, from the source and from what is built alike: both are one folder below its root.
 *
 * @param name - such as `dist/flockd.js`; the root itself where it is empty
 */
export const ownFile = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** A path as a person at this prompt would write it: relative where it is below. */
export function shownPath(file: string): string {
  const way = path.relative('.', file);
  return way === '' || way.startsWith('..') ? file : way;
}
