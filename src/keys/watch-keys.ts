import { statSync, watch, type FSWatcher } from 'node:fs';

/** How long a folder must be quiet after a change before it is read. Milliseconds. */
const quiet = 100;

/** How often it is looked whether the folder is still the same one, which no watcher tells. Milliseconds. */
const lookAgain = 5_000;

/**
 * Calls `changed` after the bundles in a folder changed, also when the folder itself was removed or put back.
 *
 * @returns the way to stop
 */
export function watchKeys(folder: string, changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  let watched: number | undefined;
  let begun = false;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(changed, quiet);
  };
  const look = (): void => {
    const folderNow = statSync(folder, { throwIfNoEntry: false })?.ino;
    if (folderNow === watched) return;
    if (begun) soon();
    watcher?.close();
    watched = folderNow;
    watcher = folderNow === undefined ? undefined : watchFolder(folder, soon);
  };
  look();
  begun = true;
  const looking = setInterval(look, lookAgain);
  return () => {
    clearTimeout(timer);
    clearInterval(looking);
    watcher?.close();
  };
}

function watchFolder(folder: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, (_, name) => {
      // A bundle is first written under a hidden name, which is nobody's yet.
      if (name?.startsWith('.') !== true) changed();
    });
    watcher.on('error', () => undefined);
    return watcher;
  } catch {
    // Too many watches on this machine: the bots go on, only their new keys wait for a restart.
    return undefined;
  }
}
