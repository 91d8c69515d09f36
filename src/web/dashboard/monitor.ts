import { randomBytes } from 'node:crypto';
import { apiUrl, inheritedSocket } from '../../config/environment.ts';
import { releaseFlock, stopFlock } from '../../daemon/stop-switch.ts';
import { FlockError, messageOf } from '../../errors.ts';
import type { Flock } from '../../flock/load.ts';
import { postPages } from '../../flock/status.ts';
import type { Change } from '../../ledger/journal.ts';
import type { BotState } from '../../ledger/state.ts';
import { unlimitedBudget } from '../../posting/budget.ts';
import type { ListenAddress, LocalAnswer, LocalRequest } from '../server.ts';
import { same } from '../sessions.ts';
import { type LastReload, openHealth } from './health.ts';
import { Dashboard } from './live-updates.ts';
import { type Metrics, metricsRoutes, openMetrics } from './metrics.ts';
import { botOrders, placeName, toldPage } from './page.ts';
import { mostOpenFiles, openMonitorServer, type Route, type Routes } from './server.ts';
import { type MonitorParts, SnapshotCache } from './snapshot.ts';

interface ControlOptions extends Pick<MonitorParts, 'daemon' | 'state'> {
  /** What a form must carry to be believed: only pages of our own have read it. */
  token: string;
  /** Told once something was done. */
  changed: () => void;
}

/** What a person can do from the page, each by the order that the command line gives. */
function controlRoutes({ daemon, state, token, changed }: ControlOptions): Routes {
  const route =
    (act: (request: LocalRequest) => Promise<string>): Route =>
    async (_, request) => {
      if (!same(request.form.get('csrf') ?? '', token)) return toldPage(403, notOurs);
      try {
        return backTo(await act(request));
      } catch (error) {
        if (!(error instanceof FlockError)) throw error;
        return toldPage(409, { title: 'That did not work', text: error.message, hint: error.hint });
      } finally {
        changed();
      }
    };
  const ofBots = botOrders.map((order): [string, Route] => [
    `POST /bots/${order}`,
    route(async ({ form }) => {
      const bot = form.get('bot') ?? '';
      const place = form.get('place');
      await daemon.carryOut({ order, bot }, order === 'post' ? mustBeAt(bot, place) : undefined);
      return `bot-${bot}`;
    }),
  ]);
  return {
    ...Object.fromEntries(ofBots),
    'POST /flock/pause': route(async () => {
      await stopFlock(state, 'stopped from the page of the flock');
      return 'summary';
    }),
    'POST /flock/resume': route(async () => {
      await releaseFlock(state);
      return 'summary';
    }),
  };
}

/** @throws {FlockError} `tryLater` where a bot is not any more where the page showed it: that line was posted */
const mustBeAt =
  (bot: string, place: string | null) =>
  (state: BotState | undefined): void => {
    if (place === placeName(state?.pass ?? 1, state?.place.next ?? 0)) return;
    throw new FlockError('tryLater', `${bot} has moved on since the page showed its place`, {
      hint: 'nothing was posted now; where it stands is on the page, which can post its next line too',
    });
  };

/** Back to the page, whatever folder a reverse proxy has put it into. */
const backTo = (place: string): LocalAnswer => ({
  status: 303,
  headers: { location: `../#${encodeURIComponent(place)}` },
  body: '',
});

const notOurs = {
  title: 'That form was not ours',
  text: 'It came from another page, or from one that was opened before flockd was started. Nothing was changed.',
  hint: undefined,
};

export interface MonitorOptions {
  /** Where it listens; undefined where nobody wants to look. */
  listen: ListenAddress | undefined;
  /** What reverse proxies before it are called. */
  names: readonly string[];
  /** Whether the page may pause, resume and post. */
  allowControl: boolean;
}

/** Readers of the page at a time, and connections that are over again soon. */
const maxReaders = 1000;
const others = 200;

/**
 * Shows a running flock to whoever asks for it at an address: the page, health and metrics. Where nobody wants to look it does
 * nothing at all, and nothing it does wrong stops a post.
 */
export class Monitor implements AsyncDisposable {
  readonly #options: MonitorOptions;
  readonly #metrics: Metrics | undefined;
  #flock: Flock | undefined;
  #reload: LastReload = { good: true, goodAt: 0 };
  #close: (() => Promise<void>) | undefined;

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#metrics = options.listen && openMetrics();
  }

  /** Counts posts for the metrics: subscribe it to the journal. */
  readonly count = (change: Change): void => this.#metrics?.count(change);

  /** Shows this flock from now on. @param at - when its files were read, in milliseconds since 1970 */
  update(flock: Flock, at: number): void {
    this.#flock = flock;
    this.#reload = { good: true, goodAt: at };
  }

  /** The flock's files were read in vain: it goes on as it was. */
  keepOn(): void {
    this.#reload = { ...this.#reload, good: false };
  }

  /**
   * Begins to listen, where it is to. A flock must have been taken up.
   *
   * @throws {FlockError} `unavailable` or `config` where it cannot listen
   */
  async open(parts: Omit<MonitorParts, 'flock' | 'pages'>): Promise<void> {
    const { listen, names, allowControl } = this.#options;
    const metrics = this.#metrics;
    if (!listen || !metrics) return;
    const { clock, log, daemon, state } = parts;
    const flock = (): Flock => this.#flock ?? nobody;
    const failed = (error: unknown): void => {
      const reason = messageOf(error);
      log
        .once('monitor', reason)
        .error({ event: 'monitor-failed', reason }, `cannot show the flock: ${reason}`);
    };
    const desk = new SnapshotCache({ ...parts, flock, pages: postPages(apiUrl()) });
    const view = (): ReturnType<SnapshotCache['view']> => desk.view();
    const changed = (): void => {
      desk.forget();
    };
    const token = allowControl ? randomBytes(32).toString('base64url') : undefined;
    // Posts and the ledger need files and connections, too.
    const mostConnections = Math.min(maxReaders + others, Math.floor(mostOpenFiles() / 2));
    const readers = Math.min(maxReaders, Math.floor(mostConnections * 0.8));
    const dashboard = new Dashboard({ view, clock, token, mostReaders: readers, failed });
    const reload = (): LastReload => this.#reload;
    const health = openHealth({ daemon, clock, state, reload });
    const server = await openMonitorServer({
      address: listen,
      inherited: inheritedSocket(),
      names,
      routes: {
        ...dashboard.routes,
        ...health.routes,
        ...metricsRoutes({ ...parts, reload, metrics }, health),
        ...(token !== undefined && controlRoutes({ daemon, state, token, changed })),
      },
      streams: dashboard.streams,
      view,
      mostConnections,
      failed,
    });
    this.#close = async () => {
      dashboard.close();
      await server[Symbol.asyncDispose]();
    };
    log.info({ event: 'listening', address: server.shown }, `shows the flock at ${server.shown}`);
  }

  /** Ends every answer under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    const close = this.#close;
    this.#close = undefined;
    await close?.();
  }
}

const nobody: Flock = { bots: [], misfits: [], keyless: [], passedOver: [], purse: unlimitedBudget };
