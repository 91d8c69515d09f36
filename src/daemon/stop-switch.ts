import { lstatSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf, replaceFile } from '../fs.ts';

/*
 * The stop switch is a file: while `stop` is in the state folder, no bot of the flock posts. `touch` and `rm` will do; it
 * works with no daemon, survives restarts, and needs no program to be pulled.
 */

const fileOf = (state: string): string => path.join(state, 'stop');

/** Whether the flock is stopped: where nobody can tell, it is. */
export const isStopped = (state: string): boolean => isThrown(state, true);

/** @param unknown - the answer where nobody can tell */
function isThrown(state: string, unknown: boolean): boolean {
  try {
    // Whatever is there counts: a link that leads nowhere, or a folder.
    return lstatSync(fileOf(state), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return unknown;
  }
}

/**
 * Stops the flock: a daemon that runs notices within a second.
 *
 * @param why - for whoever finds the file
 * @throws {FlockError} `io` where the switch cannot be thrown
 */
export async function stopFlock(state: string, why: string): Promise<void> {
  await fse.ensureDir(state, { mode: 0o700 }).catch(cannotThrow(state));
  await replaceFile(fileOf(state), `${why}\n`).catch((cause: unknown) => {
    // What cannot be replaced stops the flock as well.
    if (!isThrown(state, false)) cannotThrow(state)(cause);
  });
}

/** Lets the flock go on. @throws {FlockError} `io` where the switch cannot be thrown */
export const releaseFlock = (state: string): Promise<void> =>
  rm(fileOf(state), { force: true }).catch((cause: unknown) => {
    if (systemCode(cause) !== 'ERR_FS_EISDIR') return cannotThrow(state)(cause);
    throw new FlockError('io', `${fileOf(state)} is a folder`, {
      hint: 'rmdir it; the flock stays stopped meanwhile',
      cause,
    });
  });

const cannotThrow =
  (state: string) =>
  (cause: unknown): never => {
    throw new FlockError('io', `cannot write the state folder ${state}: ${reasonOf(cause)}`, {
      hint: 'check who owns it and whether the disk is full; ending flockd stops the flock too',
      cause,
    });
  };

/** How often the file is looked for. Milliseconds. */
const every = 250;

export interface StopSwitch extends Disposable {
  isStopped: () => boolean;
}

/** Watches the switch. @param changed - told each time it is thrown */
export function watchStopSwitch(state: string, changed: (stopped: boolean) => void): StopSwitch {
  let stopped = isStopped(state);
  const look = (): void => {
    if (isStopped(state) === stopped) return;
    stopped = !stopped;
    changed(stopped);
  };
  // Watchers of the system miss a file that appears while they begin to watch.
  const timer = setInterval(look, every).unref();
  return {
    isStopped: () => stopped,
    [Symbol.dispose]: () => {
      clearInterval(timer);
    },
  };
}
