import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import { FlockError } from '../errors.ts';
import { reasonOf } from '../files.ts';
import { plainEnvironment } from '../settings.ts';

/**
 * Makes this process the only daemon on a state folder, until it ends in any way: the kernel drops the lock with the
 * process, so none is ever left behind. (flock(1) locks the open file it inherits, which stays locked with us.)
 *
 * @throws {FlockError} `tryLater` with the other's pid where there is another, `io` where the folder cannot be written
 */
export async function lockState(folder: string): Promise<AsyncDisposable> {
  const file = path.join(folder, 'lock');
  let handle: FileHandle;
  try {
    await fse.ensureDir(folder, { mode: 0o700 });
    handle = await open(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (cause) {
    throw new FlockError('io', `cannot write the state folder ${folder}: ${reasonOf(cause)}`, {
      hint: 'check who owns it and whether the disk is full',
      cause,
    });
  }
  try {
    const { status, error } = spawnSync('flock', ['-n', '-x', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', handle.fd],
      // It needs nothing of ours, and the app keys may be among it.
      env: plainEnvironment(),
    });
    if (error) {
      throw new FlockError('config', `cannot lock ${file}: flock(1) cannot be run`, {
        hint: 'install util-linux, which has the flock command',
        cause: error,
      });
    }
    if (status !== 0) throw taken(folder, await handle.readFile('utf8'));
    await handle.truncate();
    await handle.write(`${process.pid}\n`, 0);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { [Symbol.asyncDispose]: () => handle.close() };
}

/** Whether a daemon runs on a state folder. */
export async function isLocked(folder: string): Promise<boolean> {
  try {
    await using _lock = await lockState(folder);
    return false;
  } catch (error) {
    if (error instanceof FlockError && error.exit === 'tryLater') return true;
    throw error;
  }
}

function taken(folder: string, pid: string): FlockError {
  return new FlockError('tryLater', `another flockd (pid ${pid.trim() || 'unknown'}) runs on ${folder}`, {
    hint: 'stop it first; two would post everything twice',
  });
}
