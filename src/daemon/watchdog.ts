import { stat } from 'node:fs/promises';

export interface WatchdogOptions {
  /** How often the manager wants to hear. Milliseconds. */
  every: number;
  /** A folder whose files the daemon must be able to reach. */
  folder: string;
  /** Whether the scheduler gets on. */
  isProgressing: () => boolean;
  alive: () => void;
}

/**
 * Tells the manager that all is well only while it is: a timer alone would tick on with a scheduler that stands still, or
 * with every thread that reads files held up.
 *
 * @returns the way to stop
 */
export function watchdog({ every, folder, isProgressing, alive }: WatchdogOptions): () => void {
  let looking = false;
  const look = (): void => {
    if (looking || !isProgressing()) return;
    looking = true;
    const looked = (): void => {
      looking = false;
      if (isProgressing()) alive();
    };
    stat(folder).then(looked, looked);
  };
  const timer = setInterval(look, every / 3);
  look();
  return () => {
    clearInterval(timer);
  };
}
