import { constants, lstatSync, type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import { FlockError, systemCode } from '../errors.ts';
import { readRegularFileSync, replaceFile, sweepTemporaries } from '../fs.ts';
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
const thisReader = readIds();

function readIds(): Reader | undefined {
  const uid = process.geteuid?.();
  if (uid === undefined) return undefined;
  return { uid, groups: [...(process.getgroups?.() ?? []), process.getegid?.() ?? uid] };
}

/**
 * What is wrong with the owner and mode of a file that holds a secret.
 *
 * @param folder - the file's folder
 */
export function faultOfFile(
  file: string,
  status: FileStatus,
  folder: FileStatus | undefined,
  reader = thisReader,
): Fault | undefined {
  if (!reader) return undefined;
  if (isForeign(status, reader)) return foreign(file, status, reader);
  if ((status.mode & 0o077) === 0 || (folder && isServed(status, folder, reader))) return undefined;
  const fault = openToOthers(file, status, '600');
  if (!folder || !isServing(folder) || status.uid !== 0) return fault;
  // With 600 the service could not read the files that root serves to its group.
  const word = shellWord(file);
  return { ...fault, repair: `chgrp ${folder.gid} ${word} && chmod 640 ${word}` };
}

/** What is wrong with the owner and mode of a folder of secrets: others must not be able to change what is in it. */
export function faultOfFolder(folder: string, status: FileStatus, reader = thisReader): Fault | undefined {
  if (!reader) return undefined;
  if (isForeign(status, reader)) return foreign(folder, status, reader);
  return (status.mode & 0o022) === 0 ? undefined : openToOthers(folder, status, '700');
}

/** Whether a folder serves a group of readers: root's, with mode 0750 and another group than root's. */
const isServing = (folder: FileStatus): boolean =>
  folder.uid === 0 && folder.gid !== 0 && (folder.mode & 0o077) === 0o050;

function isServed(file: FileStatus, folder: FileStatus, { uid, groups }: Reader): boolean {
  if (file.uid !== 0 || (file.mode & 0o037) !== 0 || !isServing(folder)) return false;
  // Root may read them without being in the group.
  return groups.includes(file.gid) || (uid === 0 && file.gid === folder.gid);
}

const isForeign = ({ uid }: FileStatus, reader: Reader): boolean => uid !== 0 && uid !== reader.uid;

const foreign = (file: string, { uid }: FileStatus, reader: Reader): Fault => ({
  why: `belongs to another user (uid ${uid})`,
  repair: `if it should be yours: sudo chown ${reader.uid} ${shellWord(file)}`,
});

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

/**
 * @returns undefined if there is no such file, or it cannot be examined. The fault is the one for which
 * {@link readPrivateFile} refuses it
 */
export function inspectFile(file: string): Inspection | undefined {
  const status = statusBy(lstatSync, file);
  if (!status) return undefined;
  const mode = modeOf(status);
  if (!status.isSymbolicLink())
    return { mode, fault: faultOfFile(file, status, statusBy(statSync, path.dirname(file))) };
  const { why, repair } = faultOfLink(file);
  return { mode, fault: { why: `${file} ${why}`, repair } };
}

/**
 * This is stricter than {@link checkFolder}: only the owner should be able to open the folder, or also a server's group.
 *
 * @returns undefined if there is no such folder, or it cannot be examined
 */
export function inspectFolder(folder: string): Inspection | undefined {
  const status = statusBy(statSync, folder);
  if (!status) return undefined;
  const isOpen = (status.mode & 0o077) !== 0 && !isServing(status);
  const fault = faultOfFolder(folder, status) ?? (isOpen ? openToOthers(folder, status, '700') : undefined);
  return { mode: modeOf(status), fault };
}

function statusBy(read: (file: string) => Stats, file: string): Stats | undefined {
  try {
    return read(file);
  } catch {
    return undefined;
  }
}

const refusal = (file: string, { why, repair }: Fault): FlockError =>
  new FlockError('permission', `${file}: ${why}`, { hint: repair });

/** How a file that holds a secret may be read. */
interface PrivateFile {
  file: string;
  /** A larger file is refused. */
  maxBytes: number;
  /** systemd's folder of credentials, which others cannot read, whatever the modes of its files. */
  credentials?: string | undefined;
}

/**
 * The bytes of a small file that holds a secret. It reads synchronously, which is faster for a small file.
 *
 * @throws {FlockError} `permission` if others can read or write it, or we cannot read it
 * @throws {Error} as {@link readRegularFileSync}
 */
export function readPrivateFile({ file, maxBytes, credentials }: PrivateFile): Buffer {
  const isCredential =
    credentials !== undefined && path.resolve(file).startsWith(`${path.resolve(credentials)}/`);
  try {
    return readRegularFileSync(file, maxBytes, (status) => {
      if (!isCredential) mustBePrivate(file, status);
    });
  } catch (cause) {
    const code = systemCode(cause);
    if (code === 'ELOOP') throw refusal(file, faultOfLink(file));
    if (code !== 'EACCES' && code !== 'EPERM') throw cause;
    throw new FlockError('permission', `${file}: cannot be read: permission denied`, {
      hint: `this shows who may read it: ls -l ${shellWord(file)}`,
      cause,
    });
  }
}

/** @throws {FlockError} `permission` */
function mustBePrivate(file: string, status: FileStatus): void {
  // The folder matters only for a file with permissions for others.
  const folder = (status.mode & 0o077) === 0 ? undefined : statSync(path.dirname(file));
  const fault = faultOfFile(file, status, folder);
  if (fault) throw refusal(file, fault);
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
