import { chmod, lstat, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type ListenOptions } from 'node:net';
import path from 'node:path';
import { FlockError, messageOf, systemCode } from '../errors.ts';
import { reasonOf } from '../fs.ts';

/**
 * Opens a server to this machine, on 127.0.0.1 and nowhere else.
 *
 * @param port - 0 takes any that is free
 * @returns `http://127.0.0.1:PORT`, without a slash at its end
 * @throws {FlockError} `unavailable` where the port cannot be had
 */
export function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(cannotListen(port, cause));
    });
    server.listen(port, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

function cannotListen(port: number, cause: Error): FlockError {
  const why = systemCode(cause) === 'EADDRINUSE' ? 'is in use' : `cannot be had: ${messageOf(cause)}`;
  return new FlockError('unavailable', `port ${port} ${why}`, {
    hint: 'choose another with --port N; 0 takes any that is free',
    cause,
  });
}

/** Whether a request names its host more than once: programs differ in which of the names they take for true. */
export const hasManyHosts = ({ headersDistinct }: IncomingMessage): boolean =>
  (headersDistinct['host']?.length ?? 0) > 1;

/** A request's body as text, or undefined where it is longer than that many bytes; it is read to its end all the same. */
export async function readBody(request: IncomingMessage, longest: number): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length <= longest) parts.push(part);
  }
  return length <= longest ? Buffer.concat(parts).toString('utf8') : undefined;
}

/** A request from a browser on this machine. */
export interface LocalRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  /** The fields of its body; none unless the body is a form. */
  form: URLSearchParams;
}

export interface LocalAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string | Buffer;
}

/**
 * Whether a person followed a link here. A page elsewhere can have its reader's browser ask for any address as an image or
 * a script; browsers say so.
 */
export function isNavigation({ headers }: LocalRequest): boolean {
  return [undefined, 'document'].includes(headers['sec-fetch-dest']);
}

/** An answer in a few words. */
export const plain = (status: number, text: string): LocalAnswer => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: `${text}\n`,
});

interface LocalServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  url: string;
}

interface LocalServerOptions {
  /** 0 takes any that is free. */
  port: number;
  answer: (request: LocalRequest) => LocalAnswer | Promise<LocalAnswer>;
  /** Told of a mistake of the server's own. */
  failed: (error: unknown) => void;
}

/** The longest body that is read. Bytes. */
const maxBody = 64 * 1024;

/**
 * Serves pages to browsers on this machine, on 127.0.0.1 and nowhere else. A request under any other name is refused: a page
 * elsewhere can point a name of its own at this address (DNS rebinding), but cannot make the browser hide that name.
 *
 * @throws {FlockError} `unavailable` where the port cannot be had
 */
export async function openLocalServer({ port, answer, failed }: LocalServerOptions): Promise<LocalServer> {
  const server = createServer((request, response) => {
    serve(request, response, answer).catch((error: unknown) => {
      failed(error);
      respond(response, plain(500, 'something went wrong here; the terminal says what'));
    });
  });
  const url = await listen(server, port);
  return {
    url,
    [Symbol.asyncDispose]: () => closeServer(server),
  };
}

/** How long pages under way may take at the end. Milliseconds. */
const grace = 2000;

/** Lets the pages under way get to their readers first: the last one says how all ended. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cutOff = setTimeout(() => {
      server.closeAllConnections();
    }, grace);
    server.close(() => {
      clearTimeout(cutOff);
      resolve();
    });
    server.closeIdleConnections();
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  answer: LocalServerOptions['answer'],
): Promise<void> {
  const { method = 'GET', headers, socket } = request;
  const allowed = [`127.0.0.1:${socket.localPort ?? 0}`, `localhost:${socket.localPort ?? 0}`];
  const host = headers.host?.toLowerCase() ?? '';
  const body = await readBody(request, maxBody);
  if (hasManyHosts(request)) respond(response, plain(400, 'a request has one Host'));
  else if (!allowed.includes(host)) respond(response, plain(421, 'this page does not go by that name'));
  else if (body === undefined) respond(response, plain(413, 'too long'));
  else {
    // A target such as //elsewhere would be read as another host.
    const url = new URL(`http://${host}/${(request.url ?? '/').replace(/^\/+/, '')}`);
    const isForm = /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
    const form = new URLSearchParams(isForm ? body : '');
    const flat = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value?.toString()]),
    );
    respond(
      response,
      await answer({ method, path: url.pathname, query: url.searchParams, headers: flat, form }),
    );
  }
}

function respond(response: ServerResponse, { status, headers, body }: LocalAnswer): void {
  if (response.headersSent) return;
  response.writeHead(status, {
    'cache-control': 'no-store',
    connection: 'close',
    'x-content-type-options': 'nosniff',
    // With no-referrer, browsers would not say where a form comes from.
    'referrer-policy': 'same-origin',
    ...headers,
  });
  response.end(body);
}

/** Where the monitor listens: a port of this machine alone, a socket in the file system, or one that systemd opened. */
export type ListenAddress =
  { kind: 'port'; host: string; port: number } | { kind: 'socket'; path: string } | { kind: 'inherited' };

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

/** Where a server has come to listen. */
interface Listening {
  /** As a person reads it: `http://127.0.0.1:8787`, `unix:/run/flockd/flockd.sock`. */
  shown: string;
  /** Undefined for a socket in the file system. */
  port: number | undefined;
}

/** Its owner and its group may use it. */
const socketMode = 0o660;

/**
 * Lets a server listen.
 *
 * @param inherited - the descriptor of the socket that systemd hands over, where it does
 * @throws {FlockError} `unavailable` where the address cannot be had, `config` where systemd hands over none that is for
 * this machine alone
 */
export async function openListener(
  server: Server,
  address: ListenAddress,
  inherited: number | undefined,
): Promise<Listening> {
  switch (address.kind) {
    case 'port':
      await bind(server, { host: address.host, port: address.port }, `port ${address.port}`);
      return shownPort(server);
    case 'socket':
      await prepare(address.path);
      await bind(server, { path: address.path }, address.path);
      await chmod(address.path, socketMode);
      return { shown: `unix:${address.path}`, port: undefined };
    case 'inherited':
      return takeInherited(server, inherited);
  }
}

async function takeInherited(server: Server, fd: number | undefined): Promise<Listening> {
  const hint = 'the socket unit needs FileDescriptorName=http, and ListenStream=127.0.0.1:8787 or a path';
  if (fd === undefined)
    throw new FlockError('config', '--listen systemd: systemd hands over no socket called http', { hint });
  await bind(server, { fd }, 'the socket of systemd');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return { shown: 'the socket of systemd', port: undefined };
  if (isLoopback(bound.address)) return shownPort(server);
  throw new FlockError('config', `--listen systemd: ${bound.address} is not this machine alone`, { hint });
}

function shownPort(server: Server): Listening {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('it does not listen on a port');
  const { address, family, port } = bound;
  return { shown: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`, port };
}

function bind(server: Server, where: ListenOptions | { fd: number }, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void => {
      const inUse = systemCode(cause) === 'EADDRINUSE';
      const message = inUse ? `${name} is in use` : `${name} cannot be had: ${reasonOf(cause)}`;
      reject(
        new FlockError('unavailable', `--listen: ${message}`, { hint: 'choose another address', cause }),
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
