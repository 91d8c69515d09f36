import path from 'node:path';
import pino from 'pino';
import { Alarms } from '../../src/alarms/alarms.ts';
import type { HeldClock } from '../../src/clock.ts';
import { readFlockFile } from '../../src/config/flock-file.ts';
import type { Daemon } from '../../src/daemon/daemon.ts';
import { loadFlock } from '../../src/flock/load.ts';
import { postPages } from '../../src/flock/status.ts';
import { defaultSockets } from '../../src/http/exchange.ts';
import { KeyStore } from '../../src/keys/store.ts';
import { Journal, type Ledger } from '../../src/ledger/journal.ts';
import { logChanges } from '../../src/ledger/log-events.ts';
import type { BotState } from '../../src/ledger/state.ts';
import { EventLog } from '../../src/log.ts';
import { readPoem } from '../../src/poems/find.ts';
import type { Command } from '../../src/posting/commands.ts';
import { Monitor } from '../../src/web/dashboard/monitor.ts';
import { SnapshotCache } from '../../src/web/dashboard/snapshot.ts';
import { openDaemon } from '../../test/support/daemon.ts';
import type { AnsweringX } from './held-x.ts';
import { openUnsyncedFolder } from './unsynced-folder.ts';

export interface SimulatedFlockOptions {
  root: string;
  clock: HeldClock;
  x: AnsweringX;
  /** The unix socket of its page. */
  socket: string;
}

/** Runs the check for silent bots less often: every five minutes it would be most of the work of a simulated year. */
const watchedEvery = 10;

/** The parts of `flockd run`, connected as there, with a held clock and a simulated X. */
export class SimulatedFlock {
  readonly ledger: Ledger;
  /** The folder of the ledger. Its files are real, but not fsynced, because a year of fsyncs takes hours. */
  readonly state: string;
  readonly #clock: HeldClock;
  readonly #alarms: Alarms;
  readonly #daemon: Daemon;
  readonly #monitor: Monitor;
  readonly #snapshots: SnapshotCache;
  readonly #root: string;
  #failure: { cause: unknown } | undefined;

  private constructor(
    { root, clock, x }: SimulatedFlockOptions,
    { ledger, log, alarms, monitor, snapshots, state }: Parts,
  ) {
    this.#root = root;
    this.#clock = clock;
    this.#alarms = alarms;
    this.#monitor = monitor;
    this.#snapshots = snapshots;
    this.ledger = ledger;
    this.state = state;
    this.#daemon = openDaemon({
      ledger,
      clock,
      log,
      send: x.send,
      readPoem,
      sockets: defaultSockets,
      failed: (cause) => (this.#failure ??= { cause }),
      onIdle: (failed) => alarms.onIdle(failed),
    });
  }

  static async open(options: SimulatedFlockOptions): Promise<SimulatedFlock> {
    const { root, clock, x, socket } = options;
    const folder = openUnsyncedFolder();
    const state = folder.path;
    const monitor = new Monitor({ listen: { kind: 'socket', path: socket }, names: [], allowControl: true });
    const log = openNoLog();
    const ledger = await Journal.open(folder);
    ledger.subscribe(logChanges(log));
    ledger.subscribe(monitor.count);
    const stateOf = (bot: string): BotState | undefined => ledger.state(bot);
    const alarms = new Alarms({ clock, send: x.send, log, root, stateOf, isStopped: () => false });
    const version = 'soak';
    const pages = postPages('http://127.0.0.1:1');
    const snapshots = new SnapshotCache({ ledger, clock, log, isStopped: () => false, pages, version });
    ledger.subscribe(snapshots.changed);
    const flock = new SimulatedFlock(options, { ledger, log, alarms, monitor, snapshots, state });
    await flock.reload();
    const daemon = flock.#daemon;
    const keyChanged = (): Promise<undefined> => Promise.resolve(undefined);
    await monitor.open({ snapshots, ledger, daemon, alarms, keyChanged, clock, log, state, version });
    return flock;
  }

  /** Loads its files. */
  async reload(): Promise<void> {
    const flockFile = await readFlockFile(path.join(this.#root, 'flock.json'));
    const flock = await loadFlock(this.#root, new KeyStore(path.join(this.#root, 'keys')), flockFile);
    if (flock.invalidBots[0]) throw flock.invalidBots[0].error;
    const watched = flock.bots.filter((_, index) => index % watchedEvery === 0);
    this.#alarms.update({ ...flock, bots: watched, alarms: flockFile.alarms });
    this.#snapshots.update(flock);
    this.#monitor.reloaded(this.#clock.now());
    this.#daemon.update(flock);
  }

  /** Gives a person's command, which is carried out in simulated time. A command that fails is ignored. */
  order(order: Command): void {
    this.#daemon.execute(order).catch(() => undefined);
  }

  /** Lets the simulated time pass. @throws the error that ended flockd */
  async until(instant: number): Promise<void> {
    await this.#clock.runUntil(instant);
    if (this.#failure) throw this.#failure.cause;
  }
}

interface Parts {
  ledger: Ledger;
  log: EventLog;
  alarms: Alarms;
  monitor: Monitor;
  snapshots: SnapshotCache;
  state: string;
}

/** A log whose lines are formatted and dropped. */
const openNoLog = (): EventLog =>
  new EventLog(
    pino(
      { base: null, timestamp: pino.stdTimeFunctions.isoTime },
      pino.destination({ dest: '/dev/null', sync: true }),
    ),
  );
