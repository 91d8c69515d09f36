import './without-webassembly.ts';
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, lstat, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type ListenOptions, type Socket } from 'node:net';
import path from 'node:path';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { csrf } from 'hono/csrf';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf } from '../fs.ts';

interface WebEnv {
  Bindings: HttpBindings;
}

/** Routes of a server to this machine. */
export type WebApp = Hono<WebEnv>;
export type WebContext = Context<WebEnv>;

interface WebAppOptions {
  /** The names of the reverse proxies before it, where it can have any. */
  names?: readonly string[];
  /** What pages may do besides showing what is their own. */
  allow?: {
    /** Whether they run scripts of their own. */
    scripts?: boolean;
    /** An origin that their forms may lead to, besides their own. */
    formTarget?: string;
  };
  /** The longest body that is read. Bytes. */
  maxBody: number;
  /** Called with an error that no route expects. */
  failed: (error: unknown) => void;
  /** Where such an error is described: `the log of flockd`. */
  errorsAreIn: string;
}

/**
 * An app that answers only under its own names and only to its own pages, with the headers that all pages have. The caller
 * adds the routes.
 */
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
    // A client that has gone needs no answer, and that it has gone is no error.
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

/** Pages load nothing from elsewhere and are shown in no frame; nothing is stored on its way. */
function pageHeaders({
  scripts = false,
  formTarget,
}: NonNullable<WebAppOptions['allow']>): MiddlewareHandler<WebEnv> {
  const setHeaders = secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      ...(scripts && { scriptSrc: ["'self'"], connectSrc: ["'self'"] }),
      imgSrc: ['data:'],
      formAction: ["'self'", ...(formTarget === undefined ? [] : [formTarget])],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
    // With no-referrer, browsers would not say where a form comes from.
    referrerPolicy: 'same-origin',
    // It is served without TLS; a reverse proxy that adds TLS adds this header.
    strictTransportSecurity: false,
    xFrameOptions: 'DENY',
  });
  return async (c, next) => {
    await setHeaders(c, next);
    c.res.headers.set('cache-control', 'no-store');
  };
}

/**
 * Refuses requests under any other name than its own: a page elsewhere can point a name of its own at this address (DNS
 * rebinding), but cannot make the browser hide that name.
 */
const onlyKnownHosts =
  (names: readonly string[] | undefined): MiddlewareHandler<WebEnv> =>
  async (c, next) => {
    const { headersDistinct, socket } = c.env.incoming;
    const [host, ...others] = headersDistinct['host'] ?? [];
    // Programs differ in which of several names they use.
    if (others.length > 0) return c.text('a request has one Host\n', 400);
    if (isKnownHost(host, socket, names ?? [])) return next();
    const hint = names === undefined ? '' : '; see --host';
    return c.text(`this page does not go by that name${hint}\n`, 421);
  };

/** A page elsewhere may link here, but not make its readers' browsers ask for anything. Browsers say which it is. */
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

/** Where a connection arrived; a socket in the file system has neither. */
interface LocalEnd {
  localAddress?: string | undefined;
  localPort?: number | undefined;
}

/**
 * Whether a request names its server by a name of this machine, with its port, or by that of a reverse proxy, with any port.
 *
 * @param socket - where the request arrived
 * @param names - those of the reverse proxies
 */
export function isKnownHost(
  host: string | undefined,
  { localAddress, localPort }: LocalEnd,
  names: readonly string[],
): boolean {
  const asked = host?.toLowerCase() ?? '';
  if (names.includes(asked.replace(/:\d{1,5}$/, ''))) return true;
  // Clients of a socket in the file system have to give it some name.
  if (localPort === undefined) return asked === 'localhost';
  const own = ['localhost', '127.0.0.1', '[::1]', localAddress ?? ''];
  // Browsers leave out the usual port.
  return own.some((name) => asked === `${name}:${localPort}` || (localPort === 80 && asked === name));
}

/** A word that nobody can guess: it proves that a form came from a page that has it. */
export const secretWord = (): string => randomBytes(32).toString('base64url');

/** Whether two secrets are equal, told without telling how much of them is. */
export function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

const hostname = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/**
 * The name of a reverse proxy.
 *
 * @throws {FlockError} `usage` for what is no name of a host
 */
export function parseHostName(text: string): string {
  const name = text.toLowerCase();
  if (hostname.test(name)) return name;
  throw new FlockError('usage', `--host: ${JSON.stringify(text)} is not the name of a host`, {
    hint: 'give a name such as flock.example, without a port',
  });
}

interface WebServerOptions {
  address: ListenAddress;
  /** The descriptor of the socket that systemd hands over, where it does. */
  inherited?: number | undefined;
  /** The most connections at a time. */
  maxConnections?: number;
  /** A connection on which nothing is sent or read for longer is closed. Milliseconds. */
  maxIdle?: number;
  /** How long answers under way may take when the server closes. Milliseconds. */
  grace?: number;
  /** Called with errors of single connections. */
  failed: (error: unknown) => void;
}

export interface WebServer extends AsyncDisposable {
  /** Where it listens, as a person reads it: `http://127.0.0.1:8787`, `unix:/run/flockd/flockd.sock`. */
  shown: string;
}

/** Milliseconds, and bytes of headers. */
const bounds = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
};

/**
 * Serves an app to this machine.
 *
 * @throws {FlockError} `unavailable` where the address cannot be had, `config` where systemd hands over no socket that is
 * for this machine alone
 */
