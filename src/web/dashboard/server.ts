import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { FlockError } from '../../errors.ts';
import type { FlockView } from '../../flock/view.ts';
import {
  hasManyHosts,
  type ListenAddress,
  type LocalAnswer,
  type LocalRequest,
  openListener,
  plain,
  readBody,
} from '../server.ts';

/** Tells the names under which the monitor is asked from those that a page elsewhere made up (DNS rebinding). */
type KnownHosts = (host: string | undefined) => boolean;

const hostname = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/**
 * A name that a reverse proxy goes by.
 *
 * @throws {FlockError} `usage` where it is none
 */
export function parseHostName(text: string): string {
  const name = text.toLowerCase();
  if (hostname.test(name)) return name;
  throw new FlockError('usage', `--host: ${JSON.stringify(text)} is not the name of a host`, {
    hint: 'give a name such as flock.example, without a port',
  });
}

/**
 * @param address - where the monitor listens, and the port it has there
 * @param names - what reverse proxies before it are called; they may have any port
 */
export function knownHosts(
  address: ListenAddress,
  port: number | undefined,
  names: readonly string[],
): KnownHosts {
  const own = namesOf(address, port);
  const proxies = new Set(names);
  return (host) => {
    const asked = host?.toLowerCase() ?? '';
    return own.includes(asked) || proxies.has(asked.replace(/:\d{1,5}$/, ''));
  };
}

function namesOf(address: ListenAddress, port: number | undefined): string[] {
  // What speaks HTTP to a socket in the file system has to call it something.
  if (port === undefined) return ['localhost'];
  const names = ['localhost', '127.0.0.1', '[::1]', ...(address.kind === 'port' ? [address.host] : [])];
  // Browsers leave out the usual port.
  return names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
}

interface MonitorServerOptions {
  address: ListenAddress;
  /** The socket that systemd hands over. */
  inherited: number | undefined;
  /** What reverse proxies before it are called. */
  names: readonly string[];
  routes: Routes;
  view: AskView;
  streams: Streams;
  /** The most connections at a time. */
  mostConnections: number;
  /** Told of a mistake of the server's own. */
  failed: (error: unknown) => void;
}

export interface MonitorServer extends AsyncDisposable {
  /** Where it listens, as a person reads it. */
  shown: string;
}

/** A form has a token and no more. Bytes. */
const maxBody = 16 * 1024;

/** Milliseconds, and bytes of headers. */
const bounds = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
};

/** How long a reader of a page may take to read on. Milliseconds. */
const patience = 60_000;

/**
 * Serves what flockd shows of itself to this machine. It answers only under names it knows: a page elsewhere can point a name
 * of its own at this address, but cannot make the browser hide that name.
 *
 * @throws {FlockError} `unavailable` or `config` where it cannot listen
 */
