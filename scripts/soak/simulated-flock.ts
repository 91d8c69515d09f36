import path from 'node:path';
import pino from 'pino';
import { Alarms } from '../../src/alarms/alarms.ts';
import type { HeldClock } from '../../src/clock.ts';
import { readFlockFile } from '../../src/config/flock-file.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import { loadFlock } from '../../src/flock/load.ts';
import { usualSockets } from '../../src/http/exchange.ts';
import { KeyStore } from '../../src/keys/store.ts';
import { Journal, type Ledger } from '../../src/ledger/journal.ts';
import { logChanges } from '../../src/ledger/log-events.ts';
import type { BotState } from '../../src/ledger/state.ts';
import { EventLog } from '../../src/log.ts';
import { openX } from '../../src/networks/x/client.ts';
import { readPoem } from '../../src/poems/find.ts';
import type { Command } from '../../src/posting/commands.ts';
import { openScratchFolder } from '../../src/rehearsal/stage.ts';
import { Monitor } from '../../src/web/dashboard/monitor.ts';
import type { AnsweringX } from './held-x.ts';

export interface SimulatedFlockOptions {
  root: string;
  clock: HeldClock;
  x: AnsweringX;
  /** Where it shows itself. */
  socket: string;
}

/** As `flockd run` has it. Milliseconds. */
const deadline = 10_000;

/** Whoever watches for silence looks at every bot each five minutes, which is most of a year's work: one in so many will do. */
const watchedEvery = 10;

/** All that `flockd run` is made of, put together as there, on a clock that is held and with somebody in X's place. */
export class SimulatedFlock {
  readonly ledger: Ledger;
  /** The folder of the ledger. Its files are real, and nothing in them is fsynced: a year of that takes hours. */
  readonly state: string;
  readonly #clock: HeldClock;
  readonly #alarms: Alarms;
  readonly #daemon: Daemon;
  readonly #monitor: Monitor;
  readonly #root: string;
  #failure: { cause: unknown } | undefined;

  private constructor(
    { root, clock, x }: SimulatedFlockOptions,
    { ledger, log, alarms, monitor, state }: Parts,
  ) {
    this.#root = root;
    this.#clock = clock;
    this.#alarms = alarms;
    this.#monitor = monitor;
    this.ledger = ledger;
    this.state = state;
    this.#daemon = new Daemon({
      ledger,
      clock,
      log,
      openX: openX('http://127.0.0.1:1', x.send, clock),
      askTime: () => Promise.resolve({ ahead: 0, isOfX: true }),
      deadline,
      readPoem,
      writtenAt: () => undefined,
      sockets: usualSockets,
      isStopped: () => false,
      brake: (why) => Promise.reject(new Error(why)),
      failed: (cause) => (this.#failure ??= { cause }),
      onIdle: (failed) => {
        alarms.onIdle(failed);
      },
    });
  }

  static async open(options: SimulatedFlockOptions): Promise<SimulatedFlock> {
    const { root, clock, x, socket } = options;
    const folder = openScratchFolder();
    const state = folder.path;
    const monitor = new Monitor({ listen: { kind: 'socket', path: socket }, names: [], allowControl: true });
    const log = openNoLog();
    const ledger = await Journal.open(folder);
    ledger.subscribe(logChanges(log));
    ledger.subscribe(monitor.count);
    const stateOf = (bot: string): BotState | undefined => ledger.state(bot);
    const alarms = new Alarms({ clock, send: x.send, log, root, stateOf, isStopped: () => false });
    const flock = new SimulatedFlock(options, { ledger, log, alarms, monitor, state });
    await flock.reload();
    await monitor.open({
      ledger,
      daemon: flock.#daemon,
      clock,
      log,
      isStopped: () => false,
      state,
      version: 'soak',
    });
    return flock;
  }

  /** Reads its files, and takes up what is in them. */
  async reload(): Promise<void> {
    const flockFile = await readFlockFile(path.join(this.#root, 'flock.json'));
    const flock = await loadFlock(this.#root, new KeyStore(path.join(this.#root, 'keys')), flockFile);
    if (flock.misfits[0]) throw flock.misfits[0].error;
    const watched = flock.bots.filter((_, index) => index % watchedEvery === 0);
    this.#alarms.update({ bots: watched, alarms: flockFile.alarms });
    this.#monitor.update(flock, this.#clock.now());
    this.#daemon.update(flock);
  }

  /** A person's order; it is carried out in the simulated time. What cannot be carried out is let be. */
  order(order: Command): void {
    this.#daemon.carryOut(order).catch(() => undefined);
  }

  /** Lets the time run. @throws why it gave up */
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
  state: string;
}

/** Every line is made as always, and nobody keeps it. */
const openNoLog = (): EventLog =>
  new EventLog(
    pino(
      { base: null, timestamp: pino.stdTimeFunctions.isoTime },
      pino.destination({ dest: '/dev/null', sync: true }),
    ),
  );
