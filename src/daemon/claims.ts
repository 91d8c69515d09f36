import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, realpath, stat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import * as z from 'zod';
import type { FlockPaths } from '../config/environment.ts';
import type { Bot } from '../config/flock-file.ts';
import { FlockError, systemCode } from '../errors.ts';
import type { Flock } from '../flock/load.ts';
import { reasonOf } from '../fs.ts';
import { accountKey, networkFor } from '../networks/networks.ts';
import type { BotKey } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import { parseJson } from '../text.ts';

/*
 * Which flockds run on this machine, on which state folders, and as which accounts they post. A flockd publishes that by the names
 * of abstract sockets (unix(7)): the kernel shows the names to every user, even if the process is stopped or busy, and removes
 * them when the process ends, however it ends.
 *
 *   flockd/ID=PID,DEVICE,INODE    a flockd and its state folder; it sends the paths of its folders to clients that connect
 *   flockd/ID:MARKMARK…           accounts that it posts as
 *   flockd/turn                   held by the flockd that looks at the others and takes accounts; one does so at a time
 *
 * The names are those of one network namespace: a container with its own network is another machine. Systems other than Linux
 * have none, and there only the lock of the state folder protects. Any user of this machine can create such sockets, which can
 * keep bots from posting, but never makes two flockds post as one account.
 */

const hasAbstractSockets = process.platform === 'linux';

/** Every name is padded to the maximum length: some versions of Node pad names themselves, with NULs, and some do not. */
const maxName = 107;
const addressOf = (name: string): string => `\0${name.padEnd(maxName, '.')}`;

const turn = 'flockd/turn';

/** The length of the mark of an account. Two flocks of 1,000 bots each have a mark in common in 1 of 69,000 cases. */
const markLength = 6;
const marksInName = Math.floor((maxName - 'flockd/12345678:'.length) / markLength);

/**
 * The mark of the account that a key posts as, by its id.
 *
 * @param api - the base of the API: one on this machine is a sandbox, with its own accounts
 */
export function accountMark(key: BotKey, api: string): string {
  const { token } = key.accessToken.reveal();
  // X's tokens begin with the id of the account.
  const account = accountKey(key.userId ?? /^\d+(?=-)/.exec(token)?.[0] ?? token, key);
  const { protocol, port } = new URL(key.server ?? api);
  const network = protocol === 'http:' ? `sandbox ${port}` : networkFor(key).name;
  return createHash('sha256').update(`${network}\n${account}`).digest('base64url').slice(0, markLength);
}

/** A flockd that runs on this machine. */
export interface RunningDaemon {
  id: string;
  pid: number;
  /** Identifies its state folder on this machine. */
  folder: string;
  /** The marks of the accounts it posts as. */
  accounts: ReadonlySet<string>;
}

/** Identifies a folder on this machine; undefined if the folder does not exist. */
export async function folderMark(folder: string): Promise<string | undefined> {
  const found = await stat(folder, { bigint: true }).catch(() => undefined);
  return found && `${found.dev.toString(36)},${found.ino.toString(36)}`;
}

const names = /@flockd\/(?:([\w-]{8})=(\d{1,10}),([a-z\d]+,[a-z\d]+)|([\w-]{8}):([\w-]+))\.*$/gm;

/** The flockds that run on this machine, as far as their sockets are visible. */
export async function runningDaemons(): Promise<RunningDaemon[]> {
  if (!hasAbstractSockets) return [];
  const found = new Map<string, RunningDaemon & { accounts: Set<string> }>();
  const accounts = new Map<string, string[]>();
  // The kernel returns the list in pages, so a list that changes meanwhile may lack a name. Two lists do not lack the same one.
  for (const list of [await readList(), await readList()]) {
    for (const [, id, pid, folder = '', owner, marks = ''] of list.matchAll(names)) {
      if (id !== undefined) found.set(id, { id, pid: Number(pid), folder, accounts: new Set() });
      else if (owner !== undefined) accounts.set(owner, [...(accounts.get(owner) ?? []), marks]);
    }
  }
  for (const [id, all] of accounts) {
    const marked = found.get(id)?.accounts;
    for (const marks of all) for (const [mark] of marks.matchAll(eachMark)) marked?.add(mark);
  }
  return [...found.values()];
}

const eachMark = new RegExp(`.{${markLength}}`, 'g');

/** Empty if it cannot be read, as on Android. */
const readList = (): Promise<string> => readFile('/proc/self/net/unix', 'utf8').catch(() => '');

/** What a flockd sends to clients. */
const folderPath = z
  .string()
  .max(4096)
  .regex(/^\/\P{Cc}*$/u);
const introduction = z.object({ root: folderPath, state: folderPath });

type Introduction = z.infer<typeof introduction>;

/** The time limit for the answer of a flockd, and for this process to get its turn. Milliseconds. */
const answerTimeout = 2000;
const turnTimeout = 15_000;

/** The maximum length of an answer. Characters. */
const maxAnswer = 16_384;

