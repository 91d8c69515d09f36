import type { Clock } from '../clock.ts';
import type { Address, Hook } from '../config/hooks.ts';
import type { Send } from '../http/exchange.ts';
import type { EventLog } from '../log.ts';
import { type Alarm, callHook, ping, shownHook, type Trouble, tryAgain, whyNotRunnable } from './call.ts';

/*
 * The hooks and the ping of flock.json, while the daemon runs: queues, retries and what the log says of them. Nothing waits for
 * them, and nothing here throws.
 */

const maxWaiting = 100;

class HookQueue {
  readonly hook: Hook;
  /** Its place in flock.json. */
  name = '';
  /** Whether it is being called, or waits to be called again after a failure. */
  busy = false;
  readonly #log: EventLog;
  readonly #waiting: Alarm[] = [];
  /** The number of alarms dropped since the queue was empty. */
  #dropped = 0;

  constructor(hook: Hook, log: EventLog) {
    this.hook = hook;
    this.#log = log;
  }

  get isIdle(): boolean {
    return !this.busy && this.#waiting.length === 0;
  }

  /** Adds an alarm, if the hook subscribes to it. */
  offer(alarm: Alarm): void {
    if (!this.hook.on.some((name) => name === alarm.event)) return;
    this.#waiting.push(alarm);
    if (this.#waiting.length <= maxWaiting) return;
    this.#waiting.shift();
    if (++this.#dropped === 1)
      this.#complain(`more than ${maxWaiting} alarms wait for it; the oldest are dropped`);
  }

  /** The next alarm, if the hook can be called now. */
  next(): Alarm | undefined {
    return this.busy ? undefined : this.#waiting.shift();
  }

  /** Drops the alarms that wait. @returns whether there were any */
  clear(): boolean {
    return this.#waiting.splice(0).length > 0;
  }

  /** Logs the outcome of a call: a trouble once, until a call succeeds. */
  note(trouble: Trouble | undefined): void {
    if (!trouble) this.#log.forget(this);
    else if (this.#log.isNews(this, trouble.why)) this.#complain(trouble.why, trouble.hint);
    if (this.#dropped === 0 || this.#waiting.length > 0) return;
    this.#complain(`it was too slow, and ${this.#dropped} alarms were dropped`);
    this.#dropped = 0;
  }

  #complain(why: string, hint?: string): void {
    const { name: hook } = this;
    const fields = { event: 'hook-failed', hook, why, ...(hint !== undefined && { hint }) };
    const named = `${hook} (${shownHook(this.hook)})`;
    this.#log.error(fields, `${named}: ${why}${hint === undefined ? '' : `; ${hint}`}`);
  }
}

interface HookOptions {
  clock: Clock;
  log: EventLog;
  send: Send;
  /** The flock's folder. */
  root: string;
}

const maxConcurrent = 4;

/** The time before each new attempt at a hook. Milliseconds. */
const hookWaits = [10_000, 60_000, 300_000];

/** The maximum time that a stopping flockd waits for calls under way. Milliseconds. */
const grace = 2000;

/** Calls the hooks: each with one alarm after the other, several hooks at once. */
export class Hooks {
  readonly #options: HookOptions;
  readonly #stopping = new AbortController();
  readonly #killing = new AbortController();
  #queues: HookQueue[] = [];
  #calls = 0;
  #idle: () => void = () => undefined;

  constructor(options: HookOptions) {
    this.#options = options;
  }

  /** Uses these hooks of flock.json from now on. A hook that was there before keeps its queue. */
  update(hooks: readonly Hook[]): void {
    const known = new Map(this.#queues.map((queue) => [markOf(queue.hook), queue]));
    this.#queues = hooks.map((hook, index) => {
      const queue = known.get(markOf(hook)) ?? new HookQueue(hook, this.#options.log);
      known.delete(markOf(hook));
      queue.name = `hooks.${index}`;
      return queue;
    });
    for (const queue of known.values()) queue.clear();
    for (const queue of this.#queues) void this.#check(queue);
  }

  /** Sends an alarm to the hooks that subscribe to it. */
  tell(alarm: Alarm): void {
    for (const queue of this.#queues) queue.offer(alarm);
    this.#pump();
  }

  /** Stops. Calls under way have a moment to end. */
  async end(): Promise<void> {
    this.#stopping.abort();
    await this.#idleOrLate();
    this.#killing.abort();
    for (const queue of this.#queues) {
      if (queue.clear()) queue.note({ why: 'flockd stopped before it was told everything', passes: false });
    }
  }

  #isIdle(): boolean {
    return this.#queues.every(({ isIdle }) => isIdle);
  }

  async #idleOrLate(): Promise<void> {
    const { clock } = this.#options;
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.at(clock.now() + grace, resolve);
      this.#idle = () => {
        cancel();
        resolve();
      };
    });
  }

