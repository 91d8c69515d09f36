import assert from 'node:assert/strict';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import pino from 'pino';
import { HeldClock } from '../../src/clock.ts';
import { type Bot, type FlockFile, parseFlockFile } from '../../src/config/flock-file.ts';
import type { Daemon, DaemonOptions } from '../../src/daemon/daemon.ts';
import type { Flock, InvalidBot } from '../../src/flock/load.ts';
import { formatExport, parseExport } from '../../src/ledger/backup.ts';
import type { Ledger } from '../../src/ledger/journal.ts';
import { EventLog } from '../../src/log.ts';
import { timeOfX } from '../../src/networks/x/client.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import type { Command } from '../../src/posting/commands.ts';
import { sendInProcess } from '../../src/rehearsal/stage.ts';
import type { SandboxAnswer, SandboxRequest } from '../../src/sandbox/requests.ts';
import { Sandbox, type SandboxOptions } from '../../src/sandbox/sandbox.ts';
import { billFor } from '../../src/sandbox/world.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';
import { deadline, nowhere, openDaemon } from './daemon.ts';
import { app, otherApp, SandboxFlock } from './flock.ts';

interface HeldFlockOptions extends Partial<SandboxOptions> {
  /** The folder that the files of its poems are said to be in. */
  root?: string;
}

/** The content of flock.json, or of one of its bots. */
type Settings = Record<string, unknown>;

type LoadedFlock = Flock & Pick<FlockFile, 'alarms'>;

interface KeyOptions {
  /** The name of its account, which is otherwise its own. */
  account?: string;
  of?: typeof app;
}

/** The real daemon, posting code and signatures on a held clock, with a ledger in memory and X in the same process. */
export class HeldFlock extends SandboxFlock implements AsyncDisposable {
  readonly root: string;
  readonly clock: HeldClock;
  readonly sandbox: Sandbox;
  ledger = new MemoryLedger();
  /** The content of flock.json. */
  settings: Settings;
  /** The texts of the poems. */
  readonly poems = new Map<string, string>();
  /** The stop switch. */
  stopped = false;
  /** Answers of X are lost on their way. */
  deaf = false;
  /** For how long the next post is held up on its way, while its bot hears nothing. Milliseconds. */
  heldUp: number | undefined;
  /** Bots that take a step at the same time. */
  sockets = 64;
  /** What was logged as an error: what alarms are about. */
  readonly alarms: { event: string; bot?: string; why?: string; hint?: string }[] = [];
  /** What the daemon failed of. */
  readonly failures: unknown[] = [];
  protected readonly invalidBots: InvalidBot[] = [];
  readonly #bots = new Map<string, KeyedBot>();
  readonly #counters: ((path: string) => void)[] = [];
  #stuck: { promise: Promise<void>; resolve: () => void } | undefined;
  #loaded: LoadedFlock | undefined;
  #daemon: Daemon | undefined;

  constructor(now: string, settings: Settings = {}, options: HeldFlockOptions = {}) {
    super();
    const { root = '/srv/flock', ...sandbox } = options;
    this.root = root;
    this.clock = new HeldClock(now);
    this.sandbox = new Sandbox({ clock: this.clock, appKeys: [app, otherApp], seed: 'held', ...sandbox });
    this.settings = settings;
  }

