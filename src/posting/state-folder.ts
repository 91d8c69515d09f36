import { constants } from 'node:fs';
import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import { systemCode } from '../errors.ts';
import { syncFolder } from '../files.ts';

/**
 * The folder the ledger is kept in, one call of the system at a time, because what survives a power cut depends on each:
 * text is on the disk only after `sync`, and a name only after `syncNames`. Every call rejects with the system's error.
 */
export interface StateFolder extends AsyncDisposable {
  /** Where it is, for messages. */
  path: string;
  /** The text of a file, or undefined where there is none. */
  read(name: string): Promise<string | undefined>;
  /** Adds to the end of a file, which is made, private to its owner, where there is none. */
  append(name: string, text: string): Promise<void>;
  sync(name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  syncNames(): Promise<void>;
}

/** A real folder, which is made where there is none. */
export async function openStateFolder(folder: string): Promise<StateFolder> {
  await fse.ensureDir(folder, { mode: 0o700 });
  const files = new Map<string, FileHandle>();
  const fileOf = async (name: string): Promise<FileHandle> => {
    const known = files.get(name);
    if (known) return known;
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
    const file = await open(path.join(folder, name), flags, 0o600);
    files.set(name, file);
    return file;
  };
  const forget = async (name: string): Promise<void> => {
    await files.get(name)?.close();
    files.delete(name);
  };
  return {
    path: folder,
    read: (name) => readText(path.join(folder, name)),
    append: async (name, text) => (await fileOf(name)).appendFile(text),
    sync: async (name) => (await fileOf(name)).datasync(),
    async rename(from, to) {
      await rename(path.join(folder, from), path.join(folder, to));
      await forget(to);
      const file = files.get(from);
      files.delete(from);
      if (file) files.set(to, file);
    },
    async remove(name) {
      await rm(path.join(folder, name), { force: true });
      await forget(name);
    },
    syncNames: () => syncFolder(folder),
    async [Symbol.asyncDispose]() {
      for (const name of [...files.keys()]) await forget(name);
    },
  };
}

/** The text of a file, or undefined where there is none. */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
