import { once } from 'node:events';
import { constants, existsSync, rmSync } from 'node:fs';
import { chmod, mkdtemp, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, request as askHttp, type ServerResponse } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { type Exit, exitCodes, FlockError, messageOf, systemCode } from '../errors.ts';
import { readRegularFile, reasonOf, replaceFile, sweepTemporaries, syncFolder } from '../fs.ts';
import { readBody } from '../http/exchange.ts';
import type { Logger } from '../log.ts';
import { command, type Command, postReport, type PostReport } from '../posting/commands.ts';
import type { WatchFolder } from '../watch.ts';

/*
 * How a person's command reaches a running daemon: HTTP over the socket `flockd.sock` in the state folder, with the paths of
 * the page's forms, and JSON in both directions. `POST /bots/post` with `{"bot": "howl"}` posts the next line of howl.
 *
 * A command is executed at most once. The client sends it after the daemon has agreed to take it (`Expect: 100-continue`): if
 * the client gives up before that, nothing was done, and it never sends the command again afterwards.
 */

const flockCommand = z.object({ order: z.enum(['stop', 'release', 'reload', 'recipients']) });

/**
 * A command for a running daemon: about one bot, to stop or release the flock, to reload its files, or to list the recipients
 * whose encrypted bundles the daemon can open.
 */
export type DaemonCommand = Command | z.infer<typeof flockCommand>;

const daemonCommand = z.union([command, flockCommand]);

/** The path of each command. */
const routes: Record<DaemonCommand['order'], string> = {
  post: '/bots/post',
  pause: '/bots/pause',
  resume: '/bots/resume',
  resolve: '/bots/resolve',
  rename: '/bots/rename',
  stop: '/flock/pause',
  release: '/flock/resume',
  reload: '/flock/reload',
  recipients: '/flock/recipients',
};

const answer = z.object({
  done: z.boolean(),
  exit: z.enum(Object.keys(exitCodes) as [Exit, ...Exit[]]).optional(),
  message: z.string().optional(),
  hint: z.string().optional(),
  /** The result of a command to post. */
  report: postReport.optional(),
  /** Whose bundles the daemon can open. */
  recipients: z.array(z.string()).optional(),
});

/** The outcome of a command, as the client receives it. */
type Answer = z.infer<typeof answer>;

/** The result of a command: of a post, or the recipients. */
type Outcome = PostReport | { recipients: string[] } | undefined;

/** Executes a command. @throws {FlockError} if it cannot */
export type Execute = (command: DaemonCommand) => Promise<Outcome>;

/** Executes what a client has sent, if it is a command. Never throws. */
async function attempt(given: () => Promise<unknown>, execute: Execute): Promise<Answer> {
  try {
    const outcome = await execute(daemonCommand.parse(await given()));
    if (outcome === undefined) return { done: true };
    return 'recipients' in outcome ? { done: true, ...outcome } : { done: true, report: outcome };
  } catch (error) {
    if (!(error instanceof FlockError)) return { done: false, exit: 'data', message: messageOf(error) };
    const { exit, message, hint } = error;
    return { done: false, exit, message, ...(hint !== undefined && { hint }) };
  }
}

const socketName = 'flockd.sock';

/** The prefix of the private folder in which the socket is made, so that no other user can connect before it has its mode. */
const making = '.flockd.sock-';

/** The maximum length of a socket's path. Bytes. @see unix(7) */
const maxPath = 107;

interface ShortPath extends AsyncDisposable {
  path: string;
}

