import { statSync } from 'node:fs';
import path from 'node:path';
import { FlockError, systemCode } from '../errors.ts';
import { readRegularFile, readRegularFileSync } from '../fs.ts';
import { shellWord } from '../text.ts';

/*
 * The rule for every file that holds a secret, the same as ssh's for private keys: a regular file that belongs to us or to root,
 * and that others cannot read or write. Two layouts are accepted besides:
 * - systemd's folder of credentials, where root's files may be 0440 with an access list;
 * - a server's /etc/flockd/keys: all root's, the folder 0750, the files 0640, for a group that we are in.
 */

/** The owner and mode of a file or folder. */
export interface FileStatus {
  mode: number;
  uid: number;
  gid: number;
}

/** The user and groups of a process that reads. */
export interface Reader {
  uid: number;
  groups: readonly number[];
}

/** What is wrong with a file, to follow its name in a message, and the command that repairs it. */
export interface Fault {
  why: string;
  repair: string;
}

/** This process; undefined if the system has no user ids. */
const thisReader = (): Reader | undefined => self;

/** Read once: the ids of this process do not change. */
const self = readIds();

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
  reader = thisReader(),
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
export function faultOfFolder(folder: string, status: FileStatus, reader = thisReader()): Fault | undefined {
  if (!reader) return undefined;
  if (isForeign(status, reader)) return foreign(folder, status, reader);
  return (status.mode & 0o022) === 0 ? undefined : openToOthers(folder, status, '700');
}

/** Whether a folder serves a group of readers: root's, with mode 0750 and another group than root's. */
export const isServing = (folder: FileStatus): boolean =>
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
export const modeOf = ({ mode }: FileStatus): string => (mode & 0o777).toString(8).padStart(3, '0');

/** The fault of a symbolic link to a secret: who may change its target is not known. */
export function faultOfLink(file: string): Fault {
  const word = shellWord(file);
  return {
    why: 'is a symbolic link, which keymaker and flockd do not follow',
    repair: `put the file in its place: cp --remove-destination "$(readlink -f ${word})" ${word}`,
  };
}

/** The error for a fault. */
export const refusal = (file: string, { why, repair }: Fault): FlockError =>
  new FlockError('permission', `${file}: ${why}`, { hint: repair });

/** Whether a file is in systemd's folder of credentials, which others cannot read, whatever the modes. */
const isCredential = (file: string, credentials: string | undefined): boolean =>
  credentials !== undefined && path.resolve(file).startsWith(`${path.resolve(credentials)}/`);

/** How a file that holds a secret may be read. */
export interface PrivateFile {
  file: string;
  /** A larger file is refused. */
  maxBytes: number;
  /** systemd's folder of credentials. */
  credentials?: string | undefined;
}

/**
 * The bytes of a file that holds a secret.
 *
 * @throws {FlockError} `permission` if others can read or write it, or we cannot read it
 * @throws {Error} as {@link readRegularFile}
 */
export async function readPrivateFile({ file, maxBytes, credentials }: PrivateFile): Promise<Buffer> {
  try {
    return await readRegularFile(file, maxBytes, (status) => mustBePrivate(file, status, credentials));
  } catch (cause) {
    throw explained(file, cause);
  }
}

/** The same as {@link readPrivateFile}, synchronously. */
export function readPrivateFileSync({ file, maxBytes, credentials }: PrivateFile): Buffer {
  try {
    return readRegularFileSync(file, maxBytes, (status) => mustBePrivate(file, status, credentials));
  } catch (cause) {
    throw explained(file, cause);
  }
}

/** @throws {FlockError} `permission` */
function mustBePrivate(file: string, status: FileStatus, credentials: string | undefined): void {
  if (isCredential(file, credentials)) return;
  // The folder matters only for a file with permissions for others.
  const folder = (status.mode & 0o077) === 0 ? undefined : statSync(path.dirname(file));
  const fault = faultOfFile(file, status, folder);
  if (fault) throw refusal(file, fault);
}

function explained(file: string, cause: unknown): unknown {
  const code = systemCode(cause);
  if (code === 'ELOOP') return refusal(file, faultOfLink(file));
  if (code !== 'EACCES' && code !== 'EPERM') return cause;
  return new FlockError('permission', `${file}: cannot be read: permission denied`, {
    hint: `this shows who may read it: ls -l ${shellWord(file)}`,
    cause,
  });
}
