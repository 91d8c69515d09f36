import type { Clock } from '../clock.ts';
import { alarmNames, type Hook } from '../config/hooks.ts';
import { systemCode } from '../errors.ts';
import { type HttpRequest, NoAnswer, type Send } from '../http/exchange.ts';
import type { DaemonEvent, EventLog } from '../log.ts';
import { iso } from '../text.ts';
import { type Trouble, tryAgain } from './retry.ts';
import { runCommand, whyNotRunnable } from './run-command.ts';

/** What a hook is told. What is not known is null. */
export interface Alarm {
  /** An alarm's name, or `test`. */
  event: string;
  bot: string | null;
  /** ISO 8601. */
  at: string;
  why: string;
  /** The repair. */
  hint: string | null;
  /** The line of the poem, counted from 1. */
  line: number | null;
  /** All of it in one line, for people. */
  text: string;
}

/** As in the log, nothing is longer than a page. Characters. */
const maxText = 2000;
const short = (text: string): string => text.slice(0, maxText);

/**
 * The alarm that an event of the daemon is, or undefined where it is none.
 *
 * @param now - milliseconds since 1970
 */
export function alarmOf({ fields, message }: DaemonEvent, now: number): Alarm | undefined {
  const { event, bot = null, line = null, why = message, hint } = fields;
  if (!alarmNames.some((name) => name === event)) return undefined;
  return {
    event,
    bot,
    at: iso(now),
    why: short(why),
    hint: hint === undefined ? null : short(hint),
    line,
    text: short(bot === null ? message : `${bot} ${message}`),
  };
}

/** What a hook is tried with. */
export const sampleAlarm = (now: number): Alarm => ({
  event: 'test',
  bot: 'test',
  at: iso(now),
  why: 'a person tries the hooks',
  hint: 'nothing is wrong',
  line: 1,
  text: 'a person tries the hooks; nothing is wrong',
});

/** What a hook gets to read: one line of JSON. @param flock - its folder */
export const bodyOf = (alarm: Alarm, flock: string): string => JSON.stringify({ ...alarm, flock });

interface WebOptions {
  send: Send;
  clock: Clock;
  /** Milliseconds. */
  timeout: number;
}

/** Sends one request, of which only matters whether it was taken. Never throws. */
export async function callWeb(
  request: HttpRequest,
  { send, clock, timeout }: WebOptions,
): Promise<Trouble | undefined> {
  let cancel = (): void => undefined;
  const late = new Promise<Trouble>((resolve) => {
    const why = `it gave no whole answer within ${timeout / 1000} s`;
    cancel = clock.at(clock.now() + timeout, () => resolve({ why, passes: true }));
  });
  try {
    return await Promise.race([send(request).then(({ status }) => judge(status), unanswered), late]);
  } finally {
    cancel();
  }
}

/** Statuses that say "not now". */
const passing = new Set([408, 425, 429]);

function judge(status: number): Trouble | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400)
    return { why: `it answered ${status}: a redirect, which is not followed`, passes: false };
  return { why: `it answered ${status}`, passes: status >= 500 || passing.has(status) };
}

/** The error's own message names the host, which may be the secret part of the address. */
function unanswered(error: unknown): Trouble {
  const cause = error instanceof NoAnswer ? error.cause : error;
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = systemCode(cause) ?? systemCode(first) ?? 'no answer';
  return { why: `it cannot be reached, or broke off (${code})`, passes: true };
}

interface CallOptions {
  clock: Clock;
  send: Send;
  /** The flock's folder. */
  root: string;
  /** Ends a command before its time. */
  signal: AbortSignal;
  /** Where what a command prints goes. */
  output: 'nowhere' | 'stderr';
}

/** Tells a hook of an alarm, once. Never throws. */
export function callHook(hook: Hook, alarm: Alarm, options: CallOptions): Promise<Trouble | undefined> {
  const { root, send, clock, signal, output } = options;
  const body = bodyOf(alarm, root);
  const { timeout } = hook;
  if ('run' in hook) return runCommand(hook.run, body, { cwd: root, clock, timeout, signal, output });
  const headers = { 'content-type': 'application/json' };
  return callWeb({ method: 'POST', url: hook.post.reveal(), headers, body }, { send, clock, timeout });
}

/** What a person knows a hook by: its program. Of an address the host, too, may be the secret. */
export const shownHook = (hook: Hook): string => ('run' in hook ? (hook.run[0] ?? '') : 'a webhook');

/** Alarms that wait for one hook. */
const maxWaiting = 100;

