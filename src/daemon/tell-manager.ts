import type { Daemon } from './daemon.ts';
import type { ServiceManager } from './service-manager.ts';
import { watchdog } from './watchdog.ts';

/** How often `systemctl status` is told how the flock stands. Milliseconds. */
const statusEvery = 10_000;

/**
 * Says that the flock runs, and goes on saying so while it does.
 *
 * @param folder - of the state
 * @returns the way to stop
 */
export function tellManager(daemon: Daemon, folder: string, manager: ServiceManager): () => void {
  const { watchdog: every } = manager;
  manager.ready(statusOf(daemon));
  const timer = setInterval(() => {
    manager.status(statusOf(daemon));
  }, statusEvery);
  const isProgressing = (): boolean => daemon.overdue() < (every ?? Infinity) / 2;
  const alive = (): void => {
    manager.alive();
  };
  const stop = every === undefined ? undefined : watchdog({ every, folder, isProgressing, alive });
  return () => {
    clearInterval(timer);
    stop?.();
  };
}

/** The daemon in a line. */
export function statusOf(daemon: Daemon): string {
  const { bots, next, busy } = daemon.glance();
  const when = next === undefined ? 'no slot ahead' : `next slot ${new Date(next).toISOString()}`;
  return `${countOf(bots)}, ${when}${busy > 0 ? `, ${busy} busy` : ''}`;
}

/** How much longer each time, while posts under way come to their end. Milliseconds. */
const more = 5_000;

/** Ends the daemon, and tells the manager that it takes as long as it does. */
export async function drain(daemon: Daemon, manager: ServiceManager): Promise<void> {
  manager.stopping('finishes what is under way');
  const extend = (): void => {
    manager.extend(2 * more);
  };
  extend();
  const timer = setInterval(extend, more);
  await daemon.stop();
  clearInterval(timer);
}

export const countOf = (bots: number): string => (bots === 1 ? '1 bot' : `${bots} bots`);