/**
 * The folders of a flockd, or undefined if it does not answer, or its path of the state folder leads to another folder here, as
 * in a container.
 */
export async function introductionOf({ id, pid, folder }: RunningDaemon): Promise<Introduction | undefined> {
  let text = '';
  await connection(`flockd/${id}=${pid},${folder}`, {
    received: (part) => (text += part).includes('\n') || text.length > maxAnswer,
    timeout: answerTimeout,
  });
  const sent = introduction.safeParse(parseJson(text)).data;
  return sent && (await folderMark(sent.state)) === folder ? sent : undefined;
}

interface ConnectOptions {
  /** Called with each part of what the other sends. @returns whether that is enough */
  received?: (part: string) => boolean;
  /** The time limit. Milliseconds. */
  timeout?: number;
}

/** Connects to a socket. Resolves when the connection is closed, enough was received, or the time is over. */
function connection(name: string, { received, timeout }: ConnectOptions = {}): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ path: addressOf(name) });
    const timer = timeout === undefined ? undefined : setTimeout(() => socket.destroy(), timeout);
    // A connection without a time limit must not keep the process alive.
    if (timeout === undefined) socket.unref();
    socket.setEncoding('utf8').on('data', (part: string) => {
      if (received?.(part) === true) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The maximum number of simultaneous clients of one socket. */
const maxClients = 64;

/** A socket that this process holds. */
class NamedSocket implements AsyncDisposable {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  private constructor(message: string) {
    this.#server = createServer((socket) => {
      this.#clients.add(socket.unref());
      socket.on('error', () => undefined);
      socket.on('close', () => this.#clients.delete(socket));
      socket.resume().write(message);
    });
    this.#server.maxConnections = maxClients;
  }

  /**
   * @param message - sent to each client
   * @returns undefined if another process has that name
   * @throws {FlockError} `tryLater` if the system gives no socket
   */
  static async open(name: string, message = ''): Promise<NamedSocket | undefined> {
    const opened = new NamedSocket(message);
    const server = opened.#server;
    try {
      server.listen({ path: addressOf(name) });
      await once(server, 'listening');
    } catch (cause) {
      if (systemCode(cause) === 'EADDRINUSE') return undefined;
      throw new FlockError('tryLater', `cannot tell others that flockd runs here: ${reasonOf(cause)}`, {
        hint: 'it opens a socket for every 15 bots: are too many files open?',
        cause,
      });
    }
    server.on('error', () => undefined);
    server.unref();
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#clients) socket.destroy();
    await closed;
  }
}

/** @throws {FlockError} `tryLater` if other processes hold the turn for too long */
async function takeTurn(): Promise<NamedSocket> {
  const until = performance.now() + turnTimeout;
  for (;;) {
    const held = await NamedSocket.open(turn);
    if (held) return held;
    const left = until - performance.now();
    if (left <= 0) {
      throw new FlockError('tryLater', 'another flockd on this machine starts and does not get on', {
        hint: 'is it stopped (Ctrl-Z, kill -STOP)? let it go on or end it',
      });
    }
    await connection(turn, { timeout: left });
  }
}

/** This process, as the other flockds of this machine see it. */
export class Presence implements AsyncDisposable {
  readonly #id: string;
  readonly #sockets: NamedSocket[];
  readonly #accounts = new Set<string>();

  private constructor(id: string, sockets: NamedSocket[]) {
    this.#id = id;
    this.#sockets = sockets;
  }

  /** Publishes that this process works on a state folder, which must exist. */
  static async announce({ root, state }: Introduction): Promise<Presence> {
    const id = randomBytes(6).toString('base64url');
    const folder = await folderMark(state);
    if (!hasAbstractSockets || folder === undefined) return new Presence(id, []);
    const message = `${JSON.stringify({ root, state })}\n`;
    const socket = await NamedSocket.open(`flockd/${id}=${process.pid},${folder}`, message);
    return new Presence(id, socket ? [socket] : []);
  }

  /**
   * Takes the accounts that no other flockd of this machine posts as. This process holds them until it ends, since a post of a
   * removed bot may still be under way.
   *
   * @returns the other flockds that hold accounts, by the accounts' marks
   * @throws {FlockError} `tryLater` if other processes hold the turn for too long
   */
  async take(marks: readonly string[]): Promise<Map<string, RunningDaemon>> {
    const held = new Map<string, RunningDaemon>();
    const wanted = new Set(this.lacking(marks));
    if (wanted.size === 0) return held;
    await using _turn = await takeTurn();
    for (const daemon of await runningDaemons()) {
      if (daemon.id === this.#id) continue;
      for (const mark of wanted) if (daemon.accounts.has(mark)) held.set(mark, daemon);
    }
    await this.#publish([...wanted].filter((mark) => !held.has(mark)));
    return held;
  }

  /** The accounts that this process does not hold yet. */
  lacking(marks: readonly string[]): string[] {
    return this.#sockets.length === 0 ? [] : marks.filter((mark) => !this.#accounts.has(mark));
  }

  /** Calls once when a flockd has ended. */
  whenEnded({ id, pid, folder }: RunningDaemon, ended: () => void): void {
    void connection(`flockd/${id}=${pid},${folder}`).then(ended);
  }

  async #publish(free: readonly string[]): Promise<void> {
    for (let from = 0; from < free.length; from += marksInName) {
      const marks = free.slice(from, from + marksInName);
      const socket = await NamedSocket.open(`flockd/${this.#id}:${marks.join('')}`);
      if (socket) this.#sockets.push(socket);
      for (const mark of marks) this.#accounts.add(mark);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.splice(0)) await socket[Symbol.asyncDispose]();
  }
}

interface ClaimOptions {
  paths: Pick<FlockPaths, 'root' | 'state'>;
  /** The base of the API. */
  api: string;
  /** Called when another flockd has ended that held accounts of this flock, and when the others could not be seen. */
  freed?: () => void;
}

/** The time until the accounts are taken again: after another flockd has ended, and after an attempt without a turn. Milliseconds. */
const retryAfterEnd = 1000;
const retryAfterNoTurn = 30_000;

/** The accounts that this flockd posts as, and no other flockd of this machine. */
export class Claims implements AsyncDisposable {
  readonly #presence: Presence;
  readonly #options: ClaimOptions;
  /** The bots whose accounts another flockd held at the last attempt to take them. */
  #held = new Set<BotName>();
  readonly #watched = new Set<string>();

  private constructor(presence: Presence, options: ClaimOptions) {
    this.#presence = presence;
    this.#options = options;
  }

  /** @param options - the state folder must exist */
  static async open(options: ClaimOptions): Promise<Claims> {
    const { root, state } = options.paths;
    const presence = await Presence.announce({ root: await realpath(root), state: path.resolve(state) });
    return new Claims(presence, options);
  }

  /**
   * Takes the accounts of a flock. A bot whose account another flockd holds is left out until that one ends.
   *
   * @returns the flock without these bots; and the bots that another flockd, with another ledger, ran until now
   */
  async take<F extends Flock>(flock: F): Promise<{ flock: F; takenOver: BotName[] }> {
    const { api } = this.#options;
    const marks = new Map(flock.bots.map((bot) => [bot.name, accountMark(bot.bundle, api)]));
    const refusals = await this.#refusals([...marks.values()]);
    const bots: Bot[] = [];
    const invalidBots: Flock['invalidBots'] = [];
    for (const bot of flock.bots) {
      const refusal = refusals.get(marks.get(bot.name) ?? '');
      if (refusal) invalidBots.push({ bot: bot.name, error: refusal(bot.name) });
      else bots.push(bot);
    }
    const takenOver = bots.map(({ name }) => name).filter((name) => this.#held.has(name));
    this.#held = new Set(invalidBots.map(({ bot }) => bot));
    return { flock: { ...flock, bots, invalidBots: [...flock.invalidBots, ...invalidBots] }, takenOver };
  }

  /** The errors for the bots whose accounts could not be taken, by the accounts' marks. */
  async #refusals(marks: readonly string[]): Promise<Map<string, Refusal | undefined>> {
    let held: Map<string, RunningDaemon>;
    try {
      held = await this.#presence.take(marks);
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      this.#retry(retryAfterNoTurn);
      return new Map(this.#presence.lacking(marks).map((mark) => [mark, notKnown(error)]));
    }
    const byDaemon = new Map<RunningDaemon, Refusal>();
    for (const daemon of new Set(held.values())) {
      byDaemon.set(daemon, await refusalBy(daemon));
      this.#watch(daemon);
    }
    return new Map(Array.from(held, ([mark, daemon]) => [mark, byDaemon.get(daemon)]));
  }

  #retry(after: number): void {
    const { freed } = this.#options;
    if (freed) setTimeout(freed, after).unref();
  }

  #watch(daemon: RunningDaemon): void {
    if (this.#watched.has(daemon.id)) return;
    this.#watched.add(daemon.id);
    this.#presence.whenEnded(daemon, () => {
      this.#watched.delete(daemon.id);
      this.#retry(retryAfterEnd);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#presence[Symbol.asyncDispose]();
  }
}

/** The error for a bot whose account could not be taken. */
type Refusal = (bot: BotName) => FlockError;

async function refusalBy(daemon: RunningDaemon): Promise<Refusal> {
  const state = (await introductionOf(daemon))?.state;
  const where = state === undefined ? '' : `, with its ledger in ${state}`;
  return (bot) =>
    new FlockError(
      'tryLater',
      `${bot}: another flockd of this machine (pid ${daemon.pid}) posts as its account${where}`,
      { hint: 'run each bot in one flockd; this one takes it over once the other has ended' },
    );
}

const notKnown =
  ({ exit, message, hint }: FlockError): Refusal =>
  (bot) =>
    new FlockError(exit, `${bot}: cannot know whether another flockd posts as its account: ${message}`, {
      hint,
    });
