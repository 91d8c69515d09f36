import '../without-webassembly.ts';
import { createHash } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { asset } from '../../assets.ts';
import type { Clock } from '../../clock.ts';
import { addAsset, type WebApp, type WebContext } from '../server.ts';
import { dashboardPage } from './page.ts';
import type { FlockView, SnapshotCache } from './snapshot.ts';

interface Reader {
  response: HttpBindings['outgoing'];
  /** The version of the page that it has, or was sent last. */
  version: string | undefined;
  /** Whether it has not yet read what it was sent last. */
  isBehind: boolean;
  /** When it was last sent anything. */
  sentAt: number;
  openedAt: number;
}

interface EventStreamOptions {
  clock: Clock;
  maxReaders: number;
  /** Called when the last reader has gone. */
  onEmpty?: () => void;
}

/** A proxy may cut off a connection on which nothing is sent for longer. Milliseconds. */
const heartbeat = 15_000;

/**
 * The maximum age of a connection. The browser opens another by itself. Without a maximum, a reader that reads nothing would
 * keep its place for good, and the system would keep megabytes for it. Milliseconds.
 */
const maxAge = 10 * 60_000;

const eventStream = { 'content-type': 'text/event-stream; charset=utf-8' };

/** How many readers are served in one turn of the event loop; then it is a post's turn. */
const readersPerTurn = 50;

/**
 * Sends every open page the number of its newest version, as server-sent events. A reader that does not read is sent no
 * further event, so slow readers take no memory. It writes to the connections itself: a web stream for each reader takes
 * twenty times as long.
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
      ...eventStream,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Reverse proxies must not buffer this response.
      'x-accel-buffering': 'no',
    });
    response.on('error', () => undefined);
    response.on('drain', () => {
      reader.isBehind = false;
      this.#bringUpToDate(reader);
    });
    response.once('close', () => {
      this.#readers.delete(reader);
      if (this.#readers.size > 0) return;
      this.#newest = undefined;
      this.#options.onEmpty?.();
    });
    this.#readers.add(reader);
    this.#send(reader, 'retry: 2000\n\n');
    this.#bringUpToDate(reader);
    this.#beat();
    return RESPONSE_ALREADY_SENT;
  }

  /** Sends a version to all readers, in turns. */
  async tell(version: string): Promise<void> {
    const event = Buffer.from(`event: changed\nid: ${version}\ndata:\n\n`);
    this.#newest = { version, event };
    let count = 0;
    for (const reader of [...this.#readers]) {
      this.#bringUpToDate(reader);
      if (++count % readersPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
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

interface DashboardOptions extends Omit<EventStreamOptions, 'onEmpty'> {
  snapshots: Pick<SnapshotCache, 'view' | 'watch' | 'failed'>;
  /** What its forms carry, where it has any. */
  token: string | undefined;
}

/** The page of the flock, and what keeps it up to date. */
export class Dashboard {
  readonly #options: DashboardOptions;
  readonly #events: EventStream;
  /** One rendering for all who load the page while a view is fresh. */
  readonly #pages = new WeakMap<FlockView, ReturnType<typeof dashboardPage>>();
  /** Tells the script and the style of this flockd from those of a page that another one has sent. */
  readonly #edition = createHash('sha256')
    .update(asset('dashboard.js') + asset('dashboard.css'))
    .digest('hex')
    .slice(0, 12);
  #unwatch: (() => void) | undefined;

  constructor(options: DashboardOptions) {
    this.#options = options;
    const onEmpty = (): void => {
      this.#unwatch?.();
      this.#unwatch = undefined;
    };
    this.#events = new EventStream({ ...options, onEmpty });
  }

  addTo(app: WebApp): void {
    app.get('/', async (c) => {
      const { bytes } = await this.#page(await this.#options.snapshots.view());
      return c.body(bytes, 200, { 'content-type': 'text/html; charset=utf-8' });
    });
    addAsset(app, '/dashboard.css', 'dashboard.css');
    addAsset(app, '/dashboard.js', 'dashboard.js');
    app.get('/events', (c) => this.#open(c));
  }

  close(): void {
    this.#events.close();
    this.#unwatch?.();
  }

  #page(view: FlockView): ReturnType<typeof dashboardPage> {
    const page = this.#pages.get(view) ?? dashboardPage(view, this.#options.token, this.#edition);
    this.#pages.set(view, page);
    return page;
  }

  #open(c: WebContext): Response | Promise<Response> {
    if (c.req.method === 'HEAD') return c.text('only GET\n', 405, { allow: 'GET' });
    if (c.req.query('edition') !== this.#edition) return c.body('event: stale\ndata:\n\n', 200, eventStream);
    if (this.#events.isFull) return c.text('too many read this page just now\n', 503);
    const opened = this.#events.open(c, c.req.header('last-event-id') ?? c.req.query('since'));
    const { snapshots } = this.#options;
    this.#unwatch ??= snapshots.watch((view) => {
      this.#page(view)
        .then(({ version }) => this.#events.tell(version))
        .catch(snapshots.failed);
    });
    return opened;
  }
}
