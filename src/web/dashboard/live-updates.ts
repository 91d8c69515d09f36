import '../without-webassembly.ts';
import { createHash } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { asset } from '../../assets.ts';
import type { Clock } from '../../clock.ts';
import type { FlockView } from '../../flock/view.ts';
import type { WebApp, WebContext } from '../server.ts';
import { dashboardPage } from './page.ts';

/** A page that is open. */
interface Reader {
  response: HttpBindings['outgoing'];
  /** The version of the page that it has, or was told of last. */
  version: string | undefined;
  /** Whether it has yet to read what it was sent last. */
  isBehind: boolean;
  /** When it was last sent anything. */
  sentAt: number;
  openedAt: number;
}

interface EventStreamOptions {
  clock: Clock;
  maxReaders: number;
}

/** A connection on which nothing is sent for longer may be cut off on its way. Milliseconds. */
const heartbeat = 15_000;

/**
 * The maximum age of a connection. The browser opens another by itself. Without a maximum, a reader that reads nothing would
 * keep its place for good, and the system would keep megabytes for it. Milliseconds.
 */
const maxAge = 10 * 60_000;

/** So many readers are told in one turn of the event loop; then it is a post's turn. */
const readersPerTurn = 50;

/**
 * Tells every open page that there is a new version of it, as server-sent events. An event is small and says only which
 * version is the newest, and a reader that does not read is sent no further one: slow readers take no memory. It writes to
 * the connections itself: a web stream for each reader takes twenty times as long.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #readers = new Set<Reader>();
  #newest: { version: string; event: Buffer } | undefined;
  #heartbeat: (() => void) | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Whether one more is too many. */
  get isFull(): boolean {
    return this.#readers.size >= this.#options.maxReaders;
  }

  /** Adds a reader. @param version - that of the page it has */
  open({ env: { incoming, outgoing: response } }: WebContext, version: string | undefined): Response {
    const openedAt = this.#options.clock.elapsed();
    const reader: Reader = { response, version, isBehind: false, sentAt: openedAt, openedAt };
    // A reader may be idle for as long as nothing changes.
    incoming.socket.setTimeout(0);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Reverse proxies that gather answers must not gather this one.
      'x-accel-buffering': 'no',
    });
    response.on('error', () => undefined);
    response.on('drain', () => {
      reader.isBehind = false;
      this.#bringUpToDate(reader);
    });
    response.once('close', () => {
      this.#readers.delete(reader);
      // While nobody reads, nobody looks which version is the newest.
      if (this.#readers.size === 0) this.#newest = undefined;
    });
    this.#readers.add(reader);
    this.#send(reader, 'retry: 2000\n\n');
    this.#bringUpToDate(reader);
    this.#beat();
    return RESPONSE_ALREADY_SENT;
  }

  /** Tells all readers of a version, in turns. */
  async tell(version: string): Promise<void> {
    const event = Buffer.from(`event: changed\nid: ${version}\ndata:\n\n`);
    this.#newest = { version, event };
    let told = 0;
    for (const reader of [...this.#readers]) {
      this.#bringUpToDate(reader);
      if (++told % readersPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  close(): void {
    this.#heartbeat?.();
    this.#heartbeat = undefined;
    for (const { response } of this.#readers) response.destroy();
    this.#readers.clear();
  }

  #bringUpToDate(reader: Reader): void {
    const newest = this.#newest;
    if (newest === undefined || newest.version === reader.version || reader.isBehind) return;
    reader.version = newest.version;
    this.#send(reader, newest.event);
  }

  #send(reader: Reader, bytes: Buffer | string): void {
    if (reader.response.destroyed || reader.response.writableEnded) return;
    reader.sentAt = this.#options.clock.elapsed();
    reader.isBehind = !reader.response.write(bytes);
  }

  /** Ends a connection, and destroys one whose reader has not read on since it was ended. */
  #end({ response }: Reader): void {
    if (response.writableEnded) response.destroy();
    else response.end();
  }

  #beat(): void {
    if (this.#heartbeat) return;
    const { clock } = this.#options;
    this.#heartbeat = clock.at(clock.now() + heartbeat, () => {
      this.#heartbeat = undefined;
      const now = clock.elapsed();
      for (const reader of this.#readers) {
        if (now - reader.openedAt >= maxAge) this.#end(reader);
        else if (!reader.isBehind && now - reader.sentAt >= heartbeat) this.#send(reader, ':\n\n');
      }
      if (this.#readers.size > 0) this.#beat();
    });
  }
}

/** The flock as it stands, at most a second old. It is built only where somebody asks. */
export type AskView = () => Promise<FlockView>;

interface DashboardOptions extends EventStreamOptions {
  view: AskView;
  /** What its forms carry, where it has any. */
  token: string | undefined;
  /** Called with an error of its own. */
  failed: (error: unknown) => void;
}

/** A rendered page. */
interface Page {
  version: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** How often it looks for changes while somebody reads. Milliseconds. */
const lookInterval = 1000;

const charset = 'charset=utf-8';

/** The page of the flock, and what keeps it up to date. */
export class Dashboard {
  readonly #options: DashboardOptions;
  readonly #events: EventStream;
  /** One rendering for all who load the page while a view is fresh. */
  readonly #pages = new WeakMap<FlockView, Page>();
  /** Tells the script and the style of this flockd from those of a page that another one has sent. */
  readonly #edition = createHash('sha256')
    .update(asset('dashboard.js') + asset('dashboard.css'))
    .digest('hex')
    .slice(0, 12);
  #watching: (() => void) | undefined;

  constructor(options: DashboardOptions) {
    this.#options = options;
    this.#events = new EventStream(options);
  }

  addTo(app: WebApp): void {
    app.get('/', async (c) => {
      const { bytes } = await this.#page();
      return c.body(bytes, 200, { 'content-type': `text/html; ${charset}` });
    });
    app.get('/dashboard.css', (c) =>
      c.body(asset('dashboard.css'), 200, { 'content-type': `text/css; ${charset}` }),
    );
    app.get('/dashboard.js', (c) =>
      c.body(asset('dashboard.js'), 200, { 'content-type': `text/javascript; ${charset}` }),
    );
    app.get('/events', (c) => this.#open(c));
  }

  close(): void {
    this.#watching?.();
    this.#events.close();
  }

  async #page(): Promise<Page> {
    const { view: ask, token } = this.#options;
    const view = await ask();
    const known = this.#pages.get(view);
    if (known) return known;
    const { version, html } = await dashboardPage(view, { token, edition: this.#edition });
    const rendered = { version, bytes: Buffer.from(html) };
    this.#pages.set(view, rendered);
    return rendered;
  }

  #open(c: WebContext): Response | Promise<Response> {
    if (c.req.method === 'HEAD') return c.text('only GET\n', 405, { allow: 'GET' });
    if (c.req.query('edition') !== this.#edition)
      return c.body('event: stale\ndata:\n\n', 200, { 'content-type': `text/event-stream; ${charset}` });
    if (this.#events.isFull) return c.text('too many read this page just now\n', 503);
    const opened = this.#events.open(c, c.req.header('last-event-id') ?? c.req.query('since'));
    this.#watch();
    return opened;
  }

  /** Looks for changes as long as anybody reads. */
  #watch(): void {
    if (this.#watching) return;
    const { clock, failed } = this.#options;
    this.#watching = clock.at(clock.now() + lookInterval, () => {
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
    const { version } = await this.#page();
    await this.#events.tell(version);
  }
}
