import { statSync } from 'node:fs';
import { folderWatcher, type WatchFolder } from '../watch.ts';

/** How long a folder must be quiet after a change before it is read. Milliseconds. */
const quiet = 100;

/** How often it is looked whether the folder is still the same one, which no watcher tells. Milliseconds. */
const lookAgain = 5_000;

/**
 * Calls `changed` after the bundles in a folder changed, also when the folder itself was removed or put back.
 *
 * @returns the way to stop
 */
export function watchKeys(
  folder: string,
  changed: () => void,
  watchFolder: WatchFolder = folderWatcher(),
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopWatching: () => void = () => undefined;
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
    stopWatching();
    watched = folderNow;
    stopWatching =
      folderNow === undefined
        ? () => undefined
        : watchFolder(folder, (name) => {
            // A bundle is first written under a hidden name, which is nobody's yet.
            if (name?.startsWith('.') !== true) soon();
          });
  };
  look();
  begun = true;
  const looking = setInterval(look, lookAgain);
  return () => {
    clearTimeout(timer);
    clearInterval(looking);
    stopWatching();
  };
}
