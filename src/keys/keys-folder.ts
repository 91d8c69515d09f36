import { constants } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import { FlockError, systemCode } from '../errors.ts';
import { namesOf, reasonOf, replaceFile, sweepTemporaries, syncFolder } from '../fs.ts';
import { faultOfFolder, isServing, refusal } from './private-file.ts';

/**
 * What is in a folder of bundles, sorted; nothing where there is no folder yet.
 *
 * @param isTrusted - whether its modes say nothing, as those of systemd's credentials
 * @throws {FlockError} `permission` where others can change the folder, `data` where it cannot be read
 */
export async function namesIn(folder: string, isTrusted: boolean): Promise<string[]> {
  try {
    const fault = isTrusted ? undefined : faultOfFolder(folder, await stat(folder));
    if (fault) throw refusal(folder, fault);
    return (await namesOf(folder)).sort();
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    if (systemCode(cause) === 'ENOENT') return [];
    const exit = systemCode(cause) === 'EACCES' ? 'permission' : 'data';
    throw new FlockError(exit, `cannot read the keys folder ${folder}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Makes the folder, and proves that a bundle could be written there.
 *
 * @throws {FlockError} `cannotCreate`; `permission` where the folder is somebody else's
 */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    await fse.ensureDir(folder, { mode: 0o700 });
    const status = await stat(folder);
    const { uid, gid } = status;
    const mode = isServing(status) ? 0o750 : 0o700;
    const fault = faultOfFolder(folder, { uid, gid, mode });
    if (fault) throw refusal(folder, fault);
    // It may have been made by git or by hand, open to everybody.
    if ((status.mode & 0o777) !== mode) await fse.chmod(folder, mode);
    await fse.access(folder, constants.W_OK | constants.X_OK);
    await sweepTemporaries(folder);
  } catch (cause) {
    throw cannotWrite(folder, cause);
  }
}

/** Puts a content in the place of a file, for those who may read what is in its folder. @throws {FlockError} `cannotCreate` */
export async function putFile(file: string, content: Uint8Array): Promise<void> {
  try {
    const folder = await stat(path.dirname(file));
    await replaceFile(file, content, isServing(folder) ? { group: folder.gid } : undefined);
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
}

/** Takes a file away for good. @throws {FlockError} `cannotCreate` */
export async function discardFile(file: string): Promise<void> {
  try {
    await rm(file);
    await syncFolder(path.dirname(file));
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
}

/** Gives a file another name, for good. @throws {FlockError} `cannotCreate` */
export async function renameFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
    await syncFolder(path.dirname(to));
  } catch (cause) {
    throw cannotWrite(to, cause);
  }
}

function cannotWrite(place: string, cause: unknown): FlockError {
  if (cause instanceof FlockError) return cause;
  return new FlockError('cannotCreate', `cannot write ${place}: ${reasonOf(cause)}`, {
    hint: 'check who owns the keys folder and whether the disk is full, or give another with --keys DIR',
    cause,
  });
}
