import dgram from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import * as z from 'zod';
import { type Clock, HeldClock, sleepUntil } from '../clock.ts';
import type { Bot } from '../config/flock-file.ts';
import { Daemon } from '../daemon/daemon.ts';
import { type HttpAnswer, type HttpRequest, NoAnswer, type Send, defaultSockets } from '../http/exchange.ts';
import type { StateFolder } from '../ledger/folder.ts';
import { type Change, formatSnapshot, Journal, type Ledger } from '../ledger/journal.ts';
import type { FlockHistory } from '../ledger/history.ts';
import type { BotState } from '../ledger/state.ts';
import { EventLog } from '../log.ts';
import { openX } from '../networks/x/client.ts';
import { TokenPair } from '../oauth/signature.ts';
import type { BotToPlan } from '../plan/plan.ts';
import { asKept } from '../poems/tweet-text.ts';
import { keyMark } from '../posting/bot-runner.ts';
import type { FlockBudget } from '../posting/budget.ts';
import {
  claimedToken,
  type Fault,
  Sandbox,
  type SandboxAnswer,
  type SandboxRequest,
} from '../sandbox/sandbox.ts';
import { SeededRandom } from '../sandbox/world.ts';
import type { RehearsedPost } from './check-posts.ts';

type Delivery = SandboxAnswer['fault'];

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

function timeTaken(fault: Delivery, length: number): number {
  if (fault?.kind === 'hang') return Infinity;
  if (fault?.kind === 'delay') return fault.ms;
  return fault?.kind === 'trickle' ? fault.ms * length : 0;
}

