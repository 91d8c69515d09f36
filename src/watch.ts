import { lstatSync, readdirSync, watch } from 'node:fs';
import path from 'node:path';
import { systemCode } from './errors.ts';

/** Calls `changed` with the name of each file of a folder that changed, or undefined where that is not known. @returns the way to stop */
export type WatchFolder = (folder: string, changed: (name: string | undefined) => void) => () => void;

/** How often a folder is looked at where the system does not watch it, and which share of the time that may take. Milliseconds. */
const every = 1000;
const share = 1 / 20;

/**
 * Watches folders through the system (inotify), and by looking at them again and again where the system has no watch left for
 * this user, on this file system or at all.
 *
 * @param polls - told once, the first time that a folder has to be looked at
 */
export function folderWatcher(polls: (reason: string) => void = () => undefined): WatchFolder {
  let isNews = true;
  return (folder, changed) => {
    let stop: () => void = () => undefined;
    const poll = (error: unknown): void => {
      stop();
      const code = systemCode(error);
      // One that is not there any more says nothing of the system.
      if (isNews && code !== 'ENOENT') {
        isNews = false;
        polls(code ?? 'unknown');
      }
      stop = pollFolder(folder, changed);
    };
    try {
      stop = watchBySystem(folder, changed, (error) => {
        poll(error);
        // What changed meanwhile was not seen by anybody.
        changed(undefined);
      });
    } catch (error) {
      poll(error);
    }
    return () => {
      stop();
    };
  };
}

/** Why the system cannot watch a folder for this user now (`EMFILE`, `ENOSPC`), or undefined where it can. */
export function whyUnwatchable(folder: string): string | undefined {
  try {
    watch(folder, { persistent: false }).close();
    return undefined;
  } catch (error) {
    const code = systemCode(error);
    return code === 'EMFILE' || code === 'ENOSPC' ? code : undefined;
  }
}

/** What gives a machine more watches. */
export const moreWatches =
  'raise fs.inotify.max_user_instances and fs.inotify.max_user_watches (sysctl), then restart flockd';

function watchBySystem(
  folder: string,
  changed: (name: string | undefined) => void,
  failed: (error: unknown) => void,
): () => void {
  const watcher = watch(folder, (_, name) => {
    changed(name ?? undefined);
  });
  watcher.on('error', failed);
  return () => {
    watcher.close();
  };
}

function pollFolder(folder: string, changed: (name: string | undefined) => void): () => void {
  let known = marksOf(folder);
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    const began = performance.now();
    const marks = marksOf(folder);
    for (const name of new Set([...known.keys(), ...marks.keys()])) {
      if (known.get(name) !== marks.get(name)) changed(name);
    }
    known = marks;
    lookLater(performance.now() - began);
  };
  const lookLater = (took: number): void => {
    timer = setTimeout(look, Math.max(every, took / share));
  };
  lookLater(0);
  return () => {
    clearTimeout(timer);
  };
}

/** What tells each file of a folder from what it was before; of a folder that cannot be read, nothing. */
function marksOf(folder: string): Map<string, string> {
  try {
    return new Map(readdirSync(folder).map((name) => [name, markOf(path.join(folder, name))]));
  } catch {
    return new Map();
  }
}

function markOf(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = lstatSync(file);
    return [ino, size, mtimeMs, ctimeMs].join(' ');
  } catch {
    return 'gone';
  }
}
