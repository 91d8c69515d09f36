import './without-webassembly.ts';
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { chmod, lstat, rm, stat } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type ListenOptions, type Socket } from 'node:net';
import path from 'node:path';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { csrf } from 'hono/csrf';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { asset } from '../assets.ts';
import { type Exit, FlockError, systemCode } from '../errors.ts';
import { reasonOf } from '../fs.ts';

/*
 * The web server of both programs, on hono: for this machine only, on a port of the loopback, a Unix socket or a socket of
 * systemd. It answers only under its own names, and only to its own pages.
 */

interface WebEnv {
  Bindings: HttpBindings;
}

export type WebApp = Hono<WebEnv>;
export type WebContext = Context<WebEnv>;

interface WebAppOptions {
  /** The host names of reverse proxies, if the server can have any. */
  names?: readonly string[];
  /** `scripts`: pages run scripts of this server; `formTargets`: other origins that forms may lead to now. */
  allow?: { scripts?: boolean; formTargets?: () => Iterable<string> };
  /** The longest body that is read. Bytes. */
  maxBody: number;
  /** Called with an error that no route expects. */
  failed: (error: unknown) => void;
  /** Where such an error is described: `the log of flockd`. */
  errorsAreIn: string;
}

/** An app with the checks and headers of all pages. The caller adds the routes. */
export function webApp({ names, allow = {}, maxBody, failed, errorsAreIn }: WebAppOptions): WebApp {
  const app: WebApp = new Hono();
  app.use(
    pageHeaders(allow),
    onlyKnownHosts(names),
    onlyLinksFromElsewhere,
    csrf({
      origin: (origin, c: WebContext) => isKnownHost(hostOf(origin), c.env.incoming.socket, names ?? []),
    }),
  );
  app.post('*', bodyLimit({ maxSize: maxBody, onError: (c) => c.text('too long\n', 413) }));
  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    // A client that closed its connection is no error.
    if (!c.env.incoming.socket.destroyed) failed(error);
    return c.text(`something went wrong here; ${errorsAreIn} says what\n`, 500);
  });
  app.notFound((c) => {
    const methods = app.routes.filter(({ path }) => path === c.req.path).map(({ method }) => method);
    const known = [...new Set(methods)].filter((method) => method !== 'ALL');
    if (known.length === 0) return c.text('there is nothing here\n', 404);
    return c.text(`only ${known.join(' and ')}\n`, 405, { allow: known.join(', ') });
  });
  return app;
}

/** Serves a style sheet or a script of the pages. */
export const addAsset = (app: WebApp, path: string, name: Parameters<typeof asset>[0]): void =>
  void app.get(path, (c) => {
    const type = name.endsWith('.css') ? 'css' : 'javascript';
    return c.body(asset(name), 200, { 'content-type': `text/${type}; charset=utf-8` });
  });

/** Pages load nothing from elsewhere, no frame shows them, and no cache stores them. */
function pageHeaders({
  scripts = false,
  formTargets = () => [],
}: NonNullable<WebAppOptions['allow']>): MiddlewareHandler<WebEnv> {
  const setHeaders = secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      ...(scripts && { scriptSrc: ["'self'"], connectSrc: ["'self'"] }),
      imgSrc: ['data:', "'self'"],
      formAction: [() => ["'self'", ...formTargets()].join(' ')],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
    // With no-referrer, browsers would send `Origin: null` with a form.
    referrerPolicy: 'same-origin',
    // It is served without TLS; a reverse proxy that adds TLS adds this header.
    strictTransportSecurity: false,
    xFrameOptions: 'DENY',
  });
  return async (c, next) => {
    await next();
    // After the handler, since it knows where the forms of its page lead.
    await setHeaders(c, () => Promise.resolve());
    c.res.headers.set('cache-control', 'no-store');
  };
}

/** Refuses requests to other host names: a web page can point its own name at this address (DNS rebinding), but the browser sends that name. */
const onlyKnownHosts =
  (names: readonly string[] | undefined): MiddlewareHandler<WebEnv> =>
  async (c, next) => {
    const { headersDistinct, socket } = c.env.incoming;
    const [host, ...others] = headersDistinct['host'] ?? [];
    // Programs differ in which of several Host headers they use.
    if (others.length > 0) return c.text('a request has one Host\n', 400);
    if (isKnownHost(host, socket, names ?? [])) return next();
    const hint = names === undefined ? '' : '; see --host';
    return c.text(`this page does not go by that name${hint}\n`, 421);
  };

/** A web page elsewhere may link here, but send no other requests. Browsers say in `Sec-Fetch-` headers which it is. */
const onlyLinksFromElsewhere: MiddlewareHandler<WebEnv> = async (c, next) => {
  const site = c.req.header('sec-fetch-site') ?? 'none';
  const isLink =
    c.req.method === 'GET' &&
    c.req.header('sec-fetch-mode') === 'navigate' &&
    [undefined, 'document'].includes(c.req.header('sec-fetch-dest'));
  if (isLink || ['same-origin', 'none'].includes(site)) return next();
  return c.text('only for pages of its own\n', 403);
};

