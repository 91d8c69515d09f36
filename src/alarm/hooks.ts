import type { Clock } from '../clock.ts';
import type { Alarm, Hook } from '../config/hooks.ts';
import type { Send } from '../http/exchange.ts';
import type { Logger } from '../log.ts';
import { callHook } from './call-hook.ts';
import { Lane } from './lane.ts';
import { whyNotRunnable } from './not-started.ts';
import { type Trouble, tryAgain } from './trouble.ts';

export interface HookOptions {
  clock: Clock;
  log: Logger;
  send: Send;
  /** The flock's folder. */
  root: string;
}

/** Hooks that are told something at the same time. */
const mostAtOnce = 4;

/** How long a webhook that cannot take an alarm now is left alone before each new attempt. Milliseconds. */
const waits = [10_000, 60_000, 300_000];

/** How much longer flockd runs, at most, for hooks that are being told something when it stops. Milliseconds. */
const grace = 2000;

/**
 * Tells alarms to whoever wants to know, beside everything else: nobody waits for it, and nothing throws. A hook is told one
 * alarm after the other, several hooks at once.
 */
export class Hooks {
  readonly #options: HookOptions;
  readonly #stopping = new AbortController();
  readonly #killing = new AbortController();
  #lanes: Lane[] = [];
  #telling = 0;
  #allTold: () => void = () => undefined;

  constructor(options: HookOptions) {
    this.#options = options;
  }

  /** Takes up the hooks of flock.json; one that was there before keeps what it is still to be told. */
  takeUp(hooks: readonly Hook[]): void {
    const known = new Map(this.#lanes.map((lane) => [markOf(lane.hook), lane]));
    this.#lanes = hooks.map((hook, index) => {
      const name = `hooks.${index}`;
      const lane = known.get(markOf(hook)) ?? new Lane(hook, name, this.#options.log);
      known.delete(markOf(hook));
      lane.name = name;
      return lane;
    });
    for (const lane of known.values()) lane.clear();
    for (const lane of this.#lanes) void this.#check(lane);
  }

  /** Tells an alarm to the hooks that want it, as soon as it is their turn. */
  tell(alarm: Alarm): void {
    for (const lane of this.#lanes) lane.offer(alarm);
    this.#pump();
  }

  /** Ends it all. What is being told has a moment to arrive. */
  async end(): Promise<void> {
    this.#stopping.abort();
    if (!this.#isIdle()) await this.#moment();
    this.#killing.abort();
    for (const lane of this.#lanes) {
      if (lane.clear()) lane.note({ why: 'flockd stopped before it was told everything', passes: false });
    }
  }

  #isIdle(): boolean {
    return this.#lanes.every(({ isIdle }) => isIdle);
  }

  #moment(): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const cancel = clock.at(clock.now() + grace, resolve);
      this.#allTold = () => {
        cancel();
        resolve();
      };
    });
  }

  #pump(): void {
    for (const lane of [...this.#lanes]) {
      if (this.#telling >= mostAtOnce || this.#killing.signal.aborted) return;
      const alarm = lane.next();
      if (!alarm) continue;
      // Whoever is told something goes to the end of the row.
      this.#lanes.push(...this.#lanes.splice(this.#lanes.indexOf(lane), 1));
      void this.#tellLane(lane, alarm);
    }
    if (this.#isIdle()) this.#allTold();
  }

  async #tellLane(lane: Lane, alarm: Alarm): Promise<void> {
    const { clock } = this.#options;
    lane.busy = true;
    const patience = { clock, waits, signal: this.#stopping.signal };
    lane.note(await tryAgain(() => this.#attempt(lane, alarm), patience));
    lane.busy = false;
    this.#pump();
  }

  async #attempt({ hook }: Lane, alarm: Alarm): Promise<Trouble | undefined> {
    this.#telling++;
    const { signal } = this.#killing;
    const trouble = await callHook(hook, alarm, { ...this.#options, signal, output: 'nowhere' });
    this.#telling--;
    // This hook may have to wait now, and others need not.
    this.#pump();
    return trouble;
  }

  /** So that a command that is missing is known before there is something to tell. */
  async #check(lane: Lane): Promise<void> {
    if (!('run' in lane.hook)) return;
    const trouble = await whyNotRunnable(lane.hook.run[0] ?? '', this.#options.root);
    // That it could run does not say that what was wrong with it is over.
    if (trouble) lane.note(trouble);
  }
}

/** Equal for hooks that are the same. */
const markOf = (hook: Hook): string =>
  JSON.stringify([hook.on, hook.timeout, 'run' in hook ? hook.run : hook.post.reveal()]);