  #pump(): void {
    for (const queue of [...this.#queues]) {
      if (this.#calls >= maxConcurrent || this.#killing.signal.aborted) return;
      const alarm = queue.next();
      if (!alarm) continue;
      // The hook goes behind the others.
      this.#queues.push(...this.#queues.splice(this.#queues.indexOf(queue), 1));
      void this.#call(queue, alarm);
    }
    if (this.#isIdle()) this.#idle();
  }

  async #call(queue: HookQueue, alarm: Alarm): Promise<void> {
    const { clock } = this.#options;
    queue.busy = true;
    const retry = { clock, waits: hookWaits, signal: this.#stopping.signal };
    queue.note(await tryAgain(() => this.#attempt(queue, alarm), retry));
    queue.busy = false;
    this.#pump();
  }

  async #attempt({ hook }: HookQueue, alarm: Alarm): Promise<Trouble | undefined> {
    this.#calls++;
    const { signal } = this.#killing;
    const trouble = await callHook(hook, alarm, { ...this.#options, signal, output: 'nowhere' });
    this.#calls--;
    // This hook may wait for its next attempt now; others need not.
    this.#pump();
    return trouble;
  }

  /** Logs a missing command before there is an alarm. That it is there does not mean that an earlier trouble is over. */
  async #check(queue: HookQueue): Promise<void> {
    const trouble = await whyNotRunnable(queue.hook, this.#options.root);
    if (trouble) queue.note(trouble);
  }
}

const markOf = (hook: Hook): string =>
  JSON.stringify([hook.on, hook.timeout, 'run' in hook ? hook.run : hook.post.reveal()]);

const minute = 60_000;

/** The time before each new attempt at a ping. Milliseconds. */
const pingWaits = [minute, 5 * minute];

/**
 * Pings a dead man's switch such as healthchecks.io after each round of posts without trouble, at most once a minute. If the
 * pings stop, the operator of the switch raises the alarm.
 */
export class Ping {
  readonly #options: Omit<HookOptions, 'root'>;
  #ending = new AbortController();
  #address: Address | undefined;
  #busy = false;
  /** When the last ping began, on the monotonic clock. */
  #last = -Infinity;

  constructor(options: Omit<HookOptions, 'root'>) {
    this.#options = options;
  }

  update(address: Address | undefined): void {
    if (address?.reveal() === this.#address?.reveal()) return;
    this.end();
    this.#ending = new AbortController();
    this.#address = address;
    this.#busy = false;
    this.#last = -Infinity;
    this.#options.log.forget(this);
  }

  /** The daemon has done all that was due. @param failed - whether there was trouble */
  onIdle(failed: boolean): void {
    const now = this.#options.clock.elapsed();
    if (failed || this.#busy || !this.#address || now - this.#last < minute) return;
    this.#last = now;
    void this.#ping(this.#address);
  }

  end(): void {
    this.#address = undefined;
    this.#ending.abort();
  }

  async #ping(address: Address): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#ending;
    this.#busy = true;
    const trouble = await tryAgain(() => ping(address, this.#options), { clock, waits: pingWaits, signal });
    // The address has changed meanwhile.
    if (signal.aborted) return;
    this.#busy = false;
    const { why } = trouble ?? {};
    if (why === undefined) log.forget(this);
    else log.once(this, why).error({ event: 'ping-failed', why }, `the ping does not arrive: ${why}`);
  }
}
