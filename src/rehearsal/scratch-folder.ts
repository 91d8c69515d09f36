import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FlockError, systemCode } from '../errors.ts';
import { isRunning, reasonOf } from '../fs.ts';
import type { StateFolder } from '../ledger/folder.ts';

/** A folder for a ledger that need not outlive this process. It is removed with all that is in it when it is disposed of. */
export type ScratchFolder = StateFolder & Disposable;

/** What to do about a scratch folder that cannot be written. */
export const otherPlace = 'TMPDIR=DIR names another place for it; it needs a few MB';

/**
 * Makes one among the system's temporary files. Its files are real, and every call is done when it returns, so that one turn
 * of the event loop settles whatever waits for them and a held clock can go on. Nothing is fsynced.
 *
 * @throws {FlockError} `cannotCreate` where there is no place for it
 */
export function openScratchFolder(): ScratchFolder {
  const folder = makeFolder();
  // However the process ends: a scratch folder that stays is found by nobody.
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', remove);
  return {
    ...filesIn(folder),
    [Symbol.dispose]: () => {
      process.off('exit', remove);
      remove();
    },
  };
}

/** Its process is in its name, so that it can be told whether anybody still works in it. */
const scratch = /^flockd-rehearsal-(\d+)-\w{6}$/;

function makeFolder(): string {
  try {
    sweep();
    return mkdtempSync(path.join(tmpdir(), `flockd-rehearsal-${process.pid}-`));
  } catch (cause) {
    throw new FlockError('cannotCreate', `cannot make a scratch folder in ${tmpdir()}: ${reasonOf(cause)}`, {
      hint: otherPlace,
      cause,
    });
  }
}

/** Removes the folders of rehearsals that were killed. What cannot be read or removed is left to whoever can. */
function sweep(): void {
  for (const name of onlyWhereAllowed(() => readdirSync(tmpdir())) ?? []) {
    const owner = scratch.exec(name)?.[1];
    if (owner === undefined || isRunning(Number(owner))) continue;
    onlyWhereAllowed(() => {
      rmSync(path.join(tmpdir(), name), { recursive: true, force: true });
    });
  }
}

function onlyWhereAllowed<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

function filesIn(folder: string): StateFolder {
  const files = new Map<string, number>();
  const placeOf = (name: string): string => path.join(folder, name);
  const fileOf = (name: string): number => {
    const file = files.get(name) ?? openSync(placeOf(name), 'a', 0o600);
    files.set(name, file);
    return file;
  };
  const forget = (name: string): void => {
    const file = files.get(name);
    files.delete(name);
    if (file !== undefined) closeSync(file);
  };
  return {
    path: folder,
    gather: () => Promise.resolve(),
    read: (name) => atOnce(() => readText(placeOf(name))),
    append: (name, text) =>
      atOnce(() => {
        appendFileSync(fileOf(name), text);
      }),
    sync: () => Promise.resolve(),
    verify: () => Promise.resolve(),
    rename: (from, to) =>
      atOnce(() => {
        renameSync(placeOf(from), placeOf(to));
        forget(from);
        forget(to);
      }),
    remove: (name) =>
      atOnce(() => {
        forget(name);
        rmSync(placeOf(name), { force: true });
      }),
    syncNames: () => Promise.resolve(),
    [Symbol.asyncDispose]: () =>
      atOnce(() => {
        for (const name of [...files.keys()]) forget(name);
      }),
  };
}

/** Done before it returns; what it throws is a rejection, as from any other folder. */
const atOnce = <T>(act: () => T): Promise<T> =>
  new Promise((resolve) => {
    resolve(act());
  });

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
