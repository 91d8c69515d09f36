import { createHash, randomBytes } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import * as z from 'zod';
import type { FlockPaths } from '../config/environment.ts';
import type { Bot } from '../config/flock-file.ts';
import { FlockError, systemCode } from '../errors.ts';
import type { Flock } from '../flock/load.ts';
import { reasonOf } from '../fs.ts';
import type { BotKey } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import { parseJson } from '../text.ts';

/*
 * Which flockds run on this machine, on which state folder, and as which accounts each of them posts. A flockd says so by
 * the names of abstract sockets (unix(7)): the kernel shows them to every user, also where their process is stopped or busy,
 * and drops them with the process, however it ends.
 *
 *   flockd/ID=PID,DEVICE,INODE    a flockd, and its state folder; whoever connects is told its folders
 *   flockd/ID:MARKMARK…           accounts that it posts as
 *   flockd/turn                   held while a flockd looks at the others and takes accounts, so that no two do at a time
 *
 * They are those of one network namespace: a container with a network of its own is another machine. Systems other than
 * Linux have none; there a state folder's lock is all. Whoever has an account on this machine can make such sockets too: that
 * can keep bots from posting, and never makes two flockds post as one account.
 */

const hasAbstractSockets = process.platform === 'linux';

/** Every name is filled up to the longest: some versions of Node do so by themselves, with NULs, and some do not. */
const maxName = 107;
const addressOf = (name: string): string => `\0${name.padEnd(maxName, '.')}`;

const turn = 'flockd/turn';

/** So many characters tell an account: of two flocks of 1,000 bots each, two are taken for one in 1 of 69,000 pairs. */
const markLength = 6;
const marksInName = Math.floor((maxName - 'flockd/12345678:'.length) / markLength);

/**
 * The mark of the account that a key posts as, by its id.
 *
 * @param api - the base of the API: what is on this machine itself is a sandbox with accounts of its own
 */
export function accountMark({ userId, accessToken }: BotKey, api: string): string {
  const { token } = accessToken.reveal();
  // X's tokens begin with the id of their account.
  const account = userId ?? /^\d+(?=-)/.exec(token)?.[0] ?? token;
  const { protocol, port } = new URL(api);
  const network = protocol === 'http:' ? `sandbox ${port}` : 'x';
  return createHash('sha256').update(`${network}\n${account}`).digest('base64url').slice(0, markLength);
}

/** A flockd that runs on this machine. */
export interface RunningDaemon {
  id: string;
  pid: number;
  /** Tells its state folder from every other on this machine. */
  folder: string;
  /** The marks of the accounts it posts as. */
  accounts: ReadonlySet<string>;
}

/** What tells a folder from every other on this machine, or undefined where it is not there. */
export async function folderMark(folder: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(folder, { bigint: true });
    return `${dev.toString(36)},${ino.toString(36)}`;
  } catch {
    return undefined;
  }
}

const names = /@flockd\/(?:([\w-]{8})=(\d{1,10}),([a-z\d]+,[a-z\d]+)|([\w-]{8}):([\w-]+))\.*$/gm;

/** The flockds that run on this machine, as far as that can be seen: see above. */
export async function runningDaemons(): Promise<RunningDaemon[]> {
  if (!hasAbstractSockets) return [];
  const found = new Map<string, RunningDaemon & { accounts: Set<string> }>();
  const accounts = new Map<string, string[]>();
  // The kernel gives the list a page at a time, and one that changes meanwhile may lack a name: two lists do not lack the same.
  for (const list of [await readList(), await readList()]) {
    for (const [, id, pid, folder = '', owner, marks = ''] of list.matchAll(names)) {
      if (id !== undefined) found.set(id, { id, pid: Number(pid), folder, accounts: new Set() });
      else if (owner !== undefined) accounts.set(owner, [...(accounts.get(owner) ?? []), marks]);
    }
  }
  for (const [id, all] of accounts) {
    const marked = found.get(id)?.accounts;
    for (const marks of all) for (const mark of marksIn(marks)) marked?.add(mark);
  }
  return [...found.values()];
}

const marksIn = (text: string): string[] =>
  Array.from({ length: Math.floor(text.length / markLength) }, (_, at) =>
    text.slice(at * markLength, (at + 1) * markLength),
  );

/** Where it cannot be read, as on Android, nothing is seen. */
const readList = (): Promise<string> => readFile('/proc/self/net/unix', 'utf8').catch(() => '');

/** What a flockd tells of itself. */
const place = z
  .string()
  .max(4096)
  .regex(/^\/\P{Cc}*$/u);
const introduction = z.object({ root: place, state: place });

type Introduction = z.infer<typeof introduction>;

