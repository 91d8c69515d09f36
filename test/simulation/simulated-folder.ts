import type { StateFolder } from '../../src/posting/state-folder.ts';
import type { DiskFault, Faults } from './faults.ts';
import { never, type Life } from './life.ts';
import type { Random } from './random.ts';
import { SimulatedFile, type SimulatedDisk } from './simulated-disk.ts';

export interface SimulatedFolderOptions {
  disk: SimulatedDisk;
  life: Life;
  faults: Faults;
  random: Random;
  /** After a failed fsync the text never gets to the disk, though later ones succeed. */
  failedSyncLoses?: boolean;
  trace?: ((happened: string) => void) | undefined;
}

/** A disk's folder as one process sees it. Any operation can fail or be the process's last. */
export function openSimulatedFolder(options: SimulatedFolderOptions): StateFolder {
  const { disk, life, faults, random, failedSyncLoses = false, trace } = options;

  /** Does an operation, with what goes wrong with it. `partly` is what a failed one leaves behind. */
  function operate<T>(name: string, what: string, whole: () => T, partly?: () => void): Promise<T> {
    if (life.over) return never();
    const fault = faults.disk();
    trace?.(`disk: ${name} ${what.trim()}${fault === undefined ? '' : `: ${fault}`}`);
    if (fault === undefined) return Promise.resolve(whole());
    if (fault === 'eio' || fault === 'enospc') {
      life.faulted = true;
      partly?.();
      return Promise.reject(Object.assign(new Error(fault), { code: fault.toUpperCase() }));
    }
    if (fault.endsWith('after')) whole();
    if (fault === 'kill in the middle') partly?.();
    life.die(deathOf(fault));
    return never();
  }

  function fileOf(name: string): SimulatedFile {
    const known = disk.names.get(name);
    if (known) return known;
    const file = new SimulatedFile();
    disk.changeNames((names) => names.set(name, file));
    return file;
  }

  return {
    path: '/state',
    gather: () => Promise.resolve(),
    read: (name) => operate('read', name, () => disk.names.get(name)?.text),
    append: (name, text) =>
      operate(
        'append',
        trace ? `${name} ${text}` : name,
        () => fileOf(name).add(text),
        () => fileOf(name).add(text.slice(0, random.int(text.length + 1))),
      ),
    sync: (name) =>
      operate(
        'sync',
        name,
        () => fileOf(name).sync(),
        () => {
          if (failedSyncLoses) fileOf(name).loseUnsynced();
        },
      ),
    rename: (from, to) =>
      operate('rename', from, () => {
        const file = fileOf(from);
        disk.changeNames((names) => {
          names.delete(from);
          names.set(to, file);
        });
      }),
    remove: (name) =>
      operate('remove', name, () => {
        if (disk.names.has(name)) disk.changeNames((names) => names.delete(name));
      }),
    syncNames: () => operate('sync', 'names', () => disk.syncNames()),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const deathOf = (fault: DiskFault): 'kill' | 'power cut' => (fault.startsWith('kill') ? 'kill' : 'power cut');
