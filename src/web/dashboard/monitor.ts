import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { apiUrl, inheritedSocket } from '../../config/environment.ts';
import { releaseFlock, stopFlock } from '../../daemon/stop-switch.ts';
import { FlockError, messageOf } from '../../errors.ts';
import type { Flock } from '../../flock/load.ts';
import { postPages } from '../../flock/status.ts';
import type { Change } from '../../ledger/journal.ts';
import type { BotState } from '../../ledger/state.ts';
import { unlimitedBudget } from '../../posting/budget.ts';
import { type ListenAddress, openWebServer, same, secretWord, webApp, type WebApp } from '../server.ts';
import { addHealth, type LastReload, openChecks } from './health.ts';
import { Dashboard } from './live-updates.ts';
import { addMetrics, type Metrics, openMetrics } from './metrics.ts';
import { botOrders, noticePage, placeName } from './page.ts';
import { type MonitorParts, SnapshotCache } from './snapshot.ts';

interface ControlOptions extends Pick<MonitorParts, 'daemon' | 'state'> {
  /** What a form must carry: only pages of this process have it. */
  token: string;
  /** Called once something was done. */
  changed: () => void;
}

const field = z.string().catch('');
const formSchema = z.object({ csrf: field, bot: field, place: field });
type Form = z.infer<typeof formSchema>;

/** What a person can do from the page, each by the command that the command line gives. */
function addControl(app: WebApp, { daemon, state, token, changed }: ControlOptions): void {
  /** @param act - does it, and says which part of the page shows it */
  const add = (path: string, act: (form: Form) => Promise<string>): void => {
    app.post(path, async (c) => {
      const form = formSchema.parse(await c.req.parseBody());
      if (!same(form.csrf, token)) return c.html(noticePage(notOurs), 403);
      try {
        // Back to the page, whatever folder a reverse proxy has put it into.
        return c.redirect(`../#${encodeURIComponent(await act(form))}`, 303);
      } catch (error) {
        if (!(error instanceof FlockError)) throw error;
        const { message, hint } = error;
        return await c.html(noticePage({ title: 'That did not work', text: message, hint }), 409);
      } finally {
        changed();
      }
    });
  };
  for (const order of botOrders) {
    add(`/bots/${order}`, async ({ bot, place }) => {
      await daemon.execute({ order, bot }, order === 'post' ? mustBeAt(bot, place) : undefined);
      return `bot-${bot}`;
    });
  }
  add('/flock/pause', async () => {
    await stopFlock(state, 'stopped from the page of the flock');
    return 'summary';
  });
  add('/flock/resume', async () => {
    await releaseFlock(state);
    return 'summary';
  });
}

/** @throws {FlockError} `tryLater` where a bot is not any more where the page showed it: that line was posted */
const mustBeAt =
  (bot: string, place: string) =>
  (state: BotState | undefined): void => {
    if (place === placeName(state?.pass ?? 1, state?.place.next ?? 0)) return;
    throw new FlockError('tryLater', `${bot} has moved on since the page showed its place`, {
      hint: 'nothing was posted now; where it stands is on the page, which can post its next line too',
    });
  };

const notOurs = {
  title: 'That form was not ours',
  text: 'It came from another page, or from one that was opened before flockd was started. Nothing was changed.',
};

export interface MonitorOptions {
  /** Where it listens; undefined where nobody wants to look. */
  listen: ListenAddress | undefined;
  /** What reverse proxies before it are called. */
  names: readonly string[];
  /** Whether the page may pause, resume and post. */
  allowControl: boolean;
}

/** Connections at a time. A page that is open has one for events, and another where it fetches the newest page. */
const maxConnections = 2000;

/** The longest body of a request, and how long a reader may take to read on: bytes and milliseconds. */
const maxBody = 16 * 1024;
const maxIdle = 60_000;

/** What every Unix lets a process open. */
const minOpenFiles = 256;

/** How many files and connections this process may have open. */
function maxOpenFiles(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return minOpenFiles;
  }
}

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
    const snapshots = new SnapshotCache({ ...parts, flock, pages: postPages(apiUrl()) });
    const view = (): ReturnType<SnapshotCache['view']> => snapshots.view();
    const token = allowControl ? secretWord() : undefined;
    // Posts and the ledger need files and connections, too.
    const connections = Math.min(maxConnections, Math.floor(maxOpenFiles() / 2));
    const app = webApp({
      names,
      allow: { scripts: true },
      maxBody,
      failed,
      errorsAreIn: 'the log of flockd',
    });
    const maxReaders = Math.floor(connections / 2);
    const dashboard = new Dashboard({ view, clock, token, maxReaders, failed });
    dashboard.addTo(app);
    const reload = (): LastReload => this.#reload;
    const checks = openChecks({ daemon, clock, state, reload });
    addHealth(app, daemon, checks);
    addMetrics(app, { ...parts, reload, metrics, view, checks });
    const changed = (): void => {
      snapshots.forget();
    };
    if (token !== undefined) addControl(app, { daemon, state, token, changed });
    const server = await openWebServer(app, {
      address: listen,
      inherited: inheritedSocket(),
      maxConnections: connections,
      maxIdle,
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

const nobody: Flock = { bots: [], invalidBots: [], keyless: [], passedOver: [], purse: unlimitedBudget };
