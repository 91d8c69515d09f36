import { watch } from 'node:fs';

/** How long a folder must be quiet after a change before it is read. Milliseconds. */
const quiet = 100;

/**
 * Calls `changed` after the bundles in a folder changed. What happens while the folder itself is missing is not seen.
 *
 * @returns the way to stop
 */
export function watchKeys(folder: string, changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(folder, (_, name) => {
    // A bundle is first written under a hidden name, which is nobody's yet.
    if (name?.startsWith('.')) return;
    clearTimeout(timer);
    timer = setTimeout(changed, quiet);
  });
  watcher.on('error', () => undefined);
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}
