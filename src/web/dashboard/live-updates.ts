import '../without-webassembly.ts';
import { createHash } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { asset } from '../../assets.ts';
import type { Clock } from '../../clock.ts';
import { addAsset, type WebApp, type WebContext } from '../server.ts';
import { type DetailSources, readDetails } from './bot-details.ts';
import { type BotFilter, everyBot, filterName, parseFilter } from './bot-list.ts';
import { botPage, noBotPage } from './bot-page.ts';
import type { Control } from './controls.ts';
import { dashboardPage, type Page } from './page.ts';
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

interface DashboardOptions extends Omit<EventStreamOptions, 'onEmpty'>, Omit<DetailSources, 'snapshots'> {
  snapshots: Pick<SnapshotCache, 'view' | 'watch' | 'failed' | 'sourcesOf'>;
  /** What its forms depend on, where it has any. */
  control: () => Control;
}

/** How many pages with a filter, and of bots, are kept while a view is fresh. */
const maxPages = 64;

/** The page of the flock and those of its bots, and what keeps them up to date. */
export class Dashboard {
  readonly #options: DashboardOptions;
  readonly #events: EventStream;
  /** One rendering for all who load the page while a view is fresh; the others by what was asked for. */
  readonly #mainPages = new WeakMap<FlockView, Promise<Page>>();
  readonly #pages = new WeakMap<FlockView, Map<string, Promise<Page | undefined>>>();
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
    const { snapshots } = this.#options;
    app.get('/', async (c) => {
      const view = await snapshots.view();
      return sendPage(c, await this.#listPage(view, parseFilter(c.req.query())));
    });
    app.get('/bots/:bot', async (c) => {
      const view = await snapshots.view();
      const name = c.req.param('bot').normalize('NFC');
      const page = await this.#botPage(view, name, lineIn(c.req.query('line')));
      return page ? sendPage(c, page) : c.html(noBotPage(view, name), 404);
    });
    addAsset(app, '/dashboard.css', 'dashboard.css');
    addAsset(app, '/dashboard.js', 'dashboard.js');
    app.get('/events', (c) => this.#open(c));
  }

  close(): void {
    this.#events.close();
    this.#unwatch?.();
  }

  /** The page of the flock. Its version is that of all pages of a view. */
  #mainPage(view: FlockView): Promise<Page> {
    const page =
      this.#mainPages.get(view) ??
      dashboardPage(view, { control: this.#options.control(), edition: this.#edition });
    this.#mainPages.set(view, page);
    return page;
  }

  async #listPage(view: FlockView, filter: BotFilter): Promise<Page> {
    const main = await this.#mainPage(view);
    if (filterName(filter) === filterName(everyBot)) return main;
    const options = { ...this.#frame(main), filter };
    return (await this.#once(view, `?${filterName(filter)}`, () => dashboardPage(view, options))) ?? main;
  }

  async #botPage(view: FlockView, name: string, line: number | undefined): Promise<Page | undefined> {
    const main = await this.#mainPage(view);
    return this.#once(view, `bots/${name} ${line ?? ''}`, async () => {
      const details = await readDetails(view, name, this.#options, line);
      return details && botPage(view, details, this.#frame(main));
    });
  }

  #frame({ version }: Page) {
    return { control: this.#options.control(), edition: this.#edition, version };
  }

  #once(view: FlockView, name: string, render: () => Promise<Page | undefined>): Promise<Page | undefined> {
    const pages = this.#pages.get(view) ?? new Map<string, Promise<Page | undefined>>();
    this.#pages.set(view, pages);
    const page = pages.get(name) ?? render();
    pages.set(name, page);
    const [oldest = ''] = pages.keys();
    if (pages.size > maxPages) pages.delete(oldest);
    return page;
  }

  #open(c: WebContext): Response | Promise<Response> {
    if (c.req.method === 'HEAD') return c.text('only GET\n', 405, { allow: 'GET' });
    if (c.req.query('edition') !== this.#edition) return c.body('event: stale\ndata:\n\n', 200, eventStream);
    if (this.#events.isFull) return c.text('too many read this page just now\n', 503);
    const opened = this.#events.open(c, c.req.header('last-event-id') ?? c.req.query('since'));
    const { snapshots } = this.#options;
    this.#unwatch ??= snapshots.watch((view) => {
      this.#mainPage(view)
        .then(({ version }) => this.#events.tell(version))
        .catch(snapshots.failed);
    });
    return opened;
  }
}

const sendPage = (c: WebContext, { bytes }: Page): Response =>
  c.body(bytes, 200, { 'content-type': 'text/html; charset=utf-8' });

/** A line of a poem in an address, or undefined for anything else. */
const lineIn = (text: string | undefined): number | undefined =>
  /^[1-9]\d{0,8}$/.test(text ?? '') ? Number(text) : undefined;
