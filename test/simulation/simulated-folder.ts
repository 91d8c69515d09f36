import { FlockError } from '../../src/errors.ts';
import type { StateFolder } from '../../src/ledger/folder.ts';
import type { DiskFault, Faults } from './faults.ts';
import { type Life, never } from './life.ts';
import type { Random } from './random.ts';
import { type SimulatedDisk, SimulatedFile } from './simulated-disk.ts';

export interface SimulatedFolderOptions {
  disk: SimulatedDisk;
  life: Life;
  faults: Faults;
  random: Random;
  /** After a failed fsync the text never gets to the disk, though later ones succeed. */
  failedSyncLoses?: boolean;
  trace?: ((happened: string) => void) | undefined;
}

interface Open {
  file: SimulatedFile;
  /** How long it is when all that was written is there. */
  length: number;
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

  /** The files that the process has open, which stay its own whatever becomes of their names. */
  const open = new Map<string, Open>();

  function openAt(name: string): Open {
    const known = open.get(name);
    if (known) return known;
    const there = disk.names.get(name);
    const file = there ?? new SimulatedFile();
    if (!there) disk.changeNames((names) => names.set(name, file));
    const opened = { file, length: file.text.length };
    open.set(name, opened);
    return opened;
  }

  function append(name: string, text: string): void {
    const opened = openAt(name);
    opened.file.add(text);
    opened.length += text.length;
  }

  return {
    path: '/state',
    gather: () => Promise.resolve(),
    read: (name) => operate('read', name, () => disk.names.get(name)?.text),
    append: (name, text) =>
      operate(
        'append',
        trace ? `${name} ${text}` : name,
        () => append(name, text),
        () => append(name, text.slice(0, random.int(text.length + 1))),
      ),
    sync: (name) =>
      operate(
        'sync',
        name,
        () => openAt(name).file.sync(),
        () => {
          if (failedSyncLoses) openAt(name).file.loseUnsynced();
        },
      ),
    verify(name) {
      if (life.over) return never();
      const { file, length } = openAt(name);
      if (disk.names.get(name) === file && file.text.length === length) return Promise.resolve();
      trace?.(`disk: ${name} is not what was written`);
      return Promise.reject(new FlockError('io', `${name} is not what was written`));
    },
    rename: (from, to) =>
      operate('rename', from, () => {
        const opened = openAt(from);
        const { file } = opened;
        open.delete(from);
        open.set(to, opened);
        disk.changeNames((names) => {
          names.delete(from);
          names.set(to, file);
        });
      }),
    remove: (name) =>
      operate('remove', name, () => {
        open.delete(name);
        if (disk.names.has(name)) disk.changeNames((names) => names.delete(name));
      }),
    syncNames: () => operate('sync', 'names', () => disk.syncNames()),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const deathOf = (fault: DiskFault): 'kill' | 'power cut' => (fault.startsWith('kill') ? 'kill' : 'power cut');
