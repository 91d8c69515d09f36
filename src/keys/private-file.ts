import { statSync } from 'node:fs';
import path from 'node:path';
import { FlockError, systemCode } from '../errors.ts';
import { readRegularFile, readRegularFileSync } from '../fs.ts';
import { shellWord } from '../text.ts';

/*
 * The rule for everything a secret is in, as ssh has it for private keys: a regular file, which belongs to us or to root, and
 * which nobody else can read or write. Two places are laid out otherwise, and are as good:
 * - systemd's folder of credentials, where files may be 0440 and root's, with an access list;
 * - a server's /etc/flockd/keys: all root's, the folder 0750, the files 0640, for a group that we are in.
 */

/** What the system says of a file or folder. */
export interface FileStatus {
  mode: number;
  uid: number;
  gid: number;
}

/** Who asks. */
export interface Reader {
  uid: number;
  groups: readonly number[];
}

/** What is wrong with a file, to go after its name, and the repair. */
export interface Fault {
  why: string;
  repair: string;
}

/** This process; undefined where the system has no such ids. */
const thisReader = (): Reader | undefined => self;

/** Asked once: its ids stay what they are. */
const self = readIds();

function readIds(): Reader | undefined {
  const uid = process.geteuid?.();
  if (uid === undefined) return undefined;
  return { uid, groups: [...(process.getgroups?.() ?? []), process.getegid?.() ?? uid] };
}

/**
 * What is wrong with the owner and mode of a file that holds a secret.
 *
 * @param folder - what the file is in
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
  // 600 would keep the service out of what root serves to its group.
  const word = shellWord(file);
  return { ...fault, repair: `chgrp ${folder.gid} ${word} && chmod 640 ${word}` };
}

/** What is wrong with the owner and mode of a folder of secrets: others must not be able to change what is in it. */
export function faultOfFolder(folder: string, status: FileStatus, reader = thisReader()): Fault | undefined {
  if (!reader) return undefined;
  if (isForeign(status, reader)) return foreign(folder, status, reader);
  return (status.mode & 0o022) === 0 ? undefined : openToOthers(folder, status, '700');
}

/** Whether a folder is laid out for a group of readers, as a server has it. */
export const isServing = (folder: FileStatus): boolean =>
  folder.uid === 0 && folder.gid !== 0 && (folder.mode & 0o077) === 0o050;

function isServed(file: FileStatus, folder: FileStatus, { uid, groups }: Reader): boolean {
  if (file.uid !== 0 || (file.mode & 0o037) !== 0 || !isServing(folder)) return false;
  // Root need not be in the group that it gave its files to.
  return groups.includes(file.gid) || (uid === 0 && file.gid === folder.gid);
}

const isForeign = ({ uid }: FileStatus, reader: Reader): boolean => uid !== 0 && uid !== reader.uid;

const foreign = (file: string, { uid }: FileStatus, reader: Reader): Fault => ({
  why: `belongs to somebody else (uid ${uid})`,
  repair: `if it should be yours: sudo chown ${reader.uid} ${shellWord(file)}`,
});

const openToOthers = (file: string, status: FileStatus, wanted: '600' | '700'): Fault => ({
  why: `open to others (mode ${modeOf(status)})`,
  repair: `chmod ${wanted} ${shellWord(file)}`,
});

/** The mode as chmod takes it. */
export const modeOf = ({ mode }: FileStatus): string => (mode & 0o777).toString(8).padStart(3, '0');

/** What is wrong with a symbolic link in the place of a secret: whoever may change where it leads is not known. */
export function faultOfLink(file: string): Fault {
  const word = shellWord(file);
  return {
    why: 'is a symbolic link, which keymaker and flockd do not follow',
    repair: `put the file in its place: cp --remove-destination "$(readlink -f ${word})" ${word}`,
  };
}

/** The error that a fault is. */
export const refusal = (file: string, { why, repair }: Fault): FlockError =>
  new FlockError('permission', `${file}: ${why}`, { hint: repair });

/** Whether a file is systemd's: what is in its folder of credentials nobody else can read, whatever the modes. */
const isCredential = (file: string, credentials: string | undefined): boolean =>
  credentials !== undefined && path.resolve(file).startsWith(`${path.resolve(credentials)}/`);

/** How a file that holds a secret may be read. */
export interface PrivateFile {
  file: string;
  /** The most bytes it may have. */
  largest: number;
  /** systemd's folder of credentials. */
  credentials?: string | undefined;
}

/**
 * The bytes of a file that holds a secret.
 *
 * @throws {FlockError} `permission` where somebody else can get at it, or we cannot
 * @throws {Error} as {@link readRegularFile}
 */
export async function readPrivateFile({ file, largest, credentials }: PrivateFile): Promise<Buffer> {
  try {
    return await readRegularFile(file, largest, (status) => mustBePrivate(file, status, credentials));
  } catch (cause) {
    throw explained(file, cause);
  }
}

/** {@link readPrivateFile} for settings. */
export function readPrivateFileSync({ file, largest, credentials }: PrivateFile): Buffer {
  try {
    return readRegularFileSync(file, largest, (status) => mustBePrivate(file, status, credentials));
  } catch (cause) {
    throw explained(file, cause);
  }
}

/** @throws {FlockError} `permission` */
function mustBePrivate(file: string, status: FileStatus, credentials: string | undefined): void {
  if (isCredential(file, credentials)) return;
  // Only a file that is open to a group needs its folder looked at.
  const folder = (status.mode & 0o077) === 0 ? undefined : statSync(path.dirname(file));
  const fault = faultOfFile(file, status, folder);
  if (fault) throw refusal(file, fault);
}

function explained(file: string, cause: unknown): unknown {
  const code = systemCode(cause);
  if (code === 'ELOOP') return refusal(file, faultOfLink(file));
  if (code !== 'EACCES' && code !== 'EPERM') return cause;
  return new FlockError('permission', `${file}: cannot be read: permission denied`, {
    hint: `who may read it: ls -l ${shellWord(file)}`,
    cause,
  });
}