/** How long a flockd may take to answer, and a turn to come. Milliseconds. */
const maxPerAnswer = 2000;
const maxPerTurn = 15_000;
const maxAnswer = 16_384;

/**
 * Where a flockd has its flock and its state, or undefined where it does not answer, or what it calls its state folder is
 * another folder here, as it is in a container.
 */
export async function introductionOf({ id, pid, folder }: RunningDaemon): Promise<Introduction | undefined> {
  let text = '';
  await connection(`flockd/${id}=${pid},${folder}`, {
    heard: (part) => (text += part).includes('\n') || text.length > maxAnswer,
    most: maxPerAnswer,
  });
  const said = introduction.safeParse(parseJson(text)).data;
  return said && (await folderMark(said.state)) === folder ? said : undefined;
}

/** Connects to a socket. Resolves once it is closed, `heard` has heard enough, or the time is over. */
function connection(
  name: string,
  { heard = () => false, most }: { heard?: (part: string) => boolean; most?: number },
): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ path: addressOf(name) });
    const timer = most === undefined ? undefined : setTimeout(() => socket.destroy(), most);
    // Nobody is kept from ending by what it only waits for.
    if (most === undefined) socket.unref();
    socket.setEncoding('utf8').on('data', (part: string) => {
      if (heard(part)) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** More than so many at a time are not answered. */
const maxVisitors = 64;

/** A socket that this process holds, and those who are connected to it. */
class Sign implements AsyncDisposable {
  readonly #server: Server;
  readonly #visitors = new Set<Socket>();

  private constructor(said: string) {
    this.#server = createServer((socket) => {
      this.#visitors.add(socket.unref());
      socket.on('error', () => undefined);
      socket.on('close', () => this.#visitors.delete(socket));
      socket.resume().write(said);
    });
    this.#server.maxConnections = maxVisitors;
  }

  /**
   * @returns undefined where somebody has that name already
   * @throws {FlockError} `tryLater` where the system gives no socket
   */
  static async put(name: string, said = ''): Promise<Sign | undefined> {
    const sign = new Sign(said);
    const server = sign.#server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ path: addressOf(name) }, resolve);
      });
    } catch (cause) {
      if (systemCode(cause) === 'EADDRINUSE') return undefined;
      throw new FlockError('tryLater', `cannot tell others that flockd runs here: ${reasonOf(cause)}`, {
        hint: 'it opens a socket for every 15 bots: are too many files open?',
        cause,
      });
    }
    server.on('error', () => undefined);
    server.unref();
    return sign;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#visitors) socket.destroy();
    await closed;
  }
}

/** @throws {FlockError} `tryLater` where others keep it from its turn */
async function takeTurn(): Promise<Sign> {
  const until = performance.now() + maxPerTurn;
  for (;;) {
    const sign = await Sign.put(turn);
    if (sign) return sign;
    const left = until - performance.now();
    if (left <= 0) {
      throw new FlockError('tryLater', 'another flockd on this machine starts and does not get on', {
        hint: 'is it stopped (Ctrl-Z, kill -STOP)? let it go on or end it',
      });
    }
    await connection(turn, { most: left });
  }
}

/** This process as the other flockds of this machine see it. */
export class Presence implements AsyncDisposable {
  readonly #id: string;
  readonly #signs: Sign[];
  readonly #accounts = new Set<string>();

  private constructor(id: string, signs: Sign[]) {
    this.#id = id;
    this.#signs = signs;
  }

  /** Says that this process works on a state folder, which must be there. */
  static async announce({ root, state }: Introduction): Promise<Presence> {
    const id = randomBytes(6).toString('base64url');
    const folder = await folderMark(state);
    if (!hasAbstractSockets || folder === undefined) return new Presence(id, []);
    const said = `${JSON.stringify({ root, state })}\n`;
    const sign = await Sign.put(`flockd/${id}=${process.pid},${folder}`, said);
    return new Presence(id, sign ? [sign] : []);
  }

  /**
   * Takes the accounts that no other flockd of this machine posts as. They stay this process's until it ends: a post of a bot
   * that has gone may still be under way.
   *
   * @returns by its mark, who has an account
   * @throws {FlockError} `tryLater` where others keep it from looking
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
    await this.#post([...wanted].filter((mark) => !held.has(mark)));
    return held;
  }

  /** Those of some accounts that are not this process's yet. */
  lacking(marks: readonly string[]): string[] {
    return this.#signs.length === 0 ? [] : marks.filter((mark) => !this.#accounts.has(mark));
  }

  /** Calls once when a flockd has ended. */
  whenGone({ id, pid, folder }: RunningDaemon, tell: () => void): void {
    void connection(`flockd/${id}=${pid},${folder}`, {}).then(tell);
  }