/** A path to a socket in a folder, short enough for the system. It is valid until its disposal. */
async function shortPath(folder: string, name: string): Promise<ShortPath> {
  const direct = path.join(folder, name);
  if (Buffer.byteLength(direct) <= maxPath)
    return { path: direct, [Symbol.asyncDispose]: () => Promise.resolve() };
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${handle.fd}/${name}`, [Symbol.asyncDispose]: () => handle.close() };
}

/** The time that the last answers get to reach their clients. Milliseconds. */
const grace = 1000;

/** Serves the socket of a state folder, whose lock must be held. */
export class ControlServer implements AsyncDisposable {
  readonly #server;
  readonly #log: Logger;
  #file: string | undefined;
  #bound: ShortPath | undefined;
  #closed: Promise<unknown> | undefined;

  constructor(execute: Execute, log: Logger) {
    this.#log = log;
    const bounds = { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 1_000 };
    this.#server = createServer(bounds, (request, response) => {
      void serve(request, response, execute);
    });
  }

  /** Begins to listen. If that fails, the daemon runs without the socket. */
  async listen(state: string): Promise<void> {
    const file = path.join(state, socketName);
    try {
      // Left by a flockd that was killed while it made its socket.
      const left = (await readdir(state)).filter((name) => name.startsWith(making));
      for (const name of left) await rm(path.join(state, name), { recursive: true, force: true });
      const folder = await mkdtemp(path.join(state, making));
      try {
        await this.#bind(folder);
        await chmod(path.join(folder, socketName), 0o600);
        await rename(path.join(folder, socketName), file);
        this.#file = file;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    } catch (error) {
      const reason = reasonOf(error);
      const hint = 'the stop file and signals work all the same; commands need a restart once that is mended';
      this.#log.error({ event: 'order-failed', reason, hint }, `cannot take commands at ${file}: ${reason}`);
    }
  }

  /** Stops listening. Commands under way are finished. */
  end(): void {
    if (this.#file !== undefined) rmSync(this.#file, { force: true });
    this.#file = undefined;
    this.#closed ??= new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await Promise.race([this.#closed, sleep(grace, undefined, { ref: false })]);
    this.#server.closeAllConnections();
    await this.#bound?.[Symbol.asyncDispose]();
  }

  async #bind(folder: string): Promise<void> {
    // When it closes, Node removes the path that it has bound, so the path must stay valid.
    this.#bound = await shortPath(folder, socketName);
    this.#server.listen({ path: this.#bound.path });
    await once(this.#server, 'listening');
    // Later errors concern single connections.
    this.#server.on('error', () => undefined);
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, execute: Execute): Promise<void> {
  // A read that fails removes the socket from the request.
  const { socket } = request;
  const [order] = Object.entries(routes).find(([, route]) => route === request.url) ?? [];
  if (order === undefined || request.method !== 'POST') {
    const message = 'there is no such command; is this flockd another version?';
    respond(response, order === undefined ? 404 : 405, { done: false, exit: 'usage', message });
    return;
  }
  // An incomplete command is not executed.
  const text = await readBody(request).catch(() => undefined);
  if (text === undefined) {
    socket.destroy();
    return;
  }
  const given = (): Promise<unknown> => Promise.resolve({ ...object.parse(JSON.parse(text)), order });
  const outcome = await attempt(given, execute);
  respond(response, outcome.done ? 200 : 409, outcome);
}

const object = z.record(z.string(), z.unknown());

function respond(response: ServerResponse, status: number, outcome: Answer): void {
  response.on('error', () => undefined);
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(`${JSON.stringify(outcome)}\n`);
}

interface SendOptions {
  /** The time limit for the answer. Milliseconds. */
  timeout?: number;
}

/**
 * Sends a command to the daemon that runs on a state folder, and waits until it is executed. A daemon that is starting gets the
 * time to begin to listen.
 *
 * @returns the result of a command to post
 * @throws {FlockError} the daemon's refusal; `tryLater` if it does not answer, `io` if it cannot be reached
 */
export const sendCommand = async (
  state: string,
  command: DaemonCommand,
  options?: SendOptions,
): Promise<PostReport | undefined> => (await answerTo(state, command, options)).report;

/** The recipients whose encrypted bundles the daemon can open. @throws {FlockError} as {@link sendCommand} */
export const askRecipients = async (state: string): Promise<string[]> =>
  (await answerTo(state, { order: 'recipients' })).recipients ?? [];

/** The interval between attempts to connect. Milliseconds. */
const interval = 100;

async function answerTo(
  state: string,
  { order, ...body }: DaemonCommand,
  { timeout = 30_000 }: SendOptions = {},
): Promise<Answer> {
  const until = performance.now() + timeout;
  try {
    await using socket = await shortPath(state, socketName);
    for (;;) {
      const given = await ask(socket.path, routes[order], JSON.stringify(body), until);
      if (given?.done === true) return given;
      if (given) {
        const { exit = 'data', message = 'flockd refused', hint } = given;
        throw new FlockError(exit, message, { hint });
      }
      if (performance.now() >= until) throw notTaken();
      await sleep(interval);
    }
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('io', `cannot reach flockd at ${path.join(state, socketName)}: ${reasonOf(cause)}`, {
      hint: 'run this as the one who runs flockd',
      cause,
    });
  }
}

const notTaken = (): FlockError =>
  new FlockError('tryLater', 'flockd runs but does not answer: nothing was done', {
    hint: 'is it busy, starting, or an older version than this? ask again, or restart it',
  });

/** Error codes if no daemon listens, or it ended before it took the command. */
const absent = new Set(['ENOENT', 'ECONNREFUSED', 'EAGAIN', 'ECONNRESET', 'EPIPE']);

/**
 * Asks once. The command is sent after the daemon has agreed to take it, and never a second time.
 *
 * @param until - by performance.now()
 * @returns undefined if no daemon listens, or it ended before it took the command
 */
async function ask(
  socketPath: string,
  route: string,
  body: string,
  until: number,
): Promise<Answer | undefined> {
  const signal = AbortSignal.timeout(Math.max(1, Math.ceil(until - performance.now())));
  const headers = {
    host: 'flockd',
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    expect: '100-continue',
  };
  const request = askHttp({ socketPath, path: route, method: 'POST', agent: false, headers, signal });
  request.on('error', () => undefined);
  request.on('continue', () => request.end(body));
  request.flushHeaders();
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return answer.parse(JSON.parse(await readBody(response)));
  } catch (cause) {
    const isSent = request.writableEnded;
    if (signal.aborted && !isSent) throw notTaken();
    if (signal.aborted)
      throw new FlockError('tryLater', 'flockd runs but does not answer', {
        hint: 'it may be carried out all the same: look at flockd status before you ask again',
      });
    if (isSent) {
      const message = 'flockd ended before it answered, and it is not known whether it carried that out';
      const hint = 'look at flockd status, then ask again if needed';
      throw new FlockError('tryLater', message, { hint, cause });
    }
    if (absent.has(systemCode(cause) ?? '')) return undefined;
    throw cause;
  }
}

/*
 * Clients of versions before the socket send a command as a file in `state/orders`. `NAME.order` is the command. The daemon
 * renames it to `NAME.taken` before it executes it, so that no command is executed twice whatever fails afterwards.
 * `NAME.answer` is the outcome, until the client has read it. A start that finds the folder empty removes it.
 */

/** The time that such a client waits for its answer. Milliseconds. */
const clientTimeout = 30_000;

/** The maximum size of an order. Bytes. */
const maxOrder = 4 * 1024 * 1024;

const ordersName = 'orders';

interface Orders {
  folder: string;
  execute: Execute;
  log: Logger;
  closed: boolean;
}

/**
 * Executes the commands that old clients send, oldest first, each at most once. Failures are logged.
 *
 * @returns stops receiving
 */
export async function receiveOrders(
  state: string,
  execute: Execute,
  log: Logger,
  watchFolder: WatchFolder,
): Promise<() => void> {
  const orders: Orders = { folder: path.join(state, ordersName), execute, log, closed: false };
  const { folder } = orders;
  let stopInside: (() => void) | undefined;
  let turn = Promise.resolve();
  const look = (): void => {
    turn = turn.then(async () => {
      if (orders.closed || !existsSync(folder)) return;
      // The watch comes first, so that no order is missed.
      stopInside ??= watchFolder(folder, look);
      await tried(orders, 'look for orders', () => executeAll(orders));
    });
  };
  if (existsSync(folder)) {
    await tried(orders, 'tidy up the orders', () => tidyUp(orders));
    // Fails if the folder is not empty.
    await rmdir(folder).catch(() => undefined);
  }
  const stopWatching = watchFolder(state, (name) => {
    if (name === undefined || name === ordersName) look();
  });
  look();
  return () => {
    orders.closed = true;
    stopInside?.();
    stopWatching();
  };
}

/** Answers the orders that were under way when the last daemon died, and removes answers that no client waits for. */
async function tidyUp(orders: Orders): Promise<void> {
  const { folder, log } = orders;
  await sweepTemporaries(folder);
  for (const name of await namesIn(folder, 'answer')) {
    if (askedAt(name) < performance.timeOrigin + performance.now() - clientTimeout)
      await discard(orders, name, 'answer');
  }
  const answered = await namesIn(folder, 'answer');
  for (const name of await namesIn(folder, 'taken')) {
    if (answered.includes(name)) await discard(orders, name, 'taken');
    else {
      const { message: reason, hint } = perhaps;
      log.warn({ event: 'order-failed', reason, hint }, `${reason}; ${hint}`);
      await finish(orders, name, perhaps);
    }
  }
}

const perhaps = {
  done: false,
  exit: 'tryLater',
  message: 'flockd ended while it carried an order out, and cannot tell whether it did',
  hint: 'look at flockd status, then ask again if needed',
} as const satisfies Answer;

async function executeAll(orders: Orders): Promise<void> {
  for (const name of await namesIn(orders.folder, 'order')) {
    if (orders.closed) return;
    const taken = fileOf(orders, name, 'taken');
    const take = async (): Promise<void> => {
      await rename(fileOf(orders, name, 'order'), taken);
      // After a power failure it must not come back.
      await syncFolder(orders.folder);
    };
    const read = async (): Promise<unknown> =>
      JSON.parse((await readRegularFile(taken, maxOrder)).toString('utf8'));
    // An order that cannot be taken stays, and nothing is written that would wake the watcher again.
    if (await tried(orders, 'take an order', take))
      await finish(orders, name, await attempt(read, orders.execute));
  }
}

/** If the answer cannot be written, the client gets none; the order is not executed again. */
async function finish(orders: Orders, name: string, outcome: Answer): Promise<void> {
  await tried(orders, 'answer an order', () =>
    replaceFile(fileOf(orders, name, 'answer'), JSON.stringify(outcome)),
  );
  await discard(orders, name, 'taken');
}

async function discard(orders: Orders, name: string, kind: Kind): Promise<void> {
  await tried(orders, 'remove what is left of an order', () =>
    rm(fileOf(orders, name, kind), { force: true }),
  );
}

/** Logs a failure instead of throwing it. @returns whether it succeeded */
async function tried({ log, folder }: Orders, what: string, act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    const reason = reasonOf(error);
    log.error({ event: 'order-failed', reason }, `cannot ${what} in ${folder}: ${reason}`);
    return false;
  }
}

type Kind = 'order' | 'taken' | 'answer';

const fileOf = ({ folder }: Orders, name: string, kind: Kind): string => path.join(folder, `${name}.${kind}`);

/** The names of the orders that have such a file, oldest first. */
async function namesIn(folder: string, kind: Kind): Promise<string[]> {
  const files = await readdir(folder);
  return files.flatMap((file) => new RegExp(`^([0-9a-f]+)\\.${kind}$`).exec(file)?.[1] ?? []).sort();
}

/** The time in an order's name. Milliseconds since 1970. */
const askedAt = (name: string): number => Number.parseInt(name.slice(0, 12), 16);