const hostOf = (origin: string): string | undefined =>
  URL.canParse(origin) ? new URL(origin).host : undefined;

/**
 * Whether a Host header names this machine with the server's port, or a reverse proxy with any port.
 *
 * @param socket - the connection of the request; one to a Unix socket has no port
 * @param names - the host names of the reverse proxies
 */
export function isKnownHost(
  host: string | undefined,
  { localAddress, localPort }: { localAddress?: string | undefined; localPort?: number | undefined },
  names: readonly string[],
): boolean {
  const asked = host?.toLowerCase() ?? '';
  if (names.includes(asked.replace(/:\d{1,5}$/, ''))) return true;
  // Clients of a Unix socket must send some name.
  if (localPort === undefined) return asked === 'localhost';
  const own = ['localhost', '127.0.0.1', '[::1]', localAddress ?? ''];
  // Browsers leave out port 80.
  return own.some((name) => asked === `${name}:${localPort}` || (localPort === 80 && asked === name));
}

/** A random secret. In a form it proves that the form came from a page with the secret. */
export const secretWord = (): string => randomBytes(32).toString('base64url');

/** Whether two secrets are equal, compared in constant time. */
export function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

const hostname = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/** The host name of a reverse proxy. @throws {FlockError} `usage` if it is none */
export function parseHostName(text: string): string {
  const name = text.toLowerCase();
  if (hostname.test(name)) return name;
  throw new FlockError('usage', `--host: ${JSON.stringify(text)} is not the name of a host`, {
    hint: 'give a name such as flock.example, without a port',
  });
}

interface WebServerOptions {
  address: ListenAddress;
  /** The descriptor of the socket that systemd passes, if it passes one. */
  inherited?: number | undefined;
  maxConnections?: number;
  /** When an idle connection is closed. Milliseconds. */
  maxIdle?: number;
  /** How long pending answers may take when the server closes. Milliseconds. */
  grace?: number;
  /** Called with errors of single connections. */
  failed: (error: unknown) => void;
}

export interface WebServer extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:8787`, `unix:/run/flockd/flockd.sock`. */
  shown: string;
}

/** Milliseconds, and bytes of headers. */
const bounds = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
};

/** @throws {FlockError} `unavailable` if the address cannot be had, `config` if systemd passes no socket, or one that others reach */
export async function openWebServer(app: WebApp, options: WebServerOptions): Promise<WebServer> {
  const { address, inherited, maxConnections, maxIdle = 0, grace = 0, failed } = options;
  const answer = getRequestListener(app.fetch);
  const last = new WeakMap<Socket, ServerResponse>();
  const server = createServer(bounds, (request, response) => {
    const { socket } = request;
    // No browser asks again before it has the answer. A client that does could ask for thousands of pages without reading one.
    if (last.get(socket)?.writableFinished === false) {
      socket.destroy();
      return;
    }
    last.set(socket, response);
    // A connection that is kept open would delay the close.
    if (grace > 0) response.shouldKeepAlive = false;
    answer(request, response).catch(failed);
  });
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  server.setTimeout(maxIdle);
  const shown = await openListener(server, address, inherited).catch((error: unknown) => {
    // The socket of systemd may be open already.
    server.close();
    throw error;
  });
  // Later errors are of single connections.
  server.on('error', failed);
  return { shown, [Symbol.asyncDispose]: () => close(server, grace) };
}

/** @param grace - how long pending answers may take. Milliseconds */
function close(server: Server, grace: number): Promise<void> {
  return new Promise((resolve) => {
    const cutOff = setTimeout(() => {
      server.closeAllConnections();
    }, grace);
    server.close(() => {
      clearTimeout(cutOff);
      resolve();
    });
    if (grace === 0) server.closeAllConnections();
    else server.closeIdleConnections();
  });
}

/** Where a server listens: a port of the loopback, a Unix socket, or a socket that systemd opened. `flag` gave the address. */
export type ListenAddress =
  | { kind: 'port'; host: string; port: number; flag?: '--listen' | '--port' }
  | { kind: 'socket'; path: string }
  | { kind: 'inherited' };

/** The maximum length of a Unix socket's path. Bytes. @see unix(7) */
const maxPath = 107;

/**
 * Reads `127.0.0.1:8787`, `[::1]:8787`, `localhost:8787`, `8787`, `unix:/run/flockd/flockd.sock` or `systemd`.
 *
 * @throws {FlockError} `usage` for anything else, such as an address that other machines reach
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text === 'systemd') return { kind: 'inherited' };
  if (text.startsWith('unix:')) return socketAt(text.slice('unix:'.length));
  const [, name = '127.0.0.1', digits = ''] = /^(?:(.*):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    const hint = 'give one such as 127.0.0.1:8787, unix:/run/flockd/flockd.sock or systemd';
    throw notListening('usage', `${JSON.stringify(text)} is not an address`, hint);
  }
  const host = loopbackNamed(name.toLowerCase());
  if (host !== undefined) return { kind: 'port', host, port };
  const hint = `put a reverse proxy before 127.0.0.1:${port}, with TLS and a login, and name it with --host`;
  throw notListening('usage', `${name === '' ? 'every address' : name} is not this machine alone`, hint);
}

/** The loopback address that a name stands for, or undefined if other machines can reach it. */
function loopbackNamed(name: string): string | undefined {
  if (name === 'localhost') return '127.0.0.1';
  if (name === '[::1]') return '::1';
  return isLoopback(name) && name !== '::1' ? name : undefined;
}

const notListening = (exit: Exit, why: string, hint = 'choose another address'): FlockError =>
  new FlockError(exit, `--listen: ${why}`, { hint });

/** Whether only this machine reaches an IP address. */
export const isLoopback = (address: string): boolean =>
  address === '::1' || /^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(address);

function socketAt(path: string): ListenAddress {
  const refuse = (why: string): never => {
    throw notListening('usage', `the socket's path ${why}`, 'give one such as unix:/run/flockd/flockd.sock');
  };
  if (!path.startsWith('/')) refuse('should begin with a slash');
  if (path.includes('\0')) refuse('has a NUL');
  if (path.endsWith('/')) refuse('is that of a folder');
  if (Buffer.byteLength(path) > maxPath) refuse(`is longer than ${maxPath} bytes`);
  return { kind: 'socket', path };
}