export async function openMonitorServer(options: MonitorServerOptions): Promise<MonitorServer> {
  const { address, inherited, names, mostConnections, failed } = options;
  let isKnown: KnownHosts = () => false;
  const answers = new WeakMap<Socket, ServerResponse>();
  const server = createServer(bounds, (request, response) => {
    if (isPipelined(request, response, answers)) {
      request.socket.destroy();
      return;
    }
    serve(request, response, options, isKnown).catch((error: unknown) => {
      // Whoever broke off is not to be answered any more.
      if (request.socket.destroyed) return;
      failed(error);
      respond(response, plain(500, 'something went wrong here; the log of flockd says what'));
    });
  });
  server.maxConnections = mostConnections;
  server.setTimeout(patience);
  const { shown, port } = await openListener(server, address, inherited).catch((error: unknown) => {
    // It may listen already, where nobody was to listen.
    server.close();
    throw error;
  });
  // Later errors are of single connections, and stop nobody.
  server.on('error', failed);
  isKnown = knownHosts(address, port, names);
  return {
    shown,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/**
 * Whether a request came before the answer to the one before it had gone out. No browser does that; whoever does could ask for
 * thousands of pages at once, and read none.
 */
function isPipelined(
  { socket }: IncomingMessage,
  response: ServerResponse,
  answers: WeakMap<Socket, ServerResponse>,
): boolean {
  if (answers.get(socket)?.writableFinished === false) return true;
  answers.set(socket, response);
  return false;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { routes, streams, view }: MonitorServerOptions,
  isKnown: KnownHosts,
): Promise<void> {
  const { method = 'GET', headers } = request;
  const refused = hasManyHosts(request)
    ? plain(400, 'a request has one Host')
    : refusalOf(method, headers, isKnown);
  if (refused) {
    respond(response, refused, 'close');
    return;
  }
  const asked = await readRequest(request);
  if (asked === undefined) {
    respond(response, plain(413, 'too long'), 'close');
    return;
  }
  const stream = method === 'GET' ? streams[asked.path] : undefined;
  if (stream) {
    const answer = stream(asked, response);
    if (answer) respond(response, answer);
    return;
  }
  const route = routes[`${method === 'HEAD' ? 'GET' : method} ${asked.path}`];
  respond(response, route ? await route(view, asked) : nothingAt(asked.path, routes, streams));
}

/** Why a request is not looked at, whatever it wants. */
function refusalOf(
  method: string,
  headers: IncomingHttpHeaders,
  isKnown: KnownHosts,
): LocalAnswer | undefined {
  if (!isKnown(headers.host)) return plain(421, 'this page does not go by that name; see --host');
  const { origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
  const isReading = method === 'GET' || method === 'HEAD';
  // A page elsewhere may link here, but not make its readers' browsers ask for anything.
  const isForeign = site !== undefined && !['same-origin', 'none'].includes(site);
  if (isForeign && !(isReading && mode === 'navigate')) return plain(403, 'only for pages of its own');
  if (!isReading && !isKnown(hostOf(origin))) return plain(403, 'only for forms of its own');
  return undefined;
}

const hostOf = (origin: string | undefined): string | undefined =>
  origin !== undefined && URL.canParse(origin) ? new URL(origin).host : undefined;

function nothingAt(path: string, routes: Routes, streams: MonitorServerOptions['streams']): LocalAnswer {
  const methods = [...(streams[path] ? ['GET'] : []), ...methodsOf(path, routes)];
  if (methods.length === 0) return plain(404, 'there is nothing here');
  const answer = plain(405, `only ${methods.join(' and ')}`);
  return { ...answer, headers: { ...answer.headers, allow: methods.join(', ') } };
}

const methodsOf = (path: string, routes: Routes): string[] =>
  Object.keys(routes).flatMap((route) => (route.endsWith(` ${path}`) ? [route.split(' ')[0] ?? ''] : []));

/** A request that was read to its end, or undefined where it is too long. */
async function readRequest(request: IncomingMessage): Promise<LocalRequest | undefined> {
  const { method = 'GET', headers } = request;
  const body = await readBody(request, maxBody);
  if (body === undefined) return undefined;
  // A target such as //elsewhere would be read as another host.
  const url = new URL(`http://localhost/${(request.url ?? '/').replace(/^\/+/, '')}`);
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
  const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.toString()]));
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    headers: flat,
    form: new URLSearchParams(isForm ? body : ''),
  };
}

function respond(
  response: ServerResponse,
  { status, headers, body }: LocalAnswer,
  connection?: 'close',
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    ...(connection !== undefined && { connection }),
    ...headers,
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** The flock as it stands, at most a second old. It is built only where somebody asks. */
export type AskView = () => Promise<FlockView>;

/** Answers one kind of request. What it throws is answered with 500, and posts go on. */
export type Route = (view: AskView, request: LocalRequest) => LocalAnswer | Promise<LocalAnswer>;

/** Routes by method and path: `GET /healthz`. Whatever has a GET answers HEAD too. */
export type Routes = Readonly<Record<string, Route>>;

/**
 * Answers that go on, by path, for GET alone: they take the response over, or give an answer that ends at once.
 */
export type Streams = Readonly<
  Record<string, (request: LocalRequest, response: ServerResponse) => LocalAnswer | undefined>
>;

/** What every Unix gives a process. */
const minCompressed = 256;

/** How many files and connections this process may have open. */
export function mostOpenFiles(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return minCompressed;
  }
}
