import { appendFileSync, closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemCode } from '../../src/errors.ts';
import type { StateFolder } from '../../src/ledger/folder.ts';

/**
 * A temporary folder for a ledger. Its files are real, so that their size can be measured, and every call is done when it
 * returns, so that a held clock can go on. Nothing is fsynced: a year of fsyncs takes hours. It is removed at exit.
 */
export function openUnsyncedFolder(): StateFolder {
  const folder = mkdtempSync(path.join(tmpdir(), 'flockd-soak-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  const files = new Map<string, number>();
  const placeOf = (name: string): string => path.join(folder, name);
  const fileOf = (name: string): number => {
    const file = files.get(name) ?? openSync(placeOf(name), 'a', 0o600);
    files.set(name, file);
    return file;
  };
  const close = (name: string): void => {
    const file = files.get(name);
    files.delete(name);
    if (file !== undefined) closeSync(file);
  };
  const done = Promise.resolve();
  return {
    path: folder,
    gather: () => done,
    read: (name) => settled(() => readText(placeOf(name))),
    append: (name, text) =>
      settled(() => {
        appendFileSync(fileOf(name), text);
      }),
    sync: () => done,
    verify: () => done,
    rename: (from, to) =>
      settled(() => {
        renameSync(placeOf(from), placeOf(to));
        close(from);
        close(to);
      }),
    remove: (name) =>
      settled(() => {
        close(name);
        rmSync(placeOf(name), { force: true });
      }),
    syncNames: () => done,
    [Symbol.asyncDispose]: () =>
      settled(() => {
        for (const name of [...files.keys()]) close(name);
      }),
  };
}

/** Acts before it returns; an error becomes a rejection, as with any other folder. */
const settled = <T>(act: () => T): Promise<T> =>
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
