import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { alarmOf } from '../../src/alarms/alarms.ts';
import { Hooks } from '../../src/alarms/alarms.ts';
import { HeldClock } from '../../src/clock.ts';
import { Address, type AlarmName, type Hook } from '../../src/config/hooks.ts';
import { openSender } from '../../src/http/send.ts';
import { HeardLog } from './heard-log.ts';
import { Collected, Lifeline, WebEnd } from './hook-ends.ts';

const second = 1000;

/** How long a hook is left alone. Milliseconds. */
const rests = [10_000, 60_000, 300_000];

/** A held clock that tells when a hook is left alone for a while. */
class NotingClock extends HeldClock {
  readonly rests = new Collected<number>();

  override at(instant: number, wake: () => void): () => void {
    const cancel = super.at(instant, wake);
    if (rests.includes(instant - this.now())) this.rests.add(instant);
    return cancel;
  }
}

/** Hooks on a held clock, with real commands and real servers. */
export class HookWorld implements AsyncDisposable {
  readonly clock = new NotingClock('2026-03-01T09:00:00Z');
  readonly heard = new HeardLog();
  readonly root = mkdtempSync(path.join(tmpdir(), 'hooks-'));
  readonly lifeline: Lifeline;
  readonly sender = openSender({ deadline: 600 * second, sockets: 8 });
  readonly hooks: Hooks;
  readonly #ends: WebEnd[] = [];

  static async open(...hooks: Hook[]): Promise<HookWorld> {
    const world = new HookWorld(await Lifeline.open());
    if (hooks.length > 0) world.hooks.update(hooks);
    return world;
  }

  private constructor(lifeline: Lifeline) {
    this.lifeline = lifeline;
    const { clock, heard, root } = this;
    this.hooks = new Hooks({ clock, log: heard.log, send: (request) => this.sender.send(request), root });
  }

  async web(...statuses: Parameters<typeof WebEnd.open>): Promise<WebEnd> {
    const end = await WebEnd.open(...statuses);
    this.#ends.push(end);
    return end;
  }

  /** One line of the log. */
  raise(event: AlarmName = 'parked', bot = 'howl'): void {
    const fields = { event, bot, line: 3, why: 'a reason', hint: 'a repair' };
    const alarm = alarmOf({ level: 'error', fields, message: 'is in trouble' }, this.clock.now(), 'UTC');
    if (alarm) this.hooks.tell(alarm);
  }

  async pass(seconds: number): Promise<void> {
    await this.clock.runUntil(this.clock.now() + seconds * second);
  }

  /** Resolves when hooks were left alone, to be tried again later, so often in all. */
  async rests(count: number): Promise<void> {
    await this.clock.rests.until(count);
  }

  /** Everything that was logged, as text. */
  get said(): string {
    return JSON.stringify(this.heard.lines);
  }

  get failures(): string[] {
    return this.heard.of('hook-failed').map(({ hook, why }) => `${hook ?? ''}: ${why ?? ''}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.hooks.end();
    await this.pass(2);
    await ended;
    await this.sender[Symbol.asyncDispose]();
    for (const end of this.#ends) await end[Symbol.asyncDispose]();
    await this.lifeline[Symbol.asyncDispose]();
    rmSync(this.root, { recursive: true });
  }
}

const on: AlarmName[] = ['parked', 'finished'];

/** Hooks on a bot that is parked or finished, which have seven seconds. */
const timeout = 7 * second;
export const commandHook = (...run: string[]): Hook => ({ on, timeout, run });
export const webHook = (url: string): Hook => ({ on, timeout, to: 'webhook', url: new Address(url) });
