import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, systemCode } from './errors.ts';

/**
 * The bytes of a regular file. Links are not followed, and anything else in its place (a FIFO, a device, a folder)
 * is refused without waiting for it.
 *
 * @param largest - the most bytes it may have
 * @throws {Error} with the system's code, or with a message that says what is there instead
 */
export async function readRegularFile(file: string, largest: number): Promise<Buffer> {
  // Without O_NONBLOCK a FIFO would hold one of the few threads that read files for ever.
  await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const status = await handle.stat();
  if (!status.isFile()) throw new Error('it is not a regular file');
  if (status.size > largest) throw new Error(`it is too large (${status.size} bytes)`);
  return await handle.readFile();
}

/**
 * Puts a text in the place of a file, private to its owner. A crash at any moment leaves the old file or the new one.
 *
 * @throws {Error} with the system's code; no part of the new file is left then
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  const folder = path.dirname(file);
  const temporary = path.join(folder, `.${path.basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeNewFile(temporary, text);
    await rename(temporary, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Made new and private in one call, so that a secret is never there with a wider mode. */
async function writeNewFile(file: string, text: string): Promise<void> {
  await using handle = await open(file, 'wx', 0o600);
  await handle.writeFile(text);
  await handle.sync();
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
