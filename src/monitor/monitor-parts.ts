import type { Clock } from '../clock.ts';
import type { Daemon } from '../daemon/daemon.ts';
import type { Flock } from '../flock/load.ts';
import type { PostPages } from '../flock/status.ts';
import type { Ledger } from '../ledger/journal.ts';
import type { Logger } from '../log.ts';

/** What a running flockd shows of itself. Nothing here posts but by {@link Daemon.carryOut}. */
export interface MonitorParts {
  /** The flock as it was read last. */
  flock: () => Flock;
  ledger: Ledger;
  daemon: Pick<Daemon, 'glance' | 'overdue' | 'carryOut'>;
  clock: Clock;
  log: Logger;
  /** By the stop switch. */
  isStopped: () => boolean;
  /** Where posts are seen. */
  pages: PostPages;
  /** The state folder, where the ledger and the stop switch are. */
  state: string;
  version: string;
}
