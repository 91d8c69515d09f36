import dgram from 'node:dgram';
import dns from 'node:dns';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { type Clock, HeldClock, sleepUntil } from '../clock.ts';
import type { Bot } from '../config/flock-file.ts';
import { Daemon } from '../daemon/daemon.ts';
import { FlockError, systemCode } from '../errors.ts';
import type { PlannedBot } from '../flock/load.ts';
import { isRunning, reasonOf } from '../fs.ts';
import { type HttpAnswer, type HttpRequest, NoAnswer, type Send, defaultSockets } from '../http/exchange.ts';
import type { StateFolder } from '../ledger/folder.ts';
import { formatSnapshot, type JournalContents } from '../ledger/format.ts';
import { type Change, Journal, type Ledger } from '../ledger/journal.ts';
import type { BotState } from '../ledger/state.ts';
import { EventLog } from '../log.ts';
import { openX } from '../networks/x/client.ts';
import { TokenPair } from '../oauth/signature.ts';
import { asKept } from '../poems/tweet-text.ts';
import { keyMark } from '../posting/bot-runner.ts';
import type { FlockBudget } from '../posting/budget.ts';
import { claimedToken, type Fault } from '../sandbox/faults.ts';
import type { Delivery, SandboxAnswer, SandboxRequest } from '../sandbox/messages.ts';
import { Sandbox } from '../sandbox/sandbox.ts';
import { SeededRandom } from '../sandbox/world.ts';
import type { RehearsedPost } from './check-posts.ts';

interface InProcessOptions {
  clock: Clock;
  /** The most a request may take before it counts as unanswered. Milliseconds. */
  deadline: number;
}

/**
 * A transport that ends in a sandbox of the same process: no socket, and faults take their time on the clock
 * that is given, so that a rehearsal meets them as the daemon would.
 */
export function sendInProcess(
  handle: (request: SandboxRequest) => SandboxAnswer,
  { clock, deadline }: InProcessOptions,
): Send {
  return async (request) => {
    const until = clock.now() + deadline;
    const { fault, ...answer } = handle(toSandbox(request));
    const took = timeTaken(fault, answer.body.length);
    if (clock.now() + took > until) {
      await sleepUntil(clock, until);
      throw new NoAnswer(`no whole answer within ${deadline / 1000} s`, { sent: true });
    }
    if (took > 0) await sleepUntil(clock, clock.now() + took);
    return received(answer, fault);
  };
}

function toSandbox({ method, url, headers, body = '' }: HttpRequest): SandboxRequest {
  const { host, pathname, search } = new URL(url);
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    method,
    url: pathname + search,
    host,
    headers: Object.fromEntries(lower) as Record<string, string>,
    body,
  };
}

function timeTaken(fault: Delivery | undefined, length: number): number {
  if (fault?.kind === 'hang') return Infinity;
  if (fault?.kind === 'delay') return fault.ms;
  return fault?.kind === 'trickle' ? fault.ms * length : 0;
}

/** What is left of the answer after its fault, as a client that asked for no compression sees it. */
function received(answer: HttpAnswer, fault: Delivery | undefined): HttpAnswer {
  switch (fault?.kind) {
    case 'drop':
    case 'cut':
      throw new NoAnswer('the connection broke', { sent: true });
    case 'gzip-cut':
      return { ...answer, headers: { ...answer.headers, 'content-encoding': 'gzip' }, body: '\u001F\uFFFD' };
    case 'gzip-corrupt':
      return { ...answer, headers: { ...answer.headers, 'content-encoding': 'gzip' } };
    case 'delay':
    case 'trickle':
    case 'hang':
    case undefined:
      return answer;
  }
}

/** What the daemon warns of and its ledger does not show: here, how often a bot had to wait for a budget. */
class DaemonLog extends EventLog {
  readonly #waits = new Map<string, { times: number; why: string }>();

  constructor() {
    super();
    this.subscribe(({ fields: { event, bot, why } }) => {
      if (event !== 'budget-reached' || bot === undefined || why === undefined) return;
      this.#waits.set(bot, { times: (this.#waits.get(bot)?.times ?? 0) + 1, why });
    });
  }

  /** How often a bot waited for a budget, and for which one last. */
  budgetWaits(bot: string): { times: number; why: string } | undefined {
    return this.#waits.get(bot);
  }
}

/**
 * What a bad day with X is made of, each as likely as the others. A request that lands late lands within its deadline, and
 * nothing is among them that only a person can mend: those are parked, and a year of parked bots rehearses nothing.
 */