/** The owner and the group may use it. */
const socketMode = 0o660;

/** @returns where it listens, for people */
async function openListener(
  server: Server,
  address: ListenAddress,
  inherited: number | undefined,
): Promise<string> {
  switch (address.kind) {
    case 'port': {
      const { host, port, flag } = address;
      await bind(server, { host, port }, `port ${port}`, flag);
      return shownAddress(server);
    }
    case 'socket':
      await prepare(address.path);
      await bind(server, { path: address.path }, address.path);
      await chmod(address.path, socketMode);
      return `unix:${address.path}`;
    case 'inherited':
      return takeInherited(server, inherited);
  }
}

async function takeInherited(server: Server, fd: number | undefined): Promise<string> {
  const hint = 'the socket unit needs FileDescriptorName=http, and ListenStream=127.0.0.1:8787 or a path';
  if (fd === undefined)
    throw new FlockError('config', '--listen systemd: systemd hands over no socket called http', { hint });
  await bind(server, { fd }, 'the socket of systemd');
  const bound = server.address();
  if (bound === null || typeof bound === 'string' || isLoopback(bound.address)) return shownAddress(server);
  throw new FlockError('config', `--listen systemd: ${bound.address} is not this machine alone`, { hint });
}

function shownAddress(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return 'the socket of systemd';
  const { address, family, port } = bound;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function bind(
  server: Server,
  where: ListenOptions | { fd: number },
  name: string,
  flag: '--listen' | '--port' = '--listen',
): Promise<void> {
  try {
    server.listen(where);
    await once(server, 'listening');
  } catch (cause) {
    const inUse = systemCode(cause) === 'EADDRINUSE';
    const message = inUse ? `${name} is in use` : `${name} cannot be had: ${reasonOf(cause)}`;
    const [prefix, hint] =
      flag === '--port'
        ? ['', 'choose another with --port N; 0 takes any that is free']
        : ['--listen: ', 'choose another address'];
    throw new FlockError('unavailable', prefix + message, { hint, cause });
  }
}

/**
 * Removes the socket of a flockd that was killed. A socket that a program listens on stays, and anything that is no socket.
 *
 * @throws {FlockError} `unavailable` if no socket can be there; the system's own message would be misleading
 */
async function prepare(file: string): Promise<void> {
  const folder = path.dirname(file);
  const found = await stat(folder).catch((cause: unknown) => {
    if (systemCode(cause) === 'ENOENT') throw notListening('unavailable', `there is no folder ${folder}`);
  });
  if (found?.isDirectory() === false) throw notListening('unavailable', `${folder} is not a folder`);
  const old = await lstat(file).catch(() => undefined);
  if (old && !old.isSocket()) {
    const what = old.isDirectory() ? 'a folder' : 'a file';
    throw notListening('unavailable', `${what} is in the place of ${file}`);
  }
  const isOurs = old?.uid === process.getuid?.();
  if (old && isOurs && !(await isAnswered(file))) await rm(file, { force: true });
}

async function isAnswered(file: string): Promise<boolean> {
  const socket = connect(file);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
