import { constants, lstatSync, type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import { type Exit, FlockError, systemCode } from '../errors.ts';
import { fileError, readRegularFileSync, replaceFile, sweepTemporaries } from '../fs.ts';
import { shellWord } from '../text.ts';

/*
 * Reads and writes files that hold a secret, and checks them and their folders.
 *
 * The rule for every file that holds a secret, the same as ssh's for private keys: a regular file that belongs to us or to root,
 * and that others cannot read or write. Two layouts are accepted besides:
 * - systemd's folder of credentials, where root's files may be 0440 with an access list;
 * - a server's /etc/flockd/keys: all root's, the folder 0750, the files 0640, for a group that we are in.
 */

/** The owner and mode of a file or folder. */
type FileStatus = Pick<Stats, 'mode' | 'uid' | 'gid'>;

/** The user and groups of a process that reads. */
interface Reader {
  uid: number;
  groups: readonly number[];
}

/** What is wrong with a file, to follow its name in a message, and the command that repairs it. */
interface Fault {
  why: string;
  repair: string;
}

/** This process; undefined if the system has no user ids. */
const uid = process.geteuid?.();
const thisReader: Reader | undefined =
  uid === undefined
    ? undefined
    : { uid, groups: [...(process.getgroups?.() ?? []), process.getegid?.() ?? uid] };

/** What is wrong with the owner and mode of a file that holds a secret. @param folder - the file's folder */
export function faultOfFile(
  file: string,
  status: FileStatus,
  folder: FileStatus | undefined,
  reader = thisReader,
): Fault | undefined {
  const isOfOther = foreign(file, status, reader);
  if (!reader || isOfOther) return isOfOther;
  if ((status.mode & 0o077) === 0 || (folder && isServed(status, folder, reader))) return undefined;
  const fault = openToOthers(file, status, '600');
  if (!folder || !isServing(folder) || status.uid !== 0) return fault;
  // With 600 the service could not read the files that root serves to its group.
  const word = shellWord(file);
  return { ...fault, repair: `chgrp ${folder.gid} ${word} && chmod 640 ${word}` };
}

/** What is wrong with the owner and mode of a folder of secrets: others must not be able to change what is in it. */
export function faultOfFolder(folder: string, status: FileStatus, reader = thisReader): Fault | undefined {
  const isSafe = !reader || (status.mode & 0o022) === 0;
  return foreign(folder, status, reader) ?? (isSafe ? undefined : openToOthers(folder, status, '700'));
}

/** Whether a folder serves a group of readers: root's, with mode 0750 and another group than root's. */
const isServing = (folder: FileStatus): boolean =>
  folder.uid === 0 && folder.gid !== 0 && (folder.mode & 0o077) === 0o050;

function isServed(file: FileStatus, folder: FileStatus, { uid, groups }: Reader): boolean {
  if (file.uid !== 0 || (file.mode & 0o037) !== 0 || !isServing(folder)) return false;
  // Root may read them without being in the group.
  return groups.includes(file.gid) || (uid === 0 && file.gid === folder.gid);
}

function foreign(file: string, { uid }: FileStatus, reader: Reader | undefined): Fault | undefined {
  if (!reader || uid === 0 || uid === reader.uid) return undefined;
  const repair = `if it should be yours: sudo chown ${reader.uid} ${shellWord(file)}`;
  return { why: `belongs to another user (uid ${uid})`, repair };
}

const openToOthers = (file: string, status: FileStatus, wanted: '600' | '700'): Fault => ({
  why: `open to others (mode ${modeOf(status)})`,
  repair: `chmod ${wanted} ${shellWord(file)}`,
});

/** The mode as chmod takes it. */
const modeOf = ({ mode }: FileStatus): string => (mode & 0o777).toString(8).padStart(3, '0');

/** The fault of a symbolic link to a secret: who may change its target is not known. */
function faultOfLink(file: string): Fault {
  const word = shellWord(file);
  return {
    why: 'is a symbolic link, which keymaker and flockd do not follow',
    repair: `put the file in its place: cp --remove-destination "$(readlink -f ${word})" ${word}`,
  };
}

/** The mode of a file or folder of secrets, and its fault if it has one. */
export interface Inspection {
  mode: string;
  fault: Fault | undefined;
}

/** The fault is the one for which {@link readPrivateFile} refuses the file; undefined if it cannot be examined. */
export const inspectFile = (file: string): Inspection | undefined =>
  inspect(() => {
    const status = lstatSync(file);
    if (!status.isSymbolicLink())
      return { status, fault: faultOfFile(file, status, statSync(path.dirname(file))) };
    const { why, repair } = faultOfLink(file);
    return { status, fault: { why: `${file} ${why}`, repair } };
  });

/** This is stricter than {@link checkFolder}: only the owner should be able to open the folder, or also a server's group. */
export const inspectFolder = (folder: string): Inspection | undefined =>
  inspect(() => {
    const status = statSync(folder);
    const isOpen = (status.mode & 0o077) !== 0 && !isServing(status);
    const fault = faultOfFolder(folder, status) ?? (isOpen ? openToOthers(folder, status, '700') : undefined);
    return { status, fault };
  });

function inspect(examine: () => { status: Stats; fault: Fault | undefined }): Inspection | undefined {
  try {
    const { status, fault } = examine();
    return { mode: modeOf(status), fault };
  } catch {
    return undefined;
  }
}

const refusal = (file: string, { why, repair }: Fault): FlockError =>
  new FlockError('permission', `${file}: ${why}`, { hint: repair });

/** The maximum size of a file that holds a secret; a bundle has a few hundred bytes. Bytes. */
const maxBytes = 64 * 1024;

/**
 * The bytes of a small file that holds a secret. It reads synchronously, which is faster for a small file.
 *
 * @param failure - the error for any other failure than of permissions; the reason follows the message
 * @param credentials - systemd's folder of credentials, which others cannot read, whatever the modes of its files
 * @throws {FlockError} `permission` if others can read or write it, or we cannot read it; otherwise the failure
 */
export function readPrivateFile(
  file: string,
  failure: { exit: Exit; message: string; hint?: string },
  credentials?: string,
): Buffer {
  const isCredential =
    credentials !== undefined && path.resolve(file).startsWith(`${path.resolve(credentials)}/`);
  try {
    return readRegularFileSync(file, maxBytes, (status) => {
      if (isCredential) return;
      // The folder matters only for a file with permissions for others.
      const folder = (status.mode & 0o077) === 0 ? undefined : statSync(path.dirname(file));
      const fault = faultOfFile(file, status, folder);
      if (fault) throw refusal(file, fault);
    });
  } catch (cause) {
    const code = systemCode(cause);
    if (code === 'ELOOP') throw refusal(file, faultOfLink(file));
    if (code !== 'EACCES' && code !== 'EPERM')
      throw fileError(cause, failure.exit, failure.message, failure.hint);
    const hint = `this shows who may read it: ls -l ${shellWord(file)}`;
    throw new FlockError('permission', `${file}: cannot be read: permission denied`, { hint, cause });
  }
}

/**
 * Replaces a file durably. It is 0600, or readable for the group that its folder serves.
 *
 * @throws {Error} as {@link replaceFile}
 */
export async function writePrivateFile(file: string, content: Uint8Array): Promise<void> {
  const folder = await stat(path.dirname(file));
  await replaceFile(file, content, isServing(folder) ? { group: folder.gid } : undefined);
}

/** @throws {FlockError} `permission` if others can change the folder @throws {Error} with the system's code */
export async function checkFolder(folder: string): Promise<void> {
  const fault = faultOfFolder(folder, await stat(folder));
  if (fault) throw refusal(folder, fault);
}

/**
 * Creates a folder of secrets if necessary, closes it to others, and checks that a file can be written there.
 *
 * @throws {FlockError} `permission` if it belongs to another user
 * @throws {Error} with the system's code
 */
export async function prepareFolder(folder: string): Promise<void> {
  await fse.ensureDir(folder, { mode: 0o700 });
  const status = await stat(folder);
  const { uid, gid } = status;
  const mode = isServing(status) ? 0o750 : 0o700;
  const fault = faultOfFolder(folder, { uid, gid, mode });
  if (fault) throw refusal(folder, fault);
  // A folder that git or a person created may be open to others.
  if ((status.mode & 0o777) !== mode) await fse.chmod(folder, mode);
  await fse.access(folder, constants.W_OK | constants.X_OK);
  await sweepTemporaries(folder);
}
