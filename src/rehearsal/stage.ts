import dgram from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import * as z from 'zod';
import { type Clock, HeldClock, sleepUntil } from '../clock.ts';
import type { Bot } from '../config/flock-file.ts';
import { Daemon } from '../daemon/daemon.ts';
import { type HttpAnswer, NoAnswer, type Send, defaultSockets } from '../http/exchange.ts';
import type { StateFolder } from '../ledger/folder.ts';
import { type Change, formatSnapshot, Journal, type Ledger } from '../ledger/journal.ts';
import type { FlockHistory } from '../ledger/history.ts';
import type { BotState } from '../ledger/state.ts';
import { EventLog } from '../log.ts';
import type { NetworkName } from '../networks/network.ts';
import { openNetworks } from '../networks/networks.ts';
import { type BotKey, noApp, TokenPair } from '../oauth/signature.ts';
import type { BotToPlan } from '../plan/plan.ts';
import { asKept } from '../poems/tweet-text.ts';
import { keyMark } from '../posting/bot-runner.ts';
import type { FlockBudget } from '../posting/budget.ts';
import type { SandboxAnswer, SandboxRequest } from '../sandbox/requests.ts';
import type { Fault } from '../sandbox/faults.ts';
import { claimedToken, Sandbox } from '../sandbox/sandbox.ts';
import { SeededRandom } from '../sandbox/world.ts';
import type { RehearsedPost } from './check-posts.ts';

/**
 * A transport that ends in a sandbox of the same process: no socket, and faults take their time on the clock
 * that is given, so that a rehearsal meets them as the daemon would.
 *
 * @param deadline - the most a request may take before it counts as unanswered, in milliseconds
 */
export function sendInProcess(
  handle: (request: SandboxRequest) => SandboxAnswer,
  { clock, deadline }: { clock: Clock; deadline: number },
): Send {
  return async ({ method, url, headers, body = '' }) => {
    const until = clock.now() + deadline;
    const { host, pathname, search } = new URL(url);
    const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
    const request = { method, url: pathname + search, host, headers: Object.fromEntries(lower), body };
    const { fault, ...answer } = handle(request);
    const took = timeTaken(fault, answer.body.length);
    if (clock.now() + took > until) {
      await sleepUntil(clock, until);
      throw new NoAnswer(`no whole answer within ${deadline / 1000} s`, { sent: true });
    }
    if (took > 0) await sleepUntil(clock, clock.now() + took);
    return received(answer, fault);
  };
}

function timeTaken(fault: SandboxAnswer['fault'], length: number): number {
  if (fault?.kind === 'hang') return Infinity;
  if (fault?.kind === 'delay') return fault.ms;
  return fault?.kind === 'trickle' ? fault.ms * length : 0;
}

