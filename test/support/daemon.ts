import type { Clock } from '../../src/clock.ts';
import { Daemon, type DaemonOptions } from '../../src/daemon/daemon.ts';
import type { Send } from '../../src/http/exchange.ts';
import type { Ledger } from '../../src/ledger/journal.ts';
import { EventLog } from '../../src/log.ts';
import { openX } from '../../src/networks/x/client.ts';

/** Where X is said to be for a transport that has no use for it. */
export const nowhere = 'http://127.0.0.1:1';
/** The value of `flockd run`. Milliseconds. */
export const deadline = 10_000;

interface DaemonParts extends Partial<Omit<DaemonOptions, 'ledger' | 'clock'>> {
  ledger: Ledger;
  clock: Clock;
  send: Send;
  /** Where X is. */
  api?: string;
}

/**
 * A daemon in a calm world unless its options say otherwise: the clock is right, no poem is being written, nobody stops the
 * flock. An error that ends it fails the test.
 */
export function openDaemon({ send, api = nowhere, ...options }: DaemonParts): Daemon {
  return new Daemon({
    log: new EventLog(),
    openAccount: openX(api, send, options.clock),
    askTime: () => Promise.resolve({ ahead: 0, isOwn: true }),
    deadline,
    readPoem: () => Promise.resolve(''),
    writtenAt: () => undefined,
    sockets: 64,
    isStopped: () => false,
    brake: (why) => Promise.reject(new Error(why)),
    failed: (cause) => {
      throw cause;
    },
    ...options,
  });
}
