import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import { plainEnvironment } from '../config/environment.ts';
import { FlockError, systemCode } from '../errors.ts';
import { giveToOwnerOf, reasonOf, sweepTemporaries } from '../fs.ts';
import { folderMark, type RunningDaemon, runningDaemons } from './claims.ts';

export interface Lock extends AsyncDisposable {
  /**
   * Takes the lock again where its file was removed.
   *
   * @throws {FlockError} `io` where another process has it by now
   */
  mustBeOurs: () => Promise<void>;
}

/**
 * Makes this process the only daemon on a state folder, until it ends in any way: the kernel drops the lock with the
 * process, so none is ever left behind. (flock(1) locks the open file it inherits, which stays locked with us.)
 *
 * @throws {FlockError} `tryLater` with the other's pid where there is another, `io` where the folder cannot be written
 */
export async function lockState(folder: string): Promise<Lock> {
  let held = await lockFile(folder);
  const mustBeOurs = async (): Promise<void> => {
    if (await isAt(held.file, held.handle)) return;
    const again = await lockFile(folder).catch((cause: unknown) => {
      throw new FlockError('io', `the lock ${held.file} was removed, and another process has taken it`, {
        hint: 'end the other flockd on this state folder, then start this one again',
        cause,
      });
    });
    await held.handle.close();
    held = again;
  };
  try {
    // The file may have been removed under a daemon that still runs.
    const others = await daemonsOn(folder);
    if (others[0]) throw taken(folder, String(others[0].pid));
  } catch (error) {
    await held.handle.close();
    throw error;
  }
  return { mustBeOurs, [Symbol.asyncDispose]: () => held.handle.close() };
}

interface LockedFile {
  file: string;
  handle: FileHandle;
}

/** @throws {FlockError} as {@link lockState} */
async function lockFile(folder: string): Promise<LockedFile> {
  const file = path.join(folder, 'lock');
  let handle: FileHandle;
  try {
    await fse.ensureDir(folder, { mode: 0o700 });
    handle = await open(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    await giveToOwnerOf(folder, handle);
  } catch (cause) {
    throw new FlockError('io', `cannot write the state folder ${folder}: ${reasonOf(cause)}`, {
      hint: 'check who owns it and whether the disk is full',
      cause,
    });
  }
  try {
    // Who only looks whether it is held shares it for a moment, and then it is worth a wait.
    const isOurs = locks(handle, '-n', '-x') || (locks(handle, '-n', '-s') && locks(handle, '-w', '5', '-x'));
    if (!isOurs) throw taken(folder, await handle.readFile('utf8'));
    await handle.truncate();
    await handle.write(`${process.pid}\n`, 0);
    // What is left of a write that was cut off does no harm.
    await sweepTemporaries(folder).catch(() => undefined);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { file, handle };
}

/** Whether an open file is still the one under its name. */
async function isAt(file: string, handle: FileHandle): Promise<boolean> {
  const [there, ours] = await Promise.all([
    lstat(file, { bigint: true }).catch(() => undefined),
    handle.stat({ bigint: true }),
  ]);
  return there?.dev === ours.dev && there.ino === ours.ino;
}

/** The daemons that say that they run on a state folder. */
async function daemonsOn(folder: string): Promise<RunningDaemon[]> {
  const mark = await folderMark(folder);
  return (await runningDaemons()).filter((daemon) => daemon.folder === mark);
}

/**
 * Whether a daemon runs on a state folder. Nothing is written, and no daemon is kept from starting.
 *
 * @throws {FlockError} `io` where the folder cannot be read, `config` where there is no flock(1)
 */
export async function isLocked(folder: string): Promise<boolean> {
  try {
    if ((await daemonsOn(folder)).length > 0) return true;
    await using handle = await open(path.join(folder, 'lock'), constants.O_RDONLY | constants.O_NOFOLLOW);
    return !locks(handle, '-n', '-s');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return false;
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('io', `cannot read the state folder ${folder}: ${reasonOf(cause)}`, {
      hint: 'run this as the one who runs flockd',
      cause,
    });
  }
}

/** Locks an open file. @returns whether it could @throws {FlockError} `config` where there is no flock(1) */
function locks(handle: FileHandle, ...how: string[]): boolean {
  const { status, error } = spawnSync('flock', [...how, '3'], {
    stdio: ['ignore', 'ignore', 'ignore', handle.fd],
    // It needs nothing of ours, and the app keys may be among it.
    env: plainEnvironment(),
  });
  if (!error) return status === 0;
  throw new FlockError('config', 'cannot lock the state folder: flock(1) cannot be run', {
    hint: 'install util-linux, which has the flock command',
    cause: error,
  });
}

function taken(folder: string, pid: string): FlockError {
  return new FlockError('tryLater', `another flockd (pid ${pid.trim() || 'unknown'}) runs on ${folder}`, {
    hint: 'stop it first; two would post everything twice',
  });
}
