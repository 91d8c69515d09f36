import pino from 'pino';
import { HeldClock } from '../../src/clock.ts';
import { type Bot, type BotSettings, parseFlockFile } from '../../src/config/flock-file.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import { formatExport, parseExport } from '../../src/ledger/backup.ts';
import type { Ledger } from '../../src/ledger/journal.ts';
import { EventLog } from '../../src/log.ts';
import { askTime, openX } from '../../src/networks/x/client.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { unlimitedBudget, type FlockBudget } from '../../src/posting/budget.ts';
import type { Command } from '../../src/posting/commands.ts';
import { sendInProcess } from '../../src/rehearsal/stage.ts';
import {
  Sandbox,
  type SandboxAnswer,
  type SandboxOptions,
  type SandboxRequest,
} from '../../src/sandbox/sandbox.ts';
import { billFor } from '../../src/sandbox/world.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';
import { calmWorld } from '../support/daemon-options.ts';

const deadline = 10_000;
const app = { token: 'app-key', secret: 'app-secret' };
/** The app of bots that are to have another one. */
export const otherApp = { token: 'other-key', secret: 'other-secret' };

/** The real daemon, posting code and signatures on a held clock, against a sandbox in the same process. */
export class HeldFlock {
  readonly clock: HeldClock;
  readonly sandbox: Sandbox;
  readonly poems = new Map<string, string>();
  readonly failures: unknown[] = [];
  /** What every poem's file is read as, where it cannot be read at once. */
  stuck: Promise<string> | undefined;
  /** The stop switch. */
  stopped = false;
  /** For how long the next post is held up on its way, while its bot hears nothing. Milliseconds. */
  heldUp: number | undefined;
  /** What was logged as an error: what alarms are about. */
  readonly alarms: { event: string; bot?: string; why?: string; hint?: string }[] = [];
  /** Bots that take a step at the same time. */
  sockets = 64;
  readonly #counters: ((path: string) => void)[] = [];
  readonly #bots = new Map<string, Bot>();
  readonly #settings: Record<string, unknown>;
  readonly #purse: FlockBudget;
  #ledger: Ledger = new MemoryLedger();
  #daemon: Daemon | undefined;

  constructor(now: string, settings: Record<string, unknown>, options: Partial<SandboxOptions> = {}) {
    this.clock = new HeldClock(now);
    this.sandbox = new Sandbox({ clock: this.clock, appKeys: [app, otherApp], seed: 'held', ...options });
    this.#settings = settings;
    const { timezone, budget } = parseFlockFile(JSON.stringify(settings), 'flock.json');
    this.#purse = { ...unlimitedBudget, timezone, budget };
  }

  /** Adds a bot with a poem, one post a line, and a key of its own. */
  add(name: string, lines: string[], settings: Record<string, unknown> = {}, of = app): void {
    this.poems.set(name, lines.join('\n'));
    this.rekey(name, settings, name, of);
  }

  /** Calls `each` with the path of every request that reaches the sandbox. */
  count(each: (path: string) => void): void {
    this.#counters.push(each);
  }

  /** Takes a bot's bundle away and puts it back, as an editor does that writes in place. */
  blink(name: string): void {
    this.lose(name);
    this.regain();
  }