  get daemon(): Daemon {
    return (this.#daemon ??= this.openDaemon());
  }

  /** Adds a bot with a poem, one post a line, and a key of its own. A daemon that runs knows it after {@link update}. */
  add(name: string, lines: string | readonly string[], settings: Settings = {}, key: KeyOptions = {}): void {
    this.poems.set(name, typeof lines === 'string' ? lines : lines.join('\n'));
    this.#giveKey(name, settings, key);
  }

  /** Gives a bot of a daemon that runs a new key. */
  rekey(name: string, settings: Settings = {}, key: KeyOptions = {}): void {
    this.#giveKey(name, settings, key);
    this.update();
  }

  /** Takes a bot away. */
  remove(name: string): void {
    this.#bots.delete(name);
  }

  /** The bundle of a bot gets another name. */
  rename(from: string, to: string): void {
    const bot = this.#bots.get(from) ?? assert.fail(`there is no ${from}`);
    this.#bots.delete(from);
    this.#bots.set(to, bot);
    this.update();
  }

  /** Takes a bot's bundle away and puts it back, as an editor does that writes in place. */
  blink(name: string): void {
    this.lose(name);
    this.update();
  }

  /** The bundle of a bot goes, until the flock is loaded again by {@link update}. */
  lose(name: string): void {
    const { bots, ...flock } = this.flock();
    this.daemon.update({ ...flock, bots: bots.filter((bot) => bot.name !== name) });
  }

  /** The flock as it was loaded last. */
  flock(): LoadedFlock {
    return (this.#loaded ??= this.#load());
  }

  /** Loads the flock again, as a daemon does that notices a change. */
  update(): void {
    this.load();
    this.#daemon?.update(this.flock());
  }

  protected load(): void {
    this.#loaded = this.#load();
  }

  #load(): LoadedFlock {
    const own = [...this.#bots].map(([name, { settings }]) => [name, settings] as const);
    const bots = { ...Object.fromEntries(own), ...(this.settings['bots'] as object | undefined) };
    const file = parseFlockFile(JSON.stringify({ ...this.settings, bots }), 'flock.json');
    const { timezone, budget, alarms } = file;
    // A bot that has not changed stays the same object.
    const known = new Map(this.#loaded?.bots.map((bot) => [bot.name, bot]));
    return {
      bots: Array.from(this.#bots, ([key, bot]) => {
        const name = key as BotName;
        const settings = file.settingsOf(name);
        const before = known.get(name);
        const isSame = before?.bundle === bot.bundle && isDeepStrictEqual(before.settings, settings);
        return isSame
          ? before
          : { name, bundle: bot.bundle, poemFile: bot.poemFile, settings, rules: rulesOfX };
      }),
      invalidBots: [...this.invalidBots],
      keyless: [],
      passedOver: [],
      flockBudget: { ...unlimitedBudget, timezone, budget },
      alarms,
    };
  }

  /** Starts the daemon, or starts it again after {@link stop}. */
  start(): void {
    this.#daemon = this.openDaemon();
    this.update();
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
  }

  /** Lets the time run. */
  async until(instant: string): Promise<void> {
    await this.clock.runUntil(Date.parse(instant));
  }

  /** Carries out a person's order. */
  order(order: Command): Promise<void> {
    return this.daemon.execute(order);
  }

  /** A person's order to go on. */
  resume(bot: string): Promise<void> {
    return this.order({ order: 'resume', bot });
  }

  /** Holds up the reading of every poem, as a disk does that stands still, until {@link unstick}. */
  stick(): void {
    let resolve = (): void => undefined;
    const promise = new Promise<void>((done) => (resolve = done));
    this.#stuck = { promise, resolve };
  }

  unstick(): void {
    this.#stuck?.resolve();
    this.#stuck = undefined;
  }

  /** Calls `each` with the path of every request that reaches the sandbox. */
  count(each: (path: string) => void): void {
    this.#counters.push(each);
  }

  state(name: string): ReturnType<Ledger['state']> {
    return this.ledger.state(name);
  }

  history(): ReturnType<Ledger['history']> {
    return this.ledger.history();
  }

  /** What `flockd export` writes. */
  export(): string {
    const states = new Map(this.ledger.states());
    return formatExport({ at: this.clock.now(), states, history: this.ledger.history() });
  }

  /** What `flockd restore` does, and a start after it. */
  async restore(text: string): Promise<void> {
    await this.stop();
    const { states, history } = parseExport(text, 'export.json');
    this.ledger = new MemoryLedger({ states, history });
    const at = this.clock.now();
    for (const bot of states.keys()) await this.ledger.record({ event: 'restored', bot, at });
    this.start();
  }

  /** Starts again with the state of an old export, as if it had been put back by hand, or with none at all. */
  async rollBack(text?: string): Promise<void> {
    await this.stop();
    this.ledger = new MemoryLedger(text === undefined ? {} : parseExport(text, 'export.json'));
    this.start();
  }

  /** What X would charge for all that was asked of it. US dollars. */
  billed(): number {
    return billFor(this.sandbox.world.usage);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unstick();
    await this.stop();
    assert.deepEqual(this.failures, []);
  }

  /** @param more - what a kind of flock changes about its daemon */
  protected openDaemon(more: Partial<DaemonOptions> = {}): Daemon {
    const { clock, ledger, alarms, sockets } = this;
    const write = (line: string): unknown => alarms.push(JSON.parse(line) as (typeof alarms)[number]);
    // What time it is at X is asked without a key, and counts for nobody.
    const ask = sendInProcess((request) => this.sandbox.handle(request), { clock, deadline });
    return openDaemon({
      ledger,
      clock,
      send: sendInProcess((request) => this.#deliver(request), { clock, deadline }),
      log: new EventLog(pino({ level: 'error' }, { write })),
      askTime: () => timeOfX(nowhere, ask, clock),
      brake: () => {
        this.stopped = true;
        return Promise.resolve();
      },
      readPoem: async (file) => {
        await this.#stuck?.promise;
        return this.poems.get(path.parse(file).name) ?? '';
      },
      sockets,
      isStopped: () => this.stopped,
      failed: (cause) => this.failures.push(cause),
      ...more,
    });
  }

  #giveKey(name: string, settings: Settings, { account = name, of = app }: KeyOptions): void {
    const poemFile = path.join(this.root, 'poems', `${name}.txt`);
    this.#bots.set(name, { bundle: this.keyOf(account, of), poemFile, settings });
  }

  #deliver(request: SandboxRequest): SandboxAnswer {
    for (const each of this.#counters) each(request.url);
    const { heldUp } = this;
    if (heldUp !== undefined && request.method === 'POST') {
      this.heldUp = undefined;
      this.clock.at(this.clock.now() + heldUp, () => this.sandbox.handle(request));
      return { status: 200, headers: {}, body: '', fault: { kind: 'hang' } };
    }
    const answer = this.sandbox.handle(request);
    return this.deaf ? { ...answer, status: 503, body: '' } : answer;
  }
}

type KeyedBot = Pick<Bot, 'bundle' | 'poemFile'> & { settings: Settings };