export async function openWebServer(app: WebApp, options: WebServerOptions): Promise<WebServer> {
  const { address, inherited, maxConnections, maxIdle = 0, grace = 0, failed } = options;
  const answer = getRequestListener(app.fetch);
  const last = new WeakMap<Socket, ServerResponse>();
  const server = createServer(bounds, (request, response) => {
    // A connection that is kept would hold up the end.
    if (grace > 0) response.shouldKeepAlive = false;
    if (isPipelined(request, response, last)) request.socket.destroy();
    else answer(request, response).catch(failed);
  });
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  server.setTimeout(maxIdle);
  const shown = await openListener(server, address, inherited).catch((error: unknown) => {
    // The socket that systemd handed over may be open already.
    server.close();
    throw error;
  });
  // Later errors are of single connections, and stop nobody.
  server.on('error', failed);
  return { shown, [Symbol.asyncDispose]: () => close(server, grace) };
}

/** Closes a server. Answers under way have so long to reach their readers, in milliseconds. */
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

/**
 * Whether a request came before the answer to the one before it had gone out. No browser does that; a client that does could
 * ask for thousands of pages at once, and read none.
 */
function isPipelined(
  { socket }: IncomingMessage,
  response: ServerResponse,
  last: WeakMap<Socket, ServerResponse>,
): boolean {
  if (last.get(socket)?.writableFinished === false) return true;
  last.set(socket, response);
  return false;
}

/** Where a server listens: a port of this machine alone, a socket in the file system, or one that systemd opened. */
export type ListenAddress =
  | { kind: 'port'; host: string; port: number; flag?: '--listen' | '--port' }
  | { kind: 'socket'; path: string }
  | { kind: 'inherited' };

/** The longest path a socket can have. Bytes. @see unix(7) */
const maxPath = 107;

/**
 * Reads `127.0.0.1:8787`, `[::1]:8787`, `localhost:8787`, `8787`, `unix:/run/flockd/flockd.sock` or `systemd`.
 *
 * @throws {FlockError} `usage` for anything else, other machines' addresses among it
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text === 'systemd') return { kind: 'inherited' };
  if (text.startsWith('unix:')) return socketAt(text.slice('unix:'.length));
  const [, name = '127.0.0.1', digits = ''] = /^(?:(.*):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    throw new FlockError('usage', `--listen: ${JSON.stringify(text)} is not an address`, {
      hint: 'give one such as 127.0.0.1:8787, unix:/run/flockd/flockd.sock or systemd',
    });
  }
  const host = loopbackNamed(name);
  if (host === undefined) {
    throw new FlockError(
      'usage',
      `--listen: ${name === '' ? 'every address' : name} is not this machine alone`,
      {
        hint: `put a reverse proxy before 127.0.0.1:${port}, with TLS and a login, and name it with --host`,
      },
    );
  }
  return { kind: 'port', host, port };
}

/** The address of this machine that a name stands for, or undefined where others can reach it. */
function loopbackNamed(name: string): string | undefined {
  const host = name.toLowerCase();
  if (host === 'localhost') return '127.0.0.1';
  if (host === '[::1]') return '::1';
  return isLoopback(host) && host !== '::1' ? host : undefined;
}

/** Whether only this machine reaches an IP address. */
export const isLoopback = (address: string): boolean =>
  address === '::1' || /^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(address);

function socketAt(path: string): ListenAddress {
  const refuse = (why: string): never => {
    throw new FlockError('usage', `--listen: the socket's path ${why}`, {
      hint: 'give one such as unix:/run/flockd/flockd.sock',
    });
  };
  if (!path.startsWith('/')) refuse('should begin with a slash');
  if (path.includes('\0')) refuse('has a NUL');
  if (path.endsWith('/')) refuse('is that of a folder');
  if (Buffer.byteLength(path) > maxPath) refuse(`is longer than ${maxPath} bytes`);
  return { kind: 'socket', path };
}

/** Its owner and its group may use it. */
const socketMode = 0o660;

/** Lets a server listen. @returns where, as a person reads it */
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

/** @param flag - the option that gave the address */
function bind(
  server: Server,
  where: ListenOptions | { fd: number },
  name: string,
  flag: '--listen' | '--port' = '--listen',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void => {
      const inUse = systemCode(cause) === 'EADDRINUSE';
      const message = inUse ? `${name} is in use` : `${name} cannot be had: ${reasonOf(cause)}`;
      reject(
        flag === '--port'
          ? new FlockError('unavailable', message, {
              hint: 'choose another with --port N; 0 takes any that is free',
              cause,
            })
          : new FlockError('unavailable', `--listen: ${message}`, { hint: 'choose another address', cause }),
      );
    };
    server.once('error', failed);
    server.listen(where, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

/**
 * Takes away the socket that a flockd left which was killed. What anybody answers at, and what is no socket, stays.
 *
 * @throws {FlockError} `unavailable` where no socket can be: the system's own words for it lead astray
 */
async function prepare(file: string): Promise<void> {
  const folder = path.dirname(file);
  const home = await stat(folder).catch((cause: unknown) => {
    if (systemCode(cause) === 'ENOENT') throw noSocket(`there is no folder ${folder}`);
  });
  if (home?.isDirectory() === false) throw noSocket(`${folder} is not a folder`);
  const found = await lstat(file).catch(() => undefined);
  if (found && !found.isSocket())
    throw noSocket(`${found.isDirectory() ? 'a folder' : 'a file'} is in the place of ${file}`);
  const isOurs = found?.uid === process.getuid?.();
  if (found && isOurs && !(await isAnswered(file))) await rm(file, { force: true });
}

const noSocket = (why: string): FlockError =>
  new FlockError('unavailable', `--listen: ${why}`, { hint: 'choose another address' });

function isAnswered(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(file);
    const say = (answered: boolean) => () => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', say(true)).once('error', say(false));
  });
}
