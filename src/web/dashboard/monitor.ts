import { readFileSync } from 'node:fs';
import type { Alarms } from '../../alarms/alarms.ts';
import type { Clock } from '../../clock.ts';
import { inheritedSocket } from '../../config/environment.ts';
import type { Daemon } from '../../daemon/daemon.ts';
import type { Change, Journal } from '../../ledger/journal.ts';
import type { BotState } from '../../ledger/state.ts';
import type { EventLog } from '../../log.ts';
import { type ListenAddress, openWebServer, secretWord, webApp } from '../server.ts';
import { addControl } from './controls.ts';
import { addHealth, type LastReload, openChecks } from './health.ts';
import { Dashboard } from './live-updates.ts';
import { Metrics } from './metrics.ts';
import type { SnapshotCache } from './snapshot.ts';

export interface MonitorOptions {
  /** Where it listens; undefined to show nothing. */
  listen: ListenAddress | undefined;
  /** The names of reverse proxies before it. */
  names: readonly string[];
  /** Whether visitors of the page may pause, resume, resolve and post. */
  allowControl: boolean;
}

/** Connections at a time. An open page has one for events, and another while it fetches the newest page. */
const maxConnections = 2000;

/** The longest body of a request, and how long a reader may take to read on: bytes and milliseconds. */
const maxBody = 16 * 1024;
const maxIdle = 60_000;

/** What every Unix lets a process open at least. */
const minOpenFiles = 256;

function maxOpenFiles(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return minOpenFiles;
  }
}

/** What a running flockd shows of itself. Nothing here posts but by {@link Daemon.carryOut}. */
export interface MonitorParts {
  snapshots: SnapshotCache;
  ledger: Pick<Journal, 'state' | 'changesOf'>;
  alarms: Pick<Alarms, 'trials'>;
  /** When a bot's key bundle was written, where that is known. Milliseconds since 1970. */
  keyChanged: (bot: string) => Promise<number | undefined>;
  daemon: Pick<Daemon, 'stats' | 'overdue' | 'execute'>;
  clock: Clock;
  log: EventLog;
  /** The state folder, where the ledger and the stop switch are. */
  state: string;
  version: string;
}

/** Reads the history of a bot again only when there is more of it. */
function historyReader(ledger: MonitorParts['ledger']): (bot: string) => Promise<Change[]> {
  const known = new WeakMap<BotState, Promise<Change[]>>();
  return (bot) => {
    const state = ledger.state(bot);
    if (!state) return Promise.resolve([]);
    const changes = known.get(state) ?? ledger.changesOf(bot);
    known.set(state, changes);
    // What could not be read is read again.
    changes.catch(() => known.delete(state));
    return changes;
  };
}

/**
 * Shows a running flock at an address: the page, health and metrics. Without an address it does nothing, and no error in it
 * stops a post.
 */
export class Monitor implements AsyncDisposable {
  readonly #options: MonitorOptions;
  readonly #metrics: Metrics | undefined;
  #reload: LastReload = { good: true, goodAt: 0 };
  #close: (() => Promise<void>) | undefined;

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#metrics = options.listen && new Metrics();
  }

  /** Counts posts for the metrics: subscribe it to the journal. */
  readonly count = (change: Change): void => this.#metrics?.count(change);

  /** The flock's files were read. @param at - milliseconds since 1970 */
  reloaded(at: number): void {
    this.#reload = { good: true, goodAt: at };
  }

  /** The flock's files could not be read, and flockd continues with what it has. */
  reloadFailed(): void {
    this.#reload = { ...this.#reload, good: false };
  }

  /** @throws {FlockError} `unavailable` or `config` where it cannot listen */
  async open(parts: MonitorParts): Promise<void> {
    const { listen, names, allowControl } = this.#options;
    const metrics = this.#metrics;
    if (!listen || !metrics) return;
    const { alarms, clock, daemon, keyChanged, ledger, log, snapshots, state, version } = parts;
    const { failed } = snapshots;
    const token = allowControl ? secretWord() : undefined;
    // Posts and the ledger need files and connections, too.
    const connections = Math.min(maxConnections, Math.floor(maxOpenFiles() / 2));
    const errorsAreIn = 'the log of flockd';
    const app = webApp({ names, allow: { scripts: true }, maxBody, failed, errorsAreIn });
    const dashboard = new Dashboard({
      snapshots,
      clock,
      control: () => (token === undefined ? undefined : { token, trials: alarms.trials() }),
      changesOf: historyReader(ledger),
      keyChanged,
      maxReaders: Math.floor(connections / 2),
    });
    dashboard.addTo(app);
    const checks = openChecks(daemon, clock, state, () => this.#reload);
    // A flock without a page does not load the Markdown parser.
    const { addManual } = await import('../manual-site.ts');
    addManual(app);
    addHealth(app, daemon, checks);
    app.get('/metrics', async (c) => {
      const { flock, bots } = await snapshots.view();
      const body = await metrics.scrape({
        version,
        flock,
        bots: bots.map((status) => ({ status, state: ledger.state(status.bot) })),
        overdue: daemon.overdue(),
        checks: await checks(),
        reload: this.#reload,
      });
      return c.body(body, 200, { 'content-type': metrics.contentType });
    });
    if (token !== undefined) addControl(app, token, parts);
    const limits = { maxConnections: connections, maxIdle };
    const server = await openWebServer(app, {
      address: listen,
      inherited: inheritedSocket(),
      ...limits,
      failed,
    });
    this.#close = async () => {
      dashboard.close();
      await server[Symbol.asyncDispose]();
    };
    log.info({ event: 'listening', address: server.shown }, `shows the flock at ${server.shown}`);
  }

  /** Ends every response under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    const close = this.#close;
    this.#close = undefined;
    await close?.();
  }
}
