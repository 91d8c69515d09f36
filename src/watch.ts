import { lstatSync, readdirSync, watch } from 'node:fs';
import path from 'node:path';
import { systemCode } from './errors.ts';

/**
 * Watches a folder: calls `changed` with the name of each file that changed, or with undefined if the name is not known.
 *
 * @returns stops watching
 */
export type WatchFolder = (folder: string, changed: (name: string | undefined) => void) => () => void;

/** How often a folder is polled (milliseconds), and the maximum share of the time that polling may take. */
const pollInterval = 1000;
const maxPollShare = 1 / 20;

/**
 * Watches folders by inotify, or by polling where inotify does not work: the user has no watch left, or the file system or the
 * machine has none.
 *
 * @param onPolling - called once, the first time that a folder has to be polled
 */
export function folderWatcher(onPolling: (reason: string) => void = () => undefined): WatchFolder {
  let isReported = false;
  return (folder, changed) => {
    let stop: () => void = () => undefined;
    const poll = (error: unknown): void => {
      stop();
      const code = systemCode(error);
      // A folder that is gone says nothing about inotify.
      if (!isReported && code !== 'ENOENT') {
        isReported = true;
        onPolling(code ?? 'unknown');
      }
      stop = pollFolder(folder, changed);
    };
    try {
      const watcher = watch(folder, (_, name) => changed(name ?? undefined));
      watcher.on('error', (error) => {
        poll(error);
        // Changes before polling began were missed.
        changed(undefined);
      });
      stop = () => watcher.close();
    } catch (error) {
      poll(error);
    }
    return () => stop();
  };
}

/** Why inotify cannot watch a folder for this user now (`EMFILE`, `ENOSPC`), or undefined if it can. */
export function whyUnwatchable(folder: string): string | undefined {
  try {
    watch(folder, { persistent: false }).close();
    return undefined;
  } catch (error) {
    const code = systemCode(error);
    return code === 'EMFILE' || code === 'ENOSPC' ? code : undefined;
  }
}

/** The hint for a machine that has no inotify watches left. */
export const moreWatches =
  'raise fs.inotify.max_user_instances and fs.inotify.max_user_watches (sysctl), then restart flockd';

function pollFolder(folder: string, changed: (name: string | undefined) => void): () => void {
  let known = marksOf(folder);
  const look = (): void => {
    const began = performance.now();
    const marks = marksOf(folder);
    for (const name of new Set([...known.keys(), ...marks.keys()])) {
      if (known.get(name) !== marks.get(name)) changed(name);
    }
    known = marks;
    timer = setTimeout(look, Math.max(pollInterval, (performance.now() - began) / maxPollShare));
  };
  let timer = setTimeout(look, pollInterval);
  return () => clearTimeout(timer);
}

/** A mark of each file in a folder, which differs once the file changed; none for a folder that cannot be read. */
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