/** A hook, what it is still to be told, and what was said to be wrong with it. */
class HookQueue {
  readonly hook: Hook;
  /** Its place in flock.json. */
  name: string;
  /** It is being told something, or left alone until it is tried again. */
  busy = false;
  readonly #log: EventLog;
  readonly #waiting: Alarm[] = [];
  /** Alarms that it was too slow for, since it last had none waiting. */
  #dropped = 0;

  constructor(hook: Hook, name: string, log: EventLog) {
    this.hook = hook;
    this.name = name;
    this.#log = log;
  }

  get isIdle(): boolean {
    return !this.busy && this.#waiting.length === 0;
  }

  /** Puts an alarm in the row, if the hook wants it. */
  offer(alarm: Alarm): void {
    if (!this.hook.on.some((name) => name === alarm.event)) return;
    this.#waiting.push(alarm);
    if (this.#waiting.length <= maxWaiting) return;
    this.#waiting.shift();
    if (++this.#dropped === 1)
      this.#complain(`more than ${maxWaiting} alarms wait for it; the oldest are dropped`);
  }

  /** The next alarm, if the hook can be told one now. */
  next(): Alarm | undefined {
    return this.busy ? undefined : this.#waiting.shift();
  }

  /** Lets go what waits. @returns whether anything did */
  clear(): boolean {
    return this.#waiting.splice(0).length > 0;
  }

  /** Notes what came of an alarm. */
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

/** Hooks that are told something at the same time. */
const maxAtOnce = 4;

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
  #queues: HookQueue[] = [];
  #telling = 0;
  #allTold: () => void = () => undefined;

  constructor(options: HookOptions) {
    this.#options = options;
  }

  /** Takes up the hooks of flock.json; one that was there before keeps what it is still to be told. */
  update(hooks: readonly Hook[]): void {
    const known = new Map(this.#queues.map((queue) => [markOf(queue.hook), queue]));
    this.#queues = hooks.map((hook, index) => {
      const name = `hooks.${index}`;
      const queue = known.get(markOf(hook)) ?? new HookQueue(hook, name, this.#options.log);
      known.delete(markOf(hook));
      queue.name = name;
      return queue;
    });
    for (const queue of known.values()) queue.clear();
    for (const queue of this.#queues) void this.#check(queue);
  }

  /** Tells an alarm to the hooks that want it, as soon as it is their turn. */
  tell(alarm: Alarm): void {
    for (const queue of this.#queues) queue.offer(alarm);
    this.#pump();
  }

  /** Ends it all. What is being told has a moment to arrive. */
  async end(): Promise<void> {
    this.#stopping.abort();
    if (!this.#isIdle()) await this.#moment();
    this.#killing.abort();
    for (const queue of this.#queues) {
      if (queue.clear()) queue.note({ why: 'flockd stopped before it was told everything', passes: false });
    }
  }

  #isIdle(): boolean {
    return this.#queues.every(({ isIdle }) => isIdle);
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
    for (const queue of [...this.#queues]) {
      if (this.#telling >= maxAtOnce || this.#killing.signal.aborted) return;
      const alarm = queue.next();
      if (!alarm) continue;
      // Whoever is told something goes to the end of the row.
      this.#queues.push(...this.#queues.splice(this.#queues.indexOf(queue), 1));
      void this.#tellNext(queue, alarm);
    }
    if (this.#isIdle()) this.#allTold();
  }

  async #tellNext(queue: HookQueue, alarm: Alarm): Promise<void> {
    const { clock } = this.#options;
    queue.busy = true;
    const retry = { clock, waits, signal: this.#stopping.signal };
    queue.note(await tryAgain(() => this.#attempt(queue, alarm), retry));
    queue.busy = false;
    this.#pump();
  }

  async #attempt({ hook }: HookQueue, alarm: Alarm): Promise<Trouble | undefined> {
    this.#telling++;
    const { signal } = this.#killing;
    const trouble = await callHook(hook, alarm, { ...this.#options, signal, output: 'nowhere' });
    this.#telling--;
    // This hook may have to wait now, and others need not.
    this.#pump();
    return trouble;
  }

  /** So that a command that is missing is known before there is something to tell. */
  async #check(queue: HookQueue): Promise<void> {
    if (!('run' in queue.hook)) return;
    const trouble = await whyNotRunnable(queue.hook.run[0] ?? '', this.#options.root);
    // That it could run does not say that what was wrong with it is over.
    if (trouble) queue.note(trouble);
  }
}

/** Equal for hooks that are the same. */
const markOf = (hook: Hook): string =>
  JSON.stringify([hook.on, hook.timeout, 'run' in hook ? hook.run : hook.post.reveal()]);
