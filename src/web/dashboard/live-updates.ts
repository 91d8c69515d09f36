import { createHash, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { asset } from '../../assets.ts';
import type { Clock } from '../../clock.ts';
import type { FlockView } from '../../flock/view.ts';
import { type LocalAnswer, type LocalRequest, plain } from '../server.ts';
import { asPage, dashboardPage, type FormToken, regionsOf } from './page.ts';
import { RegionStore } from './regions.ts';
import { dashboardScript } from './script.ts';
import type { AskView, Routes, Streams } from './server.ts';

/** Somebody who looks at the page. */
interface Reader {
  response: ServerResponse;
  /** The version it was sent last. */
  sent: number;
  /** Since when it has not read on what it was sent. */
  stuckSince: number | undefined;
  /** When it was last sent anything. */
  spokenAt: number;
  /** How much it was sent. Bytes. */
  bytes: number;
}

interface EventStreamOptions {
  clock: Clock;
  store: RegionStore;
  mostReaders: number;
}

/** A reader that does not read on for so long is let go. Milliseconds. */
const patience = 60_000;

/**
 * A connection that has carried so much ends, and a browser opens another: whoever reads nothing would have the system keep
 * megabytes for them before anybody can tell. Bytes.
 */
const maxBytes = 256 * 1024;

/** A connection on which nothing is said for longer may be cut off on its way. Milliseconds. */
const quiet = 15_000;

/** So many are told in one turn of the event loop; then it is a post's turn. */
const inOneTurn = 50;

/**
 * Tells everybody who looks at the page what has changed. Nothing is queued: whoever is slow gets the newest state once they
 * have read what they were sent, and all who are equally far behind share its bytes.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #readers = new Set<Reader>();
  #timer: (() => void) | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Whether one more is too many. */
  get isFull(): boolean {
    return this.#readers.size >= this.#options.mostReaders;
  }

  /** Takes a reader on. @param version - that of the page it has */
  open(response: ServerResponse, version: number): void {
    const reader: Reader = {
      response,
      sent: version,
      stuckSince: undefined,
      spokenAt: this.#options.clock.elapsed(),
      bytes: 0,
    };
    // What is stuck is found here, and an event can be long in coming.
    response.socket?.setTimeout(0);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Reverse proxies that gather answers must not gather this one.
      'x-accel-buffering': 'no',
    });
    response.on('error', () => undefined);
    response.once('close', () => {
      this.#readers.delete(reader);
    });
    this.#readers.add(reader);
    this.#write(reader, 'retry: 2000\n\n');
    this.#bringUpToDate(reader);
    this.#arm();
  }

  /** Tells everybody what has changed, in turns. */
  async tell(): Promise<void> {
    let told = 0;
    for (const reader of [...this.#readers]) {
      this.#bringUpToDate(reader);
      if (++told % inOneTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  close(): void {
    this.#timer?.();
    this.#timer = undefined;
    for (const { response } of this.#readers) response.destroy();
    this.#readers.clear();
  }

  #bringUpToDate(reader: Reader): void {
    const { store } = this.#options;
    if (reader.stuckSince !== undefined || !this.#readers.has(reader)) return;
    const event = store.since(reader.sent);
    if (event === undefined) return;
    if (reader.bytes > maxBytes) {
      reader.response.end();
      return;
    }
    reader.sent = store.number;
    this.#write(reader, event);
  }

  #write(reader: Reader, bytes: Buffer | string): void {
    const { response } = reader;
    if (response.destroyed || response.writableEnded) return;
    reader.spokenAt = this.#options.clock.elapsed();
    reader.bytes += bytes.length;
    if (response.write(bytes) || reader.stuckSince !== undefined) return;
    reader.stuckSince = reader.spokenAt;
    response.once('drain', () => {
      reader.stuckSince = undefined;
      this.#bringUpToDate(reader);
    });
  }

  #arm(): void {
    if (this.#timer) return;
    const { clock } = this.#options;
    this.#timer = clock.at(clock.now() + quiet, () => {
      this.#timer = undefined;
      this.#lookAfter();
      if (this.#readers.size > 0) this.#arm();
    });
  }

  /** Lets go of those who are stuck, and speaks to those to whom nothing was said for long. */
  #lookAfter(): void {
    const now = this.#options.clock.elapsed();
    for (const reader of this.#readers) {
      const { stuckSince, spokenAt, response } = reader;
      if (stuckSince !== undefined && now - stuckSince >= patience) response.destroy();
      else if (stuckSince === undefined && now - spokenAt >= quiet) this.#write(reader, ':\n\n');
    }
  }
}

interface DashboardOptions {
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

const answer = (type: string, body: string): LocalAnswer => ({
  status: 200,
  headers: { 'content-type': `${type}; charset=utf-8`, 'cross-origin-resource-policy': 'same-origin' },
  body,
});

/** A page of another edition than this cannot take in what is sent to it. */
const edition = (): string =>
  createHash('sha256').update(dashboardScript).update(asset('dashboard.css')).digest('hex').slice(0, 12);

/** The page of the flock, and what keeps it up to date. */
export class Dashboard {
  readonly routes: Routes = {
    'GET /': async (view) => asPage(200, await this.#page(view)),
    'GET /dashboard.css': () => answer('text/css', asset('dashboard.css')),
    'GET /dashboard.js': () => answer('text/javascript', dashboardScript),
  };
  readonly streams: Streams = {
    '/events': (request, response) => this.#open(request, response),
  };
  readonly #options: DashboardOptions;
  readonly #store = new RegionStore(randomBytes(6).toString('hex'));
  readonly #events: EventStream;
  /** One rendering for all who load the page while a view is fresh. */
  readonly #pages = new WeakMap<FlockView, Buffer>();
  readonly #edition = edition();
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
    const page = Buffer.from(dashboardPage({ view, regions, version, edition: this.#edition }));
    this.#pages.set(view, page);
    return page;
  }

  #open({ query, headers }: LocalRequest, response: ServerResponse): LocalAnswer | undefined {
    if (query.get('edition') !== this.#edition) return stale;
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