  /** The bundle of a bot goes. */
  lose(name: string): void {
    const bots = [...this.#bots.values()].filter((bot) => bot.name !== name);
    this.#daemon?.update({ bots, invalidBots: [], purse: this.#purse });
  }

  /** All bundles are there again. */
  regain(): void {
    this.#daemon?.update({ bots: [...this.#bots.values()], invalidBots: [], purse: this.#purse });
  }

  /** The bundle of a bot gets another name. */
  rename(from: string, to: string): void {
    const bot = this.#bots.get(from);
    this.#bots.delete(from);
    if (bot) this.#bots.set(to, { ...bot, name: to as BotName });
    this.regain();
  }

  /** For how long something is overdue. Milliseconds. */
  overdue(): number {
    return this.#daemon?.overdue() ?? 0;
  }

  /** A person's order to go on. */
  resume(bot: string): Promise<void> {
    return this.order({ order: 'resume', bot });
  }

  /** A person's order. */
  order(order: Command): Promise<void> {
    return this.#daemon?.execute(order) ?? Promise.resolve();
  }

  /** Gives a bot a new key for its account. */
  rekey(name: string, settings: Record<string, unknown> = {}, account = name, of = app): void {
    const { token, secret, userId, screenName } = this.sandbox.grant(of.token, account);
    this.#bots.set(name, {
      name: name as BotName,
      bundle: {
        appKeys: new TokenPair(of.token, of.secret),
        accessToken: new TokenPair(token, secret),
        userId,
        screenName,
      },
      poemFile: name,
      settings: this.#settingsOf(name, settings),
    });
    this.#daemon?.update({ bots: [...this.#bots.values()], invalidBots: [], purse: this.#purse });
  }

  /** Starts the daemon, or starts it again after {@link stop}. */
  start(): void {
    const { clock, alarms } = this;
    const api = 'http://127.0.0.1:1';
    const send = sendInProcess(
      (request) => {
        for (const each of this.#counters) each(request.url);
        return this.#deliver(request);
      },
      { clock, deadline },
    );
    // What time it is at X is asked without a key, and counts for nobody.
    const ask = sendInProcess((request) => this.sandbox.handle(request), { clock, deadline });
    this.#daemon = new Daemon({
      ...calmWorld,
      ledger: this.#ledger,
      clock,
      log: new EventLog(
        pino(
          { level: 'error' },
          { write: (line: string) => alarms.push(JSON.parse(line) as (typeof alarms)[number]) },
        ),
      ),
      askTime: askTime(api, ask, clock),
      openX: openX(api, send, clock),
      brake: () => {
        this.stopped = true;
        return Promise.resolve();
      },
      deadline,
      readPoem: (file) => this.stuck ?? Promise.resolve(this.poems.get(file) ?? ''),
      sockets: this.sockets,
      isStopped: () => this.stopped,
      failed: (cause) => this.failures.push(cause),
    });
    this.#daemon.update({ bots: [...this.#bots.values()], invalidBots: [], purse: this.#purse });
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
  }

  /** Lets the time run. */
  async until(instant: string): Promise<void> {
    await this.clock.runUntil(Date.parse(instant));
  }

  state(name: string): ReturnType<Ledger['state']> {
    return this.#ledger.state(name);
  }

  history(): ReturnType<Ledger['history']> {
    return this.#ledger.history();
  }

  /** What `flockd export` writes. */
  export(): string {
    const states = new Map(this.#ledger.states());
    return formatExport({ at: this.clock.now(), states, history: this.#ledger.history() });
  }

  /** What `flockd restore` does, and a start after it. */
  async restore(text: string): Promise<void> {
    await this.stop();
    const { states, history } = parseExport(text, 'export.json');
    this.#ledger = new MemoryLedger({ states, history });
    const at = this.clock.now();
    for (const bot of states.keys()) await this.#ledger.record({ event: 'restored', bot, at });
    this.start();
  }

  /** Starts again with the state of an old export, as if it had been put back by hand, or with none at all. */
  async rollBack(text?: string): Promise<void> {
    await this.stop();
    this.#ledger = new MemoryLedger(text === undefined ? {} : parseExport(text, 'export.json'));
    this.start();
  }

  /** What X would charge for all that was asked of it. US dollars. */
  billed(): number {
    return billFor(this.sandbox.world.usage);
  }

  /** What a bot's account shows, oldest first. */
  postsOf(name: string): string[] {
    return this.log(name).map(({ text }) => text);
  }

  /** When it was posted. */
  timesOf(name: string): string[] {
    return this.log(name).map(({ instant }) => new Date(instant).toISOString());
  }

  log(name: string): { text: string; instant: number }[] {
    const { world } = this.sandbox;
    return [...world.postsOf(world.accountNamed(name)?.id ?? '')].sort((a, b) =>
      BigInt(a.id) < BigInt(b.id) ? -1 : 1,
    );
  }

  /** Uses the sandbox's own control: `accounts/howl/suspend`. */
  control(way: string, body?: object): void {
    const request = {
      method: 'POST',
      url: `/sandbox/${way}`,
      host: '127.0.0.1:1',
      headers: {},
      body: JSON.stringify(body ?? {}),
    };
    const { status } = this.sandbox.handle(request);
    if (status > 299) throw new Error(`the sandbox answered ${status} to ${way}`);
  }

  #deliver(request: SandboxRequest): SandboxAnswer {
    const { heldUp } = this;
    if (heldUp === undefined || request.method !== 'POST') return this.sandbox.handle(request);
    this.heldUp = undefined;
    this.clock.at(this.clock.now() + heldUp, () => this.sandbox.handle(request));
    return { status: 200, headers: {}, body: '', fault: { kind: 'hang' } };
  }

  #settingsOf(name: string, own: Record<string, unknown>): BotSettings {
    const file = JSON.stringify({ ...this.#settings, bots: { [name]: own } });
    return parseFlockFile(file, 'flock.json').settingsOf(name as BotName);
  }
}