/** What is left of the answer after its fault, as a client that asked for no compression sees it. */
function received(answer: HttpAnswer, fault: Delivery): HttpAnswer {
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

/** What a bot is in a rehearsal, where its real account and posts are not. */
interface RehearsedAs {
  /** Its account's id in the sandbox. */
  account: string;
  /** The mark of the key it has in the sandbox. */
  key: string;
  /** The mark of its real key, or of the one it was parked with where it has none. */
  realKey: string;
}

/**
 * A bot's real state as it can go on in the sandbox: its place, what is served, owed and spent stay. Real posts are not on the
 * sandbox's timeline, so nothing is looked for after them; a bot that is parked stays so, unless its key was replaced since.
 */
export function inSandbox(state: BotState, { account, key, realKey }: RehearsedAs): BotState {
  const { last, open, parked, ...rest } = state;
  return {
    ...rest,
    account,
    ...(last && { last: without(last, 'id') }),
    ...(open && { open: without(open, 'since') }),
    ...(parked && { parked: realKey === parked.key ? { ...parked, key } : parked }),
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

/** A bot with a key of the sandbox. */
type RehearsedBot = BotToPlan & Bot;

export interface HarnessOptions {
  bots: readonly BotToPlan[];
  purse: FlockBudget;
  history: FlockHistory;
  /** Milliseconds since 1970. */
  from: number;
  /** The share of requests that are spoiled. */
  faults: number;
  seed: string;
  /** Comes between the daemon and its ledger. */
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
  readonly transport: RehearsalTransport;
  readonly bots: readonly RehearsedBot[];
  readonly ledger: Ledger;
  /** How often each bot had to wait for a budget, which its ledger does not show. */
  readonly budgetWaits = new Map<string, number>();
  readonly #daemon: Daemon;
  readonly #purse: FlockBudget;
  #failure: { cause: unknown } | undefined;

  private constructor(
    { purse, faults, seed, through }: HarnessOptions,
    { clock, sandbox, bots, journal }: Pick<Harness, 'clock' | 'sandbox' | 'bots'> & { journal: Journal },
  ) {
    this.clock = clock;
    this.sandbox = sandbox;
    this.bots = bots;
    this.ledger = through(journal);
    this.#purse = purse;
    this.mix = new FaultMix(faults, seed);
    this.transport = new RehearsalTransport(sandbox, this.mix, clock);
    const log = new EventLog();
    log.subscribe(({ fields: { event, bot = '' } }) => {
      if (event === 'budget-reached') this.budgetWaits.set(bot, (this.budgetWaits.get(bot) ?? 0) + 1);
    });
    const texts = new Map(bots.map(({ poemFile, text }) => [poemFile, text]));
    const send = sendInProcess((request) => this.transport.handle(request), { clock, deadline });
    this.#daemon = new Daemon({
      ledger: this.ledger,
      clock,
      log,
      openX: openX('http://127.0.0.1:1', send, clock),
      // On a clock that is held there is none but it.
      askTime: () => Promise.resolve({ ahead: 0, isOfX: true }),
      deadline,
      readPoem: (file) => Promise.resolve(texts.get(file) ?? ''),
      sockets: defaultSockets,
      writtenAt: () => undefined,
      isStopped: () => false,
      brake: () => Promise.resolve(),
      failed: (cause) => (this.#failure ??= { cause }),
    });
  }

  /** Sets everything up; no bot posts yet. */
  static async open(options: HarnessOptions): Promise<Harness> {
    const clock = new HeldClock(options.from);
    const sandbox = new Sandbox({ clock, appKeys: [app], seed: options.seed });
    const bots = options.bots.map((bot, index) => withSandboxKey(bot, sandbox, `bot_${index + 1}`));
    const states = new Map(bots.flatMap((bot) => (bot.state ? [[bot.name, stateIn(bot, bot.state)]] : [])));
    const folder = openMemoryFolder();
    const snapshot = formatSnapshot(states.size + 1, { states, history: options.history });
    await folder.append('journal.jsonl', snapshot);
    const journal = await Journal.open(folder);
    journal.subscribe(options.changed);
    return new Harness(options, { clock, sandbox, bots, journal });
  }

  /** Lets the flock post. */
  begin(): void {
    this.#daemon.update({ bots: [...this.bots], invalidBots: [], purse: this.#purse });
  }

  /** Pauses the flock; what is in doubt is still settled. */
  rest(): void {
    const resting = this.bots.map((bot) => ({ ...bot, settings: { ...bot.settings, paused: true } }));
    this.#daemon.update({ bots: resting, invalidBots: [], purse: this.#purse });
  }

  /** Advances the clock. @throws what made the daemon give up */
  async until(instant: number): Promise<void> {
    await this.clock.runUntil(instant);
    if (this.#failure) throw this.#failure.cause;
  }

  /** Whether any bot has a post in doubt. */
  inDoubt(): boolean {
    return this.bots.some(({ name }) => this.ledger.state(name)?.open !== undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Steps that wait for an answer would wait for a clock that no longer advances; nothing is lost with them.
    void this.#daemon.stop();
    await this.ledger[Symbol.asyncDispose]();
  }
}

function withSandboxKey(bot: BotToPlan, sandbox: Sandbox, account: string): RehearsedBot {
  const { token, secret, userId, screenName } = sandbox.grant(app.token, account);
  const bundle = {
    appKeys: new TokenPair(app.token, app.secret),
    accessToken: new TokenPair(token, secret),
    userId,
    screenName,
  };
  return { ...bot, bundle };
}

const stateIn = (bot: RehearsedBot, state: BotState): BotState =>
  inSandbox(state, { account: bot.bundle.userId ?? '', key: keyMark(bot), realKey: bot.key });

/**
 * A folder for the ledger of a rehearsal, in memory. Every call is done when it returns, so that one turn of the event loop
 * settles all that waits for it and the held clock can go on.
 */
export function openMemoryFolder(): StateFolder {
  const files = new Map<string, string>();
  const done = Promise.resolve();
  const act = (change: () => unknown): Promise<void> => {
    change();
    return done;
  };
  return {
    path: 'memory',
    gather: () => done,
    read: (name) => Promise.resolve(files.get(name)),
    append: (name, text) => act(() => files.set(name, (files.get(name) ?? '') + text)),
    sync: () => done,
    verify: () => done,
    rename: (from, to) =>
      act(() => {
        files.set(to, files.get(from) ?? '');
        files.delete(from);
      }),
    remove: (name) => act(() => files.delete(name)),
    syncNames: () => done,
    [Symbol.asyncDispose]: () => done,
  };
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