/** What is left of the answer after its fault, as a client that asked for no compression sees it. */
function received(answer: HttpAnswer, fault: SandboxAnswer['fault']): HttpAnswer {
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
 * What a bad day with a network is made of, each as likely as the others. A request that lands late lands within its deadline, and
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

/**
 * A bot's real state as it can go on in the sandbox: its place, what is served, owed and spent stay. Real posts are not on the
 * sandbox's timeline, so nothing is looked for after them; a bot that is parked stays so, unless its key was replaced since.
 *
 * @param as - its account's id and the mark of its key in the sandbox, and the mark of its real key, or of the one it was parked
 * with where it has none
 */
export function inSandbox(state: BotState, as: { account: string; key: string; realKey: string }): BotState {
  const { last, open, parked, ...rest } = state;
  const { account, key, realKey } = as;
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
  readonly mix: FaultMix;
  readonly #sandbox: Sandbox;
  readonly #clock: Clock;
  readonly #repeats = new Map<string, RehearsedPost[]>();
  /** The posts that spoiled looks at a timeline may have shown: X may charge for them or not, and no ledger can know. */
  unsureReads = 0;

  constructor(sandbox: Sandbox, mix: FaultMix, clock: Clock) {
    this.#sandbox = sandbox;
    this.mix = mix;
    this.#clock = clock;
  }

  handle(request: SandboxRequest): SandboxAnswer {
    const fault = this.mix.draw();
    if (fault) {
      this.#sandbox.faults.add({ fault, times: 1 });
      this.unsureReads += Number(new URLSearchParams(request.url.split('?')[1]).get('max_results') ?? 0);
    }
    const answer = this.#sandbox.handle(request);
    if (answer.status === 403 && answer.body.includes('duplicate content')) {
      const { text } = post.parse(JSON.parse(request.body));
      const repeats = this.repeatsOf(claimedToken(request) ?? '');
      repeats.push({ text: asKept(text), instant: this.#clock.now() });
    }
    return answer;
  }

  /** What an account with this access token was refused as a repetition, oldest first. */
  repeatsOf(token: string): RehearsedPost[] {
    const repeats = this.#repeats.get(token) ?? [];
    this.#repeats.set(token, repeats);
    return repeats;
  }
}

interface HarnessOptions {
  bots: readonly BotToPlan[];
  flockBudget: FlockBudget;
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

/**
 * The real daemon, ledger, posting code and signatures, with a clock that is held and the networks in a box. No socket is needed, and no bot
 * posts yet.
 */
export async function openHarness(options: HarnessOptions) {
  const { flockBudget, history, from, faults, seed, through, changed } = options;
  const clock = new HeldClock(from);
  const maxCharacters = Math.max(500, ...options.bots.map(({ rules }) => rules.maxWeight));
  const sandbox = new Sandbox({ clock, appKeys: [app], seed, mastodon: { maxCharacters } });
  const bots = options.bots.map((bot, index) => withSandboxKey(bot, sandbox, `bot_${index + 1}`));
  const states = new Map(bots.flatMap((bot) => (bot.state ? [[bot.name, stateIn(bot, bot.state)]] : [])));
  const folder = openMemoryFolder();
  await folder.append('journal.jsonl', formatSnapshot(states.size + 1, { states, history }));
  const journal = await Journal.open(folder);
  journal.subscribe(changed);
  const ledger = through(journal);
  const transport = new RehearsalTransport(sandbox, new FaultMix(faults, seed), clock);
  const budgetWaits = new Map<string, number>();
  const log = new EventLog();
  log.subscribe(({ fields: { event, bot = '' } }) => {
    if (event === 'budget-reached') budgetWaits.set(bot, (budgetWaits.get(bot) ?? 0) + 1);
  });
  const texts = new Map(bots.map(({ poemFile, text }) => [poemFile, text]));
  const send = sendInProcess((request) => transport.handle(request), { clock, deadline });
  let failure: { cause: unknown } | undefined;
  const daemon = new Daemon({
    ledger,
    clock,
    log,
    openAccount: openNetworks({ api: origin, directory: `${origin}/bluesky/plc` }, send, clock).openAccount,
    // On a clock that is held there is none but it.
    askTime: () => Promise.resolve({ ahead: 0, isOwn: true }),
    deadline,
    readPoem: (file) => Promise.resolve(texts.get(file) ?? ''),
    sockets: defaultSockets,
    writtenAt: () => undefined,
    isStopped: () => false,
    brake: () => Promise.resolve(),
    failed: (cause) => (failure ??= { cause }),
  });
  return {
    clock,
    sandbox,
    transport,
    bots,
    ledger,
    /** How often each bot had to wait for a budget, which its ledger does not show. */
    budgetWaits,
    /** Lets the flock post, or pauses it; what is in doubt is still settled. */
    setPaused(isPaused: boolean): void {
      const paused = (bot: RehearsedBot) => ({ ...bot, settings: { ...bot.settings, paused: true } });
      daemon.update({ bots: isPaused ? bots.map(paused) : bots, invalidBots: [], flockBudget });
    },
    /** Advances the clock. @throws what made the daemon give up */
    async until(instant: number): Promise<void> {
      await clock.runUntil(instant);
      if (failure) throw failure.cause;
    },
    /** Whether any bot has a post in doubt. */
    inDoubt: (): boolean => bots.some(({ name }) => ledger.state(name)?.open !== undefined),
    async [Symbol.asyncDispose](): Promise<void> {
      // Steps that wait for an answer would wait for a clock that no longer advances; nothing is lost with them.
      void daemon.stop();
      await ledger[Symbol.asyncDispose]();
    },
  };
}

/** The address of the sandbox, where nothing is asked for: no request leaves the process. */
const origin = 'http://127.0.0.1:1';

/** A bot with a key of the sandbox, and the id that its account has in the sandbox's world. */
type RehearsedBot = BotToPlan & Bot & { accountId: string };

function withSandboxKey(bot: BotToPlan, sandbox: Sandbox, account: string): RehearsedBot {
  const { accountId, ...bundle } = keyMakers[bot.network.name](sandbox, account);
  return { ...bot, bundle, accountId };
}

/** Makes an account of a network in the sandbox, and its key. */
type MakeKey = (sandbox: Sandbox, account: string) => BotKey & { accountId: string };

const keyMakers: Record<NetworkName, MakeKey> = {
  x(sandbox, account) {
    const { token, secret, userId, screenName } = sandbox.grant(app.token, account);
    const appKeys = new TokenPair(app.token, app.secret);
    return { appKeys, accessToken: new TokenPair(token, secret), userId, screenName, accountId: userId };
  },
  mastodon(sandbox, account) {
    const { token, userId, screenName } = sandbox.grantMastodon(app.token, account);
    return {
      appKeys: new TokenPair(app.token, app.secret),
      accessToken: new TokenPair(token, ''),
      ...{ userId, screenName, provider: 'mastodon', server: `${origin}/mastodon`, accountId: userId },
    };
  },
  bluesky(sandbox, name) {
    const { account, did, handle, server, appPassword } = sandbox.grantBluesky(name);
    return {
      appKeys: noApp,
      accessToken: new TokenPair(appPassword, ''),
      ...{
        userId: did,
        screenName: handle,
        provider: 'bluesky',
        server: origin + server,
        accountId: account.id,
      },
    };
  },
};

const stateIn = (bot: RehearsedBot, state: BotState): BotState =>
  inSandbox(state, { account: bot.bundle.userId ?? '', key: keyMark(bot), realKey: bot.key });

/**
 * A folder for the ledger of a rehearsal, in memory. Every call is done when it returns, so that one turn of the event loop
 * settles all that waits for it and the held clock can go on.
 */
export function openMemoryFolder(): StateFolder {
  const files = new Map<string, string>();
  const done = (_change?: unknown): Promise<void> => Promise.resolve();
  return {
    path: 'memory',
    gather: done,
    read: (name) => Promise.resolve(files.get(name)),
    append: (name, text) => done(files.set(name, (files.get(name) ?? '') + text)),
    sync: done,
    verify: done,
    rename: (from, to) => done(files.set(to, files.get(from) ?? '').delete(from)),
    remove: (name) => done(files.delete(name)),
    syncNames: done,
    [Symbol.asyncDispose]: done,
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
