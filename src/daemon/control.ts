import { constants, rmSync } from 'node:fs';
import { chmod, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { type ClientRequest, createServer, type IncomingMessage, request as askHttp, type ServerResponse } from 'node:http'; // prettier-ignore
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { type Exit, exitCodes, FlockError, messageOf, systemCode } from '../errors.ts';
import { reasonOf } from '../fs.ts';
import type { Logger } from '../log.ts';
import { command, type Command, postReport, type PostReport } from '../posting/commands.ts';

/*
 * How a person's command reaches a running daemon: HTTP over the socket `flockd.sock` in the state folder, with the paths of
 * the page's forms, and JSON both ways. `POST /bots/post` with `{"bot": "howl"}` posts the next line of howl.
 *
 * A command is carried out at most once. The client sends it when the daemon has said that it takes it (`Expect:
 * 100-continue`): a client that gives up before that has had nothing done, and nothing is ever sent again after it.
 */

const flockCommand = z.object({ order: z.enum(['stop', 'release', 'reload', 'recipients']) });

/**
 * What a person tells a running daemon: something about a bot, to stop the flock or let it go on, to read its files again, or
 * to say to whom bundles may be encrypted.
 */
export type DaemonCommand = Command | z.infer<typeof flockCommand>;

const daemonCommand = z.union([command, flockCommand]);

/** Where each command is posted to. */
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
  /** What a command to post has led to. */
  report: postReport.optional(),
  /** Whose bundles the daemon can open. */
  recipients: z.array(z.string()).optional(),
});

/** What came of a command, as it is sent to the client. */
export type Answer = z.infer<typeof answer>;

/** What a command has led to: a post, or the recipients that it asked for. */
export type Outcome = PostReport | { recipients: string[] } | undefined;

/** Carries a command out. @throws {FlockError} why it could not be */
export type Execute = (command: DaemonCommand) => Promise<Outcome>;

