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
   * Takes the lock again if its file was removed.
   *
   * @throws {FlockError} `io` if another process has taken it
   */
  mustBeOurs: () => Promise<void>;
}

/**
 * Makes this process the only daemon on a state folder. The kernel releases the lock when the process ends, however it ends, so
 * that no lock is left behind. (flock(1) locks the open file that it inherits, which stays locked in this process.)
 *
 * @throws {FlockError} `tryLater` with the pid of another daemon, `io` if the folder cannot be written
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
    // The lock file of a daemon that still runs may have been removed.
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
    // A process that only looks whether the lock is held shares it for a moment; then it is worth to wait.
    const isOurs = locks(handle, '-n', '-x') || (locks(handle, '-n', '-s') && locks(handle, '-w', '5', '-x'));
    if (!isOurs) throw taken(folder, await handle.readFile('utf8'));
    await handle.truncate();
    await handle.write(`${process.pid}\n`, 0);
    // Files that remain do no harm.
    await sweepTemporaries(folder).catch(() => undefined);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { file, handle };
}

/** Whether a path still leads to an open file. */
async function isAt(file: string, handle: FileHandle): Promise<boolean> {
  const [there, ours] = await Promise.all([
    lstat(file, { bigint: true }).catch(() => undefined),
    handle.stat({ bigint: true }),
  ]);
  return there?.dev === ours.dev && there.ino === ours.ino;
}

/** The daemons that have published that they run on a state folder. */
async function daemonsOn(folder: string): Promise<RunningDaemon[]> {
  const mark = await folderMark(folder);
  return (await runningDaemons()).filter((daemon) => daemon.folder === mark);
}

/**
 * Whether a daemon runs on a state folder. It writes nothing, and keeps no daemon from starting.
 *
 * @throws {FlockError} `io` if the folder cannot be read, `config` if there is no flock(1)
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

/** Locks an open file. @returns whether it succeeded @throws {FlockError} `config` if there is no flock(1) */
function locks(handle: FileHandle, ...how: string[]): boolean {
  const { status, error } = spawnSync('flock', [...how, '3'], {
    stdio: ['ignore', 'ignore', 'ignore', handle.fd],
    // Our environment may hold the app keys.
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
