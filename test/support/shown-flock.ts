import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { HeldClock } from '../../src/clock.ts';
import { type Bot, type FlockFile, parseFlockFile } from '../../src/config/flock-file.ts';
import { usualPrices } from '../../src/cost.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import { isStopped } from '../../src/daemon/stop-switch.ts';
import { FlockError } from '../../src/errors.ts';
import type { Flock } from '../../src/flock/load.ts';
import { pagesOfX } from '../../src/flock/status.ts';
import type { FlockView } from '../../src/flock/view.ts';
import { EventLog } from '../../src/log.ts';
import { openX } from '../../src/networks/x/client.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { sendInProcess } from '../../src/rehearsal/stage.ts';
import { Sandbox } from '../../src/sandbox/sandbox.ts';
import { Monitor, type MonitorOptions } from '../../src/web/dashboard/monitor.ts';
import { type MonitorParts, SnapshotCache } from '../../src/web/dashboard/snapshot.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';
import { calmWorld } from './daemon-options.ts';

const deadline = 10_000;
const app = { token: 'app-key', secret: 'app-secret' };

/** The real daemon on a held clock against a sandbox in the same process, and the monitor that shows it. */
export class ShownFlock implements AsyncDisposable {
  readonly clock: HeldClock;
  readonly sandbox: Sandbox;
  readonly ledger = new MemoryLedger();
  readonly daemon: Daemon;
  /** What was logged. */
  readonly log: Record<string, unknown>[] = [];
  /** The flock's folder, with its poems and its state. */
  readonly root: string;
  /** The stop switch. */
  stopped = false;
  /** Where its posts are seen. */
  pages = pagesOfX;
  /** Answers of X are lost on their way. */
  deaf = false;
  readonly #file: FlockFile;
  readonly #bots = new Map<string, Bot>();
  readonly #invalidBots: Flock['invalidBots'] = [];
  readonly #texts = new Map<string, string>();
  readonly #monitors: Monitor[] = [];
  #flock: Flock;

  static async open(now: string, settings: Record<string, unknown> = {}): Promise<ShownFlock> {
    const root = await mkdtemp(path.join(tmpdir(), 'shown-'));
    await mkdir(path.join(root, 'poems'));
    await mkdir(path.join(root, 'state'));
    return new ShownFlock(now, settings, root);
  }

  private constructor(now: string, settings: Record<string, unknown>, root: string) {
    this.root = root;
    this.clock = new HeldClock(now);
    this.sandbox = new Sandbox({ clock: this.clock, appKeys: [app], seed: 'shown' });
    this.#file = parseFlockFile(JSON.stringify(settings), 'flock.json');
    this.#flock = this.#read();
    this.daemon = new Daemon({
      ...calmWorld,
      ledger: this.ledger,
      clock: this.clock,
      log: new EventLog(),
      openX: openX(
        'http://127.0.0.1:1',
        sendInProcess((request) => this.#handle(request), { clock: this.clock, deadline }),
        this.clock,
      ),
      deadline,
      readPoem: (file) => Promise.resolve(this.#texts.get(file) ?? ''),
      sockets: 64,
      isStopped: () => this.stopped,
      failed: (cause) => {
        throw cause;
      },
    });
  }

  /** Adds a bot with a poem and a key of its own. */
  async add(name: string, text: string, account = name.replaceAll('-', '_').slice(0, 15)): Promise<void> {
    const poemFile = path.join(this.root, 'poems', `${name}.txt`);
    await writeFile(poemFile, text);
    this.#texts.set(poemFile, text);
    const { token, secret, userId, screenName } = this.sandbox.grant(app.token, account);
    this.#bots.set(name, {
      name: name as BotName,
      bundle: {
        appKeys: new TokenPair(app.token, app.secret),
        accessToken: new TokenPair(token, secret),
        userId,
        screenName,
      },
      poemFile,
      settings: this.#file.settingsOf(name as BotName),
    });
  }

  /** Takes a bot away. */
  remove(name: string): void {
    this.#bots.delete(name);
  }

  /** Adds a bot that cannot post. */
  addMisfit(name: string, message: string, hint: string): void {
    this.#invalidBots.push({ bot: name as BotName, error: new FlockError('data', message, { hint }) });
  }

  /** Lets the daemon take up who is there now. */
  update(): void {
    this.#flock = this.#read();
    this.daemon.update(this.#flock);
    for (const monitor of this.#monitors) monitor.update(this.#flock, this.clock.now());
  }

  /** Lets the time run. */
  async until(instant: string): Promise<void> {
    await this.clock.runUntil(Date.parse(instant));
  }

  /** Uses the sandbox's own control: `accounts/howl/suspend`. */
  control(way: string): void {
    const request = { method: 'POST', url: `/sandbox/${way}`, host: '127.0.0.1:1', headers: {}, body: '{}' };
    const { status } = this.sandbox.handle(request);
    if (status > 299) throw new Error(`the sandbox answered ${status} to ${way}`);
  }

  get parts(): MonitorParts {
    const destination = {
      write: (line: string) => void this.log.push(JSON.parse(line) as Record<string, unknown>),
    };
    return {
      flock: () => this.#flock,
      ledger: this.ledger,
      daemon: this.daemon,
      clock: this.clock,
      log: new EventLog(pino({ base: null }, destination)),
      isStopped: () => this.stopped,
      pages: this.pages,
      state: path.join(this.root, 'state'),
      version: '1.0.0',
    };
  }

  view(): Promise<FlockView> {
    return new SnapshotCache(this.parts).view();
  }

  /** Opens the monitor. @returns where it listens */
  async listen(options: Partial<MonitorOptions> = {}): Promise<string> {
    const listen = { kind: 'port', host: '127.0.0.1', port: 0 } as const;
    const monitor = new Monitor({ listen, names: [], allowControl: false, ...options });
    this.#monitors.push(monitor);
    monitor.update(this.#flock, this.clock.now());
    await monitor.open(this.parts);
    return String(this.log.findLast(({ event }) => event === 'listening')?.['address']);
  }

  /** Ends what {@link listen} began. */
  async endListening(): Promise<void> {
    for (const monitor of this.#monitors.splice(0)) await monitor[Symbol.asyncDispose]();
  }

  /** Whether somebody has thrown the stop switch, which is not this flock's own. */
  get switched(): boolean {
    return isStopped(path.join(this.root, 'state'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endListening();
    await this.daemon.stop();
    await rm(this.root, { recursive: true, force: true });
  }

  #read(): Flock {
    const { timezone, budget } = this.#file;
    return {
      bots: [...this.#bots.values()],
      invalidBots: [...this.#invalidBots],
      keyless: [],
      passedOver: [],
      purse: { prices: usualPrices, timezone, budget },
    };
  }

  #handle(request: Parameters<Sandbox['handle']>[0]): ReturnType<Sandbox['handle']> {
    const answer = this.sandbox.handle(request);
    return this.deaf ? { ...answer, status: 503, body: '' } : answer;
  }
}