/** Carries out what somebody has sent, where it is a command. Never throws. */
export async function attempt(given: () => Promise<unknown>, execute: Execute): Promise<Answer> {
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

/** The longest command, and the longest answer to one. Bytes. */
export const maxSize = 4 * 1024 * 1024;

const socketName = 'flockd.sock';

/** Sockets are made in a private folder of such a name, so that nobody else can use one before it has its mode. */
const making = '.flockd.sock-';

/** The longest path that a socket can have. Bytes. @see unix(7) */
const maxPath = 107;

interface ShortPath extends AsyncDisposable {
  path: string;
}

/** A path to a socket in a folder that is short enough for the system, as long as it is not disposed of. */
async function shortPath(folder: string, name: string): Promise<ShortPath> {
  const direct = path.join(folder, name);
  if (Buffer.byteLength(direct) <= maxPath)
    return { path: direct, [Symbol.asyncDispose]: () => Promise.resolve() };
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${handle.fd}/${name}`, [Symbol.asyncDispose]: () => handle.close() };
}

/** How long answers may take to get to their clients at the end. Milliseconds. */
const grace = 1000;

/** Takes the commands that come through the socket of a state folder. The lock of that folder must be held. */
export class ControlServer implements AsyncDisposable {
  readonly #server;
  readonly #log: Logger;
  #file: string | undefined;
  #bound: ShortPath | undefined;

  constructor(execute: Execute, log: Logger) {
    this.#log = log;
    const bounds = { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 1_000 };
    this.#server = createServer(bounds, (request, response) => {
      void serve(request, response, execute);
    });
  }

  /** Begins to take commands. A daemon that cannot goes on without them. */
  async listen(state: string): Promise<void> {
    const file = path.join(state, socketName);
    try {
      // What a flockd left that was killed meanwhile.
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

  /** Takes no more commands. Those under way come to their end. */
  end(): void {
    if (this.#file !== undefined) rmSync(this.#file, { force: true });
    this.#file = undefined;
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    const until = performance.now() + grace;
    while ((await this.#connections()) > 0 && performance.now() < until) await sleep(10);
    this.#server.closeAllConnections();
    await this.#bound?.[Symbol.asyncDispose]();
  }

  async #bind(folder: string): Promise<void> {
    // Node removes the name that it has bound when it closes: the name has to stay this one.
    this.#bound = await shortPath(folder, socketName);
    const { path } = this.#bound;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ path }, resolve);
    });
    // Later errors are of single connections.
    this.#server.on('error', () => undefined);
  }

  #connections(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.getConnections((error, count) => resolve(error ? 0 : count));
    });
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, execute: Execute): Promise<void> {
  // Reading that breaks off takes it from the request.
  const { socket } = request;
  const [order] = Object.entries(routes).find(([, route]) => route === request.url) ?? [];
  if (order === undefined || request.method !== 'POST') {
    const message = 'there is no such command; is this flockd another version?';
    respond(response, order === undefined ? 404 : 405, { done: false, exit: 'usage', message });
    return;
  }
  // A command that does not come to its end is none.
  const text = await textOf(request).catch(() => undefined);
  if (text === undefined) {
    socket.destroy();
    return;
  }
  const given = (): Promise<unknown> => Promise.resolve({ ...object.parse(JSON.parse(text)), order });
  const outcome = await attempt(given, execute);
  respond(response, outcome.done ? 200 : 409, outcome);
}

const object = z.record(z.string(), z.unknown());

/** @throws {Error} where it breaks off or is too long */
async function textOf(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxSize) throw new Error('it is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function respond(response: ServerResponse, status: number, outcome: Answer): void {
  response.on('error', () => undefined);
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(`${JSON.stringify(outcome)}\n`);
}

interface SendOptions {
  /** How long a running daemon may take to answer. Milliseconds. */
  timeout?: number;
}

/**
 * Sends a command to the daemon that runs on a state folder, and waits until it is carried out. One that is starting gets the
 * time to do so.
 *
 * @returns what a command to post has led to
 * @throws {FlockError} what the daemon has against it; `tryLater` where it does not answer, `io` where it cannot be reached
 */
export const sendCommand = async (
  state: string,
  command: DaemonCommand,
  options?: SendOptions,
): Promise<PostReport | undefined> => (await answerTo(state, command, options)).report;

/** To whom bundles may be encrypted so that the daemon can open them. @throws {FlockError} as {@link sendCommand} */
export const askRecipients = async (state: string): Promise<string[]> =>
  (await answerTo(state, { order: 'recipients' })).recipients ?? [];

/** How often it is looked whether the daemon has begun to listen. Milliseconds. */
const every = 100;

async function answerTo(
  state: string,
  { order, ...body }: DaemonCommand,
  { timeout = 30_000 }: SendOptions = {},
): Promise<Answer> {
  const until = performance.now() + timeout;
  try {
    await using socket = await shortPath(state, socketName);
    for (;;) {
      const asked = { socketPath: socket.path, route: routes[order], body: JSON.stringify(body), until };
      const given = await ask(asked);
      if (given?.done === true) return given;
      if (given) {
        const { exit = 'data', message = 'flockd refused', hint } = given;
        throw new FlockError(exit, message, hint === undefined ? {} : { hint });
      }
      if (performance.now() >= until) throw notTaken();
      await sleep(every);
    }
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('io', `cannot reach flockd at ${path.join(state, socketName)}: ${reasonOf(cause)}`, {
      hint: 'run this as the one who runs flockd',
      cause,
    });
  }
}

const notTaken = (cause?: unknown): FlockError =>
  new FlockError('tryLater', 'flockd runs but does not answer: nothing was done', {
    hint: 'is it busy, starting, or an older version than this? ask again, or restart it',
    cause,
  });

/** The command was sent, and what the daemon did is not known. */
const unknown = (message: string, hint: string, cause?: unknown): FlockError =>
  new FlockError('tryLater', message, { hint, cause });

interface Asked {
  socketPath: string;
  route: string;
  body: string;
  /** By performance.now(). */
  until: number;
}

/** Where nobody listens: none yet, or none any more. */
const absent = new Set(['ENOENT', 'ECONNREFUSED', 'EAGAIN']);

/**
 * Asks once. Before the daemon says that it takes the command nothing of it is sent; afterwards it is sent no second time.
 *
 * @returns undefined where nobody listens, or the daemon ended before it took the command
 */
function ask({ socketPath, route, body, until }: Asked): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    let isSent = false;
    const headers = {
      host: 'flockd',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      expect: '100-continue',
    };
    const request: ClientRequest = askHttp({
      socketPath,
      path: route,
      method: 'POST',
      agent: false,
      headers,
    });
    const timer = setTimeout(
      () => {
        reject(
          isSent
            ? unknown(
                'flockd runs but does not answer',
                'it may be carried out all the same: look at flockd status before you ask again',
              )
            : notTaken(),
        );
        request.destroy();
      },
      Math.max(1, until - performance.now()),
    );
    const broken = (cause: unknown): void => {
      clearTimeout(timer);
      const code = systemCode(cause) ?? '';
      if (isSent)
        reject(
          unknown(
            'flockd ended before it answered, and it is not known whether it carried that out',
            'look at flockd status, then ask again if needed',
            cause,
          ),
        );
      else if (absent.has(code) || code === 'ECONNRESET' || code === 'EPIPE') resolve(undefined);
      else reject(cause instanceof Error ? cause : new Error(messageOf(cause)));
    };
    request.on('continue', () => {
      isSent = true;
      request.end(body);
    });
    request.on('response', (response) => {
      textOf(response)
        .then((text) => answer.parse(JSON.parse(text)))
        .then((given) => {
          clearTimeout(timer);
          resolve(given);
        })
        .catch(broken);
    });
    request.on('error', broken);
    request.flushHeaders();
  });
}
