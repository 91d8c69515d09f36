import { createHash, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import type { FlockView } from '../flock/view.ts';
import { type LocalAnswer, type LocalRequest, plain } from '../web/local-exchange.ts';
import type { FormToken } from './dashboard-controls.ts';
import { asPage, dashboardPage, regionsOf } from './dashboard-page.ts';
import { dashboardScript } from './dashboard-script.ts';
import { dashboardStyle } from './dashboard-style.ts';
import { EventStream } from './event-stream.ts';
import { RegionStore } from './regions.ts';
import type { AskView, Routes, Streams } from './routes.ts';

export interface DashboardOptions {
  view: AskView;
  clock: Clock;
  /** What its forms carry, where it has any. */
  token: FormToken;
  mostReaders: number;
  /** Told of a mistake of its own. */
  failed: (error: unknown) => void;
}

/** How often it is looked whether anything has changed, while somebody reads. Milliseconds. */
const every = 1000;

const asset = (type: string, body: string): LocalAnswer => ({
  status: 200,
  headers: { 'content-type': `${type}; charset=utf-8`, 'cross-origin-resource-policy': 'same-origin' },
  body,
});

/** A page of another edition than this cannot take in what is sent to it. */
const edition = createHash('sha256')
  .update(dashboardScript)
  .update(dashboardStyle)
  .digest('hex')
  .slice(0, 12);

/** The page of the flock, and what keeps it up to date. */
export class Dashboard {
  readonly routes: Routes = {
    'GET /': async (view) => asPage(200, await this.#page(view)),
    'GET /dashboard.css': () => asset('text/css', dashboardStyle),
    'GET /dashboard.js': () => asset('text/javascript', dashboardScript),
  };
  readonly streams: Streams = {
    '/events': (request, response) => this.#open(request, response),
  };
  readonly #options: DashboardOptions;
  readonly #store = new RegionStore(randomBytes(6).toString('hex'));
  readonly #events: EventStream;
  /** One rendering for all who load the page while a view is fresh. */
  readonly #pages = new WeakMap<FlockView, Buffer>();
  #watching: (() => void) | undefined;

  constructor(options: DashboardOptions) {
    this.#options = options;
    const { clock, mostReaders } = options;
    this.#events = new EventStream({ clock, store: this.#store, mostReaders });
  }

  close(): void {
    this.#watching?.();
    this.#events.close();
  }

  async #page(ask: AskView): Promise<Buffer> {
    const view = await ask();
    const known = this.#pages.get(view);
    if (known) return known;
    const regions = regionsOf(view, this.#options.token);
    this.#store.take(regions);
    const { version } = this.#store;
    const page = Buffer.from(dashboardPage({ view, regions, version, edition }));
    this.#pages.set(view, page);
    return page;
  }

  #open({ query, headers }: LocalRequest, response: ServerResponse): LocalAnswer | undefined {
    if (query.get('edition') !== edition) return stale;
    if (this.#events.isFull) return plain(503, 'too many read this page just now');
    const version = headers['last-event-id'] ?? query.get('since') ?? undefined;
    this.#events.open(response, this.#store.numberOf(version));
    this.#watch();
    return undefined;
  }

  /** Looks for changes as long as anybody reads. */
  #watch(): void {
    if (this.#watching) return;
    const { clock, failed } = this.#options;
    this.#watching = clock.at(clock.now() + every, () => {
      this.#look()
        .catch(failed)
        .finally(() => {
          this.#watching = undefined;
          if (this.#events.readers > 0) this.#watch();
        });
    });
  }

  async #look(): Promise<void> {
    if (this.#events.readers === 0) return;
    const { view, token } = this.#options;
    this.#store.take(regionsOf(await view(), token));
    // Somebody may have loaded the page meanwhile: what is new to those who look need not be new.
    await this.#events.tell();
  }
}

/** The page is that of another flockd, and is to be loaded again. */
const stale: LocalAnswer = {
  status: 200,
  headers: { 'content-type': 'text/event-stream; charset=utf-8' },
  body: 'event: stale\ndata:\n\n',
};