  async #post(free: readonly string[]): Promise<void> {
    for (let from = 0; from < free.length; from += marksInName) {
      const marks = free.slice(from, from + marksInName);
      const sign = await Sign.put(`flockd/${this.#id}:${marks.join('')}`);
      if (sign) this.#signs.push(sign);
      for (const mark of marks) this.#accounts.add(mark);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sign of this.#signs.splice(0)) await sign[Symbol.asyncDispose]();
  }
}

interface ClaimOptions {
  paths: Pick<FlockPaths, 'root' | 'state'>;
  /** The base of the API. */
  api: string;
  /** Told when another flockd has ended that had accounts of this flock. */
  freed?: () => void;
}

/** How long after the end of another flockd its accounts are asked for again, and after a question without an answer. Milliseconds. */
const retryAfterEnd = 1000;
const retryAfterNoAnswer = 30_000;

/** The accounts that this flockd posts as, and no other flockd of this machine: see {@link Presence}. */
export class Claims implements AsyncDisposable {
  readonly #presence: Presence;
  readonly #options: ClaimOptions;
  /** The bots whose accounts another flockd had when they were last asked for. */
  #held = new Set<BotName>();
  readonly #watched = new Set<string>();

  private constructor(presence: Presence, options: ClaimOptions) {
    this.#presence = presence;
    this.#options = options;
  }

  /** @param options - the state folder must be there */
  static async open(options: ClaimOptions): Promise<Claims> {
    const { root, state } = options.paths;
    const presence = await Presence.announce({ root: await realpath(root), state: path.resolve(state) });
    return new Claims(presence, options);
  }

  /**
   * Takes the accounts of a flock. A bot whose account another flockd has is left out, until that one ends.
   *
   * @returns the flock as it can run, and the bots that another flockd ran until now: it has another ledger for them
   */
  async take<F extends Flock>(flock: F): Promise<{ flock: F; takenOver: BotName[] }> {
    const { api } = this.#options;
    const marks = new Map(flock.bots.map((bot) => [bot.name, accountMark(bot.bundle, api)]));
    const refusals = await this.#refusals([...marks.values()]);
    const bots: Bot[] = [];
    const misfits: Flock['misfits'] = [];
    for (const bot of flock.bots) {
      const refusal = refusals.get(marks.get(bot.name) ?? '');
      if (refusal) misfits.push({ bot: bot.name, error: refusal(bot.name) });
      else bots.push(bot);
    }
    const takenOver = bots.map(({ name }) => name).filter((name) => this.#held.has(name));
    this.#held = new Set(misfits.map(({ bot }) => bot));
    return { flock: { ...flock, bots, misfits: [...flock.misfits, ...misfits] }, takenOver };
  }

  /** What to say of the bot of each account that could not be taken, by the account's mark. */
  async #refusals(marks: readonly string[]): Promise<Map<string, Refusal>> {
    let held: Map<string, RunningDaemon>;
    try {
      held = await this.#presence.take(marks);
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      this.#askAgain(retryAfterNoAnswer);
      return new Map(this.#presence.lacking(marks).map((mark) => [mark, notKnown(error)]));
    }
    const byDaemon = new Map<string, Refusal>();
    for (const daemon of new Set(held.values())) {
      byDaemon.set(daemon.id, await refusalBy(daemon));
      this.#watch(daemon);
    }
    return new Map(
      Array.from(held, ([mark, { id, pid }]) => [mark, byDaemon.get(id) ?? takenBy(pid, undefined)]),
    );
  }

  #askAgain(after: number): void {
    const { freed } = this.#options;
    if (freed) setTimeout(freed, after).unref();
  }

  #watch(daemon: RunningDaemon): void {
    if (this.#watched.has(daemon.id)) return;
    this.#watched.add(daemon.id);
    this.#presence.whenGone(daemon, () => {
      this.#watched.delete(daemon.id);
      this.#askAgain(retryAfterEnd);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#presence[Symbol.asyncDispose]();
  }
}

/** Says of a bot why its account could not be taken. */
type Refusal = (bot: BotName) => FlockError;

const refusalBy = async (daemon: RunningDaemon): Promise<Refusal> =>
  takenBy(daemon.pid, (await introductionOf(daemon))?.state);

const notKnown =
  ({ exit, message, hint }: FlockError): Refusal =>
  (bot) =>
    new FlockError(exit, `${bot}: cannot know whether another flockd posts as its account: ${message}`, {
      ...(hint !== undefined && { hint }),
    });

function takenBy(pid: number, state: string | undefined): Refusal {
  const where = state === undefined ? '' : `, with its ledger in ${state}`;
  return (bot) =>
    new FlockError(
      'tryLater',
      `${bot}: another flockd of this machine (pid ${pid}) posts as its account${where}`,
      { hint: 'run each bot in one flockd; this one takes it over once the other has ended' },
    );
}
