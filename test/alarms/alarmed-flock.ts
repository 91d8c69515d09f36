import { Alarms } from '../../src/alarms/alarms.ts';
import { HeldClock } from '../../src/clock.ts';
import { type FlockFile, parseFlockFile } from '../../src/config/flock-file.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import type { Send } from '../../src/http/exchange.ts';
import { logChanges } from '../../src/ledger/log-events.ts';
import type { BotState } from '../../src/ledger/state.ts';
import { openX } from '../../src/networks/x/client.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import { sendInProcess } from '../../src/rehearsal/stage.ts';
import { Sandbox } from '../../src/sandbox/sandbox.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';
import { calmWorld } from '../support/daemon-options.ts';
import { HeardLog } from './heard-log.ts';

const app = { token: 'app-key', secret: 'app-secret' };
const deadline = 10_000;

type Flock = Parameters<Alarms['update']>[0] & Parameters<Daemon['update']>[0];

/** The real daemon and its alarms on a held clock, put together as `flockd run` does it, with X in the same process. */
export class AlarmedFlock implements AsyncDisposable {
  readonly clock: HeldClock;
  readonly heard = new HeardLog();
  readonly alarms: Alarms;
  readonly ledger: MemoryLedger;
  readonly sandbox: Sandbox;
  /** What the daemon said of its rounds: whether each failed. */
  readonly rounds: boolean[] = [];
  /** The stop switch. */
  stopped = false;
  /** Lets go the reading of poems, where it is held up. */
  unstick: () => void = () => undefined;
  #stuck: Promise<void> | undefined;
  readonly #daemon: Daemon;
  readonly #keys = new Map<string, { token: string; secret: string; userId: string }>();

  /** @param send - how hooks and the ping go out */
  constructor(now: string, poems: Record<string, string[]>, send: Send) {
    this.clock = new HeldClock(now);
    const { clock } = this;
    this.sandbox = new Sandbox({ clock, appKeys: [app], seed: 'alarmed' });
    this.ledger = new MemoryLedger();
    const { log } = this.heard;
    const isStopped = (): boolean => this.stopped;
    const stateOf = (bot: string): BotState | undefined => this.ledger.state(bot);
    this.alarms = new Alarms({ clock, send, log, root: '/srv/flock', stateOf, isStopped });
    this.ledger.subscribe(logChanges(log));
    for (const name of Object.keys(poems)) this.#keys.set(name, this.sandbox.grant(app.token, name));
    const toX = sendInProcess((request) => this.sandbox.handle(request), { clock, deadline });
    this.#daemon = new Daemon({
      ...calmWorld,
      ledger: this.ledger,
      clock,
      log,
      openX: openX('http://127.0.0.1:1', toX, clock),
      deadline,
      readPoem: async (file) => {
        await this.#stuck;
        return (poems[file] ?? []).join('\n');
      },
      sockets: 64,
      isStopped,
      failed: (cause) => {
        throw cause;
      },
      onIdle: (failed) => {
        this.rounds.push(failed);
        this.alarms.onIdle(failed);
      },
    });
  }

  /** Takes up a flock.json, and begins where it has not. */
  update(settings: Record<string, unknown>): void {
    const flock = this.#flockOf(parseFlockFile(JSON.stringify(settings), 'flock.json'));
    this.alarms.update(flock);
    this.#daemon.update(flock);
  }

  #flockOf({ settingsOf, alarms, budget, timezone }: FlockFile): Flock {
    const bots = [...this.#keys].map(([name, { token, secret, userId }]) => ({
      name: name as BotName,
      bundle: {
        appKeys: new TokenPair(app.token, app.secret),
        accessToken: new TokenPair(token, secret),
        userId,
        screenName: name,
        poemFile: name,
      },
      poemFile: name,
      settings: settingsOf(name as BotName),
    }));
    return { bots, invalidBots: [], purse: { ...unlimitedBudget, budget, timezone }, alarms };
  }

  async until(instant: string): Promise<void> {
    await this.clock.runUntil(Date.parse(instant));
  }

  /** Carries out a person's order. */
  async order(order: Parameters<Daemon['execute']>[0]): Promise<void> {
    const carried = this.#daemon.execute(order);
    await this.clock.runUntil(this.clock.now());
    await carried;
  }

  /** Holds up the reading of every poem, as a disk does that stands still. */
  stick(): void {
    this.#stuck = new Promise((resolve) => {
      this.unstick = () => {
        this.#stuck = undefined;
        resolve();
      };
    });
  }

  wakeAll(): void {
    this.#daemon.wakeAll();
  }

  /** Puts a post on a bot's next line that X will not have, or takes it away. */
  control(way: string, body: object = {}): void {
    const request = { method: 'POST', url: `/sandbox/${way}`, host: '127.0.0.1:1', headers: {} };
    const { status } = this.sandbox.handle({ ...request, body: JSON.stringify(body) });
    if (status > 299) throw new Error(`the sandbox answered ${status} to ${way}`);
  }

  postsOf(name: string): string[] {
    const { world } = this.sandbox;
    return world.postsOf(world.accountNamed(name)?.id ?? '').map(({ text }) => text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unstick();
    await this.#daemon.stop();
    const ended = this.alarms[Symbol.asyncDispose]();
    await this.clock.runUntil(this.clock.now() + deadline);
    await ended;
  }
}

export const linesOf = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${word} number ${index + 1}`);
