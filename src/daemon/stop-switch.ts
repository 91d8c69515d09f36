import { lstatSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf, replaceFile } from '../fs.ts';

/*
 * The stop switch is a file: while `stop` is in the state folder, no bot of the flock posts. It works without a daemon, survives
 * restarts, and `touch` and `rm` are enough to use it. `flockd pause`, the page and the control socket use it, too.
 */

const fileOf = (state: string): string => path.join(state, 'stop');

/** Whether the flock is stopped. If the folder cannot be read, it is. */
export const isStopped = (state: string): boolean => isThere(state) ?? true;

/** Whether the file exists, or undefined if that is not known. A folder or a broken link counts, too. */
function isThere(state: string): boolean | undefined {
  try {
    return lstatSync(fileOf(state), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return undefined;
  }
}

/**
 * Stops the flock: a running daemon notices within a second.
 *
 * @param why - the content of the file, for people
 * @throws {FlockError} `io` if the file cannot be written
 */
export async function stopFlock(state: string, why: string): Promise<void> {
  await fse.ensureDir(state, { mode: 0o700 }).catch(cannotWrite(state));
  await replaceFile(fileOf(state), `${why}\n`).catch((cause: unknown) => {
    // Anything that cannot be replaced stops the flock as well.
    if (isThere(state) !== true) cannotWrite(state)(cause);
  });
}

/** Lets the flock go on. @throws {FlockError} `io` if the file cannot be removed */
export const releaseFlock = (state: string): Promise<void> =>
  rm(fileOf(state), { force: true }).catch((cause: unknown) => {
    if (systemCode(cause) !== 'ERR_FS_EISDIR') return cannotWrite(state)(cause);
    throw new FlockError('io', `${fileOf(state)} is a folder`, {
      hint: 'rmdir it; the flock stays stopped meanwhile',
      cause,
    });
  });

const cannotWrite =
  (state: string) =>
  (cause: unknown): never => {
    throw new FlockError('io', `cannot write the state folder ${state}: ${reasonOf(cause)}`, {
      hint: 'check who owns it and whether the disk is full; ending flockd stops the flock too',
      cause,
    });
  };

/** The interval between looks for the file. Milliseconds. */
const interval = 250;

export interface StopSwitch extends Disposable {
  isStopped: () => boolean;
}

/** Watches the switch. @param changed - called after each change */
export function watchStopSwitch(state: string, changed: (stopped: boolean) => void): StopSwitch {
  let stopped = isStopped(state);
  const look = (): void => {
    if (isStopped(state) === stopped) return;
    stopped = !stopped;
    changed(stopped);
  };
  // inotify misses a file that appears while the watch begins.
  const timer = setInterval(look, interval).unref();
  return { isStopped: () => stopped, [Symbol.dispose]: () => clearInterval(timer) };
}