const mix: readonly Fault[] = [
  { kind: 'status', status: 503, when: 'before', headers: {} },
  { kind: 'status', status: 503, when: 'after', headers: {} },
  { kind: 'status', status: 429, when: 'before', headers: {} },
  { kind: 'drop', when: 'before' },
  { kind: 'drop', when: 'after' },
  { kind: 'hang', when: 'before' },
  { kind: 'hang', when: 'after' },
  { kind: 'late', ms: 8_000 },
  { kind: 'delay', ms: 6_000 },
  { kind: 'cut', when: 'after' },
  { kind: 'altered', how: 'decimal-entities' },
  { kind: 'altered', how: 'without-invisible' },
];

/** Spoils some of the requests; the same seed spoils the same ones in the same way. */
export class FaultMix {
  /** How often each kind was drawn. */
  readonly drawn = new Map<string, number>();
  readonly #rate: number;
  readonly #chance: SeededRandom;

  /** @param rate - the share of requests that are spoiled, from 0 to 1 */
  constructor(rate: number, seed: string) {
    this.#rate = rate;
    this.#chance = new SeededRandom(seed);
  }

  /** The fault for the next request, or undefined where it goes well. */
  draw(): Fault | undefined {
    if (this.#rate === 0 || this.#chance.fraction('whether') >= this.#rate) return undefined;
    const fault = mix[Math.floor(this.#chance.fraction('which') * mix.length)];
    if (fault) this.drawn.set(nameOf(fault), (this.drawn.get(nameOf(fault)) ?? 0) + 1);
    return fault;
  }
}

const nameOf = (fault: Fault): string => (fault.kind === 'status' ? String(fault.status) : fault.kind);

/** What a bot is in the scratch, where its real account and posts are not. */
interface ScratchState {
  /** Its account's id in the sandbox. */
  account: string;
  /** Tells the key it has in the sandbox. */
  key: string;
  /** The mark of its real key, where it has one. */
  realKey: string | undefined;
}

/**
 * A bot's real state as it can go on in the sandbox: its place, what is served, owed and spent stay. Real posts are not on the
 * sandbox's timeline, so nothing is looked for after them; a bot that is parked stays so, unless its key was replaced since.
 */
export function inScratch(state: BotState, { account, key, realKey }: ScratchState): BotState {
  const { last, open, parked, ...rest } = state;
  const isReplaced = realKey !== undefined && realKey !== parked?.key;
  return {
    ...rest,
    account,
    ...(last && { last: without(last, 'id') }),
    ...(open && { open: without(open, 'since') }),
    ...(parked && { parked: isReplaced ? parked : { ...parked, key } }),
  };
}

function without<T extends object, Name extends keyof T>(whole: T, name: Name): Omit<T, Name> {
  const { [name]: _, ...rest } = whole;
  return rest;
}

const post = z.object({ text: z.string() });

/** The way from the daemon to the sandbox: spoils some requests, and notes what X refuses as a repetition. */
class RehearsalTransport {
  readonly #sandbox: Sandbox;
  readonly #mix: FaultMix;
  readonly #clock: Clock;
  readonly #repeats = new Map<string, RehearsedPost[]>();
  /** The posts that spoiled looks at a timeline may have shown: X may charge for them or not, and no ledger can know. */
  unsureReads = 0;

  constructor(sandbox: Sandbox, mix: FaultMix, clock: Clock) {
    this.#sandbox = sandbox;
    this.#mix = mix;
    this.#clock = clock;
  }

  handle(request: SandboxRequest): SandboxAnswer {
    const fault = this.#mix.draw();
    if (fault) {
      this.#sandbox.faults.add({ fault, times: 1 });
      this.unsureReads += pageSizeOf(request);
    }
    const answer = this.#sandbox.handle(request);
    if (answer.status === 403 && answer.body.includes('duplicate content')) this.#note(request);
    return answer;
  }

  /** What an account with this access token was refused as a repetition, oldest first. */
  repeatsOf(token: string): readonly RehearsedPost[] {
    return this.#repeats.get(token) ?? [];
  }

  #note(request: SandboxRequest): void {
    const token = claimedToken(request) ?? '';
    const { text } = post.parse(JSON.parse(request.body));
    const said = { text: asKept(text), instant: this.#clock.now() };
    const known = this.#repeats.get(token);
    if (known) known.push(said);
    else this.#repeats.set(token, [said]);
  }
}

/** How many posts a request asks for; none where it does not read. */
const pageSizeOf = ({ url }: SandboxRequest): number =>
  Number(new URLSearchParams(url.split('?')[1]).get('max_results') ?? 0);

/** What a rehearsal is played with. */
export interface Setting {
  bots: readonly PlannedBot[];
  purse: FlockBudget;
  /** The texts of the poems, by their files. */
  poems: ReadonlyMap<string, string>;
  /** What the real ledger says. */
  begun: Pick<JournalContents, 'states' | 'history'>;
  /** Milliseconds since 1970. */
  from: number;
  /** The share of requests that are spoiled. */
  faults: number;
  seed: string;
  /** Changes what the daemon tells its ledger. */
  through: (ledger: Ledger) => Ledger;
  /** Subscribes to the ledger. */
  changed: (change: Change) => void;
}

const app = { token: 'rehearsal-app', secret: 'rehearsal-app-secret' };

/** As `flockd run` has it. Milliseconds. */
const deadline = 10_000;

/** The real daemon, ledger, posting code and signatures, with a clock that is held and X in a box. No socket is needed. */
export class Harness implements AsyncDisposable {
  readonly clock: HeldClock;
  readonly sandbox: Sandbox;
  readonly mix: FaultMix;
  readonly wire: RehearsalTransport;
  readonly log = new DaemonLog();
  readonly ledger: Ledger;
  /** The bots with keys of the sandbox. */
  readonly bots: readonly Bot[];
  readonly #daemon: Daemon;
  readonly #purse: FlockBudget;
  #failure: { cause: unknown } | undefined;

  private constructor(setting: Setting, { clock, sandbox, bots, ledger }: Props) {
    this.clock = clock;
    this.sandbox = sandbox;
    this.bots = bots;
    this.ledger = ledger;
    this.#purse = setting.purse;
    this.mix = new FaultMix(setting.faults, setting.seed);
    this.wire = new RehearsalTransport(sandbox, this.mix, clock);
    const send = sendInProcess((request) => this.wire.handle(request), { clock, deadline });
    this.#daemon = new Daemon({
      ledger,
      clock,
      log: this.log,
      openX: openX('http://127.0.0.1:1', send, clock),
      // On a clock that is held there is none but it.
      askTime: () => Promise.resolve({ ahead: 0, isOfX: true }),
      deadline,
      readPoem: (file) => Promise.resolve(setting.poems.get(file) ?? ''),
      sockets: defaultSockets,
      writtenAt: () => undefined,
      isStopped: () => false,
      brake: () => Promise.resolve(),
      failed: (cause) => (this.#failure ??= { cause }),
    });
  }

  /** Sets everything up in a scratch folder; nobody posts yet. */
  static async open(setting: Setting, folder: ScratchFolder): Promise<Harness> {
    const clock = new HeldClock(setting.from);
    const sandbox = new Sandbox({ clock, appKeys: [app], seed: setting.seed });
    const bots = setting.bots.map((bot, index) => withSandboxKey(bot, sandbox, `bot_${index + 1}`));
    const states = new Map(
      bots.flatMap((bot, index) => stateOf(bot, setting.bots[index]?.bundle, setting.begun)),
    );
    const records = states.size + 1;
    await folder.append('journal.jsonl', formatSnapshot(records, { ...setting.begun, states }));
    const journal = await Journal.open(folder);
    journal.subscribe(setting.changed);
    return new Harness(setting, { clock, sandbox, bots, ledger: setting.through(journal) });
  }

  /** Lets the flock post. */
  begin(): void {
    this.#daemon.update({ bots: [...this.bots], misfits: [], purse: this.#purse });
  }

  /** Lets the flock rest; what is in doubt is still settled. */
  rest(): void {
    const resting = this.bots.map((bot) => ({ ...bot, settings: { ...bot.settings, paused: true } }));
    this.#daemon.update({ bots: resting, misfits: [], purse: this.#purse });
  }

  /** Lets the time run. @throws what made the daemon give up */
  async until(instant: number): Promise<void> {
    await this.clock.runUntil(instant);
    if (this.#failure) throw this.#failure.cause;
  }

  /** Whether any bot has a post in doubt. */
  inDoubt(): boolean {
    return this.bots.some(({ name }) => this.ledger.state(name)?.open !== undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Steps that wait for an answer would wait for a clock that nobody lets run any more; nothing is lost with them.
    void this.#daemon.stop();
    await this.ledger[Symbol.asyncDispose]();
  }
}

interface Props {
  clock: HeldClock;
  sandbox: Sandbox;
  bots: readonly Bot[];
  ledger: Ledger;
}

function withSandboxKey(bot: PlannedBot, sandbox: Sandbox, account: string): Bot {
  const { token, secret, userId, screenName } = sandbox.grant(app.token, account);
  const bundle = {
    appKeys: new TokenPair(app.token, app.secret),
    accessToken: new TokenPair(token, secret),
    userId,
    screenName,
    poemFile: bot.poemFile,
  };
  return { ...bot, bundle };
}

/** What the scratch's ledger says of a bot, where the real one says anything. */
function stateOf(
  bot: Bot,
  realBundle: PlannedBot['bundle'],
  { states }: Setting['begun'],
): [string, ReturnType<typeof inScratch>][] {
  const state = states.get(bot.name);
  if (!state) return [];
  const realKey = realBundle && keyMark({ ...bot, bundle: realBundle });
  const account = bot.bundle.userId ?? '';
  return [[bot.name, inScratch(state, { account, key: keyMark(bot), realKey })]];
}

/** A folder for a ledger that need not outlive this process. It is removed with all that is in it when it is disposed of. */
type ScratchFolder = StateFolder & Disposable;

/** What to do about a scratch folder that cannot be written. */
export const otherPlace = 'TMPDIR=DIR names another place for it; it needs a few MB';

/**
 * Makes one among the system's temporary files. Its files are real, and every call is done when it returns, so that one turn
 * of the event loop settles whatever waits for them and a held clock can go on. Nothing is fsynced.
 *
 * @throws {FlockError} `cannotCreate` where there is no place for it
 */
export function openScratchFolder(): ScratchFolder {
  const folder = makeFolder();
  // However the process ends: a scratch folder that stays is found by nobody.
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', remove);
  return {
    ...filesIn(folder),
    [Symbol.dispose]: () => {
      process.off('exit', remove);
      remove();
    },
  };
}

/** Its process is in its name, so that it can be told whether anybody still works in it. */
const scratch = /^flockd-rehearsal-(\d+)-\w{6}$/;

function makeFolder(): string {
  try {
    sweep();
    return mkdtempSync(path.join(tmpdir(), `flockd-rehearsal-${process.pid}-`));
  } catch (cause) {
    throw new FlockError('cannotCreate', `cannot make a scratch folder in ${tmpdir()}: ${reasonOf(cause)}`, {
      hint: otherPlace,
      cause,
    });
  }
}

/** Removes the folders of rehearsals that were killed. What cannot be read or removed is left to whoever can. */
function sweep(): void {
  for (const name of onlyWhereAllowed(() => readdirSync(tmpdir())) ?? []) {
    const owner = scratch.exec(name)?.[1];
    if (owner === undefined || isRunning(Number(owner))) continue;
    onlyWhereAllowed(() => {
      rmSync(path.join(tmpdir(), name), { recursive: true, force: true });
    });
  }
}

function onlyWhereAllowed<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

function filesIn(folder: string): StateFolder {
  const files = new Map<string, number>();
  const placeOf = (name: string): string => path.join(folder, name);
  const fileOf = (name: string): number => {
    const file = files.get(name) ?? openSync(placeOf(name), 'a', 0o600);
    files.set(name, file);
    return file;
  };
  const forget = (name: string): void => {
    const file = files.get(name);
    files.delete(name);
    if (file !== undefined) closeSync(file);
  };
  return {
    path: folder,
    gather: () => Promise.resolve(),
    read: (name) => atOnce(() => readText(placeOf(name))),
    append: (name, text) =>
      atOnce(() => {
        appendFileSync(fileOf(name), text);
      }),
    sync: () => Promise.resolve(),
    verify: () => Promise.resolve(),
    rename: (from, to) =>
      atOnce(() => {
        renameSync(placeOf(from), placeOf(to));
        forget(from);
        forget(to);
      }),
    remove: (name) =>
      atOnce(() => {
        forget(name);
        rmSync(placeOf(name), { force: true });
      }),
    syncNames: () => Promise.resolve(),
    [Symbol.asyncDispose]: () =>
      atOnce(() => {
        for (const name of [...files.keys()]) forget(name);
      }),
  };
}

/** Done before it returns; what it throws is a rejection, as from any other folder. */
const atOnce = <T>(act: () => T): Promise<T> =>
  new Promise((resolve) => {
    resolve(act());
  });

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Every way out of the process that Node has; HTTP, TLS and `fetch` all go through them. */
const waysOut: readonly (readonly [owner: object, names: RegExp])[] = [
  [net.Socket.prototype, /^connect$/],
  [dgram.Socket.prototype, /^(connect|send|sendto)$/],
  ...[dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype].map(
    (owner) => [owner, /^(lookup|resolve|reverse)/] as const,
  ),
];

/**
 * Takes the network away from this process: from now on whoever connects, sends or looks up a name gets an error, and no
 * byte leaves. Disposing of the result gives it back.
 */
export function takeNetworkAway(): Disposable {
  const taken = waysOut.flatMap(([owner, names]) =>
    Object.entries(Object.getOwnPropertyDescriptors(owner))
      .filter(([name]) => names.test(name))
      .map(([name, was]) => ({ owner, name, was })),
  );
  for (const { owner, name, was } of taken) Object.defineProperty(owner, name, { ...was, value: refuse });
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]: () => {
      for (const { owner, name, was } of taken) Object.defineProperty(owner, name, was);
      syncBuiltinESMExports();
    },
  };
}

function refuse(): never {
  throw new Error('a rehearsal has no network');
}
