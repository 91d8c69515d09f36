import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { BotSettings } from '../config/flock-file.ts';
import { Address, alarmNames, type AlarmSettings, type Hook } from '../config/hooks.ts';
import { bugIn } from '../errors.ts';
import type { Send } from '../http/exchange.ts';
import type { Intent } from '../ledger/events.ts';
import { type BotState, isFinished } from '../ledger/state.ts';
import type { DaemonEvent, EventLog } from '../log.ts';
import { BotSchedule } from '../schedule/schedule.ts';
import { atClock, iso, withClocks } from '../text.ts';
import {
  type Alarm,
  callHook,
  ping,
  shownHook,
  type Trouble,
  tryAgain,
  type Trial,
  trialsOf,
  whyNotRunnable,
} from './call.ts';

interface AlarmOptions extends SilenceOptions {
  send: Send;
  /** The flock's folder. */
  root: string;
}

/** How long a trial from the page may take. Milliseconds. */
const maxTrial = 10_000;

interface WatchedFlock {
  alarms: AlarmSettings;
  bots: readonly Watched[];
  /** The zone of the times in what people read. */
  flockBudget: { timezone: string };
}

/** The alarms of a running flock: hooks for the daemon's events, the ping, and the watch for silent bots. */
export class Alarms implements AsyncDisposable {
  readonly #options: AlarmOptions;
  readonly #ending = new AbortController();
  #settings: AlarmSettings = { hooks: [], ping: undefined };
  readonly #hooks: Hooks;
  readonly #ping: Ping;
  readonly #watch: SilenceWatch;
  #timezone = 'UTC';

  constructor(options: AlarmOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#hooks = new Hooks(options);
    this.#ping = new Ping(options);
    this.#watch = new SilenceWatch(options);
    log.subscribe((event) => {
      const alarm = alarmOf(event, clock.now(), this.#timezone);
      if (alarm) this.#hooks.tell(alarm);
    });
  }

  /** Uses these settings from now on, and watches these bots. */
  update({ alarms, bots, flockBudget }: WatchedFlock): void {
    const { hooks, ping } = alarms;
    this.#settings = alarms;
    this.#timezone = flockBudget.timezone;
    this.#hooks.update(hooks);
    this.#ping.update(ping);
    this.#watch.update(bots);
  }

  /** Trials of the hooks and the ping as they are set now. A page waits for them, so each has seconds at most. */
  trials(): Trial[] {
    const { hooks, ping } = this.#settings;
    const quick = hooks.map((hook) => ({ ...hook, timeout: Math.min(hook.timeout, maxTrial) }));
    const { signal } = this.#ending;
    return trialsOf({ hooks: quick, ping }, { ...this.#options, signal, output: 'nowhere' });
  }

  /** The daemon has done all that was due. @param failed - whether there was trouble */
  onIdle(failed: boolean): void {
    this.#ping.onIdle(failed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]();
    this.#ping.end();
    this.#ending.abort();
    await this.#hooks.end();
  }
}

/** The maximum length of a text in an alarm, as in the log. Characters. */
const maxText = 2000;
const short = (text: string): string => text.slice(0, maxText);

/**
 * The alarm of an event of the daemon, or undefined if the event is none.
 *
 * @param now - milliseconds since 1970
 * @param timezone - of the times in its text
 */
export function alarmOf({ fields, message }: DaemonEvent, now: number, timezone: string): Alarm | undefined {
  const { event, bot = null, line = null, why = message, hint } = fields;
  if (!alarmNames.some((name) => name === event)) return undefined;
  const local = withClocks(message, (instant) => atClock(instant, timezone));
  return {
    event,
    bot,
    at: iso(now),
    why: short(why),
    hint: hint === undefined ? null : short(hint),
    line,
    text: short(bot === null ? local : `${bot} ${local}`),
  };
}

interface Watched {
  name: string;
  settings: BotSettings;
}

const minute = 60_000;

/** How late a post may be, besides the time that it takes to settle a doubt. */
const maxLateness = 60 * minute;

/** How long a post may stay in doubt after its timeline could first be believed. */
const maxInDoubt = 15 * minute;

/** How often all bots are checked. */
const every = 5 * minute;

/** Bots checked before the event loop has its turn. */
const inARow = 256;

/**
 * How long a bot must have been seen late before that is reported: after a standstill or a change of the clock it has this time
 * to catch up. Counted on the monotonic clock.
 */
const grace = 10 * minute;

/**
 * Whether a bot owes no post, for a reason that a person knows already. A post in doubt is not silence: it has its own alarm.
 */
export const isExcused = ({ settings }: Watched, state: BotState): boolean =>
  state.open !== undefined ||
  state.parked !== undefined ||
  settings.paused ||
  state.paused !== undefined ||
  (isFinished(state.place) && settings.atEnd === 'stop');

/** How long a post may be due before that counts as silence. Milliseconds. */
export const maxSilence = ({ settle }: BotSettings): number => maxLateness + settle;

/** How long a post may be in doubt before a person should know. Milliseconds. */
export const maxDoubt = ({ settle }: BotSettings): number => maxInDoubt + settle;

interface SilenceOptions {
  clock: Clock;
  log: EventLog;
  /** What the ledger says of a bot. */
  stateOf: (bot: string) => BotState | undefined;
  /** Whether a person has stopped the whole flock. */
  isStopped: () => boolean;
}

/** What the watch remembers of a bot. */
interface Memory {
  /** Since when it is seen to be late. */
  lateFrom?: number | undefined;
  /** How many posts it had made when its silence was reported. */
  reported?: number;
  /** The post that is seen to be in doubt, since when, and whether that was reported. */
  doubt?: { open: Intent; from: number; reported: boolean } | undefined;
  /** Until when its budget keeps it from posting, and how many posts it had made then. */
  cap?: { until: number; posts: number | undefined };
}

/** Regularly looks for bots that should have posted and have not, and for posts that stay in doubt. Logs each once. */
export class SilenceWatch {
  readonly #options: SilenceOptions;
  readonly #memories = new Map<string, Memory>();
  #bots: readonly Watched[] = [];
  #cancel: () => void;

  constructor(options: SilenceOptions) {
    this.#options = options;
    this.#cancel = this.#arm();
    options.log.subscribe((event) => this.#noteBudget(event));
  }

  /** Watches these bots from now on. */
  update(bots: readonly Watched[]): void {
    this.#bots = bots;
    const names = new Set(bots.map(({ name }) => name));
    for (const name of this.#memories.keys()) if (!names.has(name)) this.#memories.delete(name);
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  /** A bot that waits for its budget is not silent, and has an alarm already. A budget without an end never ends. */
  #noteBudget({ fields: { event, bot, until } }: DaemonEvent): void {
    if (event !== 'budget-reached' || bot === undefined) return;
    const posts = this.#options.stateOf(bot)?.posts;
    this.#memoryOf(bot).cap = { until: until === undefined ? Infinity : Date.parse(until), posts };
  }

  #arm(): () => void {
    const { clock } = this.#options;
    return clock.at(clock.now() + every, () => {
      this.#cancel = this.#arm();
      void this.#check();
    });
  }

  async #check(): Promise<void> {
    const bots = this.#bots;
    const { log, stateOf } = this.#options;
    for (const [index, bot] of bots.entries()) {
      if (index % inARow === inARow - 1) await setImmediate();
      // The flock was updated meanwhile.
      if (bots !== this.#bots) return;
      const state = stateOf(bot.name);
      if (!state) continue;
      const memory = this.#memoryOf(bot.name);
      try {
        this.#checkDoubt(bot, state, memory);
        this.#checkSilence(bot, state, memory);
      } catch (cause) {
        // A bug in the check of one bot must not end the checks of the others.
        const { message: why, hint } = bugIn(bot.name, cause);
        log.once(`watch ${bot.name}`, why).error({ event: 'unfit', bot: bot.name, why, hint }, why);
      }
    }
  }

  #checkDoubt({ name: bot, settings }: Watched, { open }: BotState, memory: Memory): void {
    const { clock, log } = this.#options;
    if (!open || memory.doubt?.open !== open)
      memory.doubt = open && { open, from: clock.elapsed(), reported: false };
    const { doubt } = memory;
    if (!doubt || doubt.reported || clock.elapsed() - doubt.from < maxDoubt(settings)) return;
    doubt.reported = true;
    const line = doubt.open.line + 1;
    const why = `nobody can say whether line ${line} was posted`;
    const hint = `look at its timeline, then: flockd resolve ${bot} --posted | --not-posted`;
    log.error({ event: 'in-doubt-long', bot, line, why, hint }, `has long been in doubt: ${why}; ${hint}`);
  }

  #checkSilence(bot: Watched, state: BotState, memory: Memory): void {
    const { clock, log } = this.#options;
    const due = this.#lateSince(bot, state, memory);
    if (due === undefined) {
      memory.lateFrom = undefined;
      return;
    }
    memory.lateFrom ??= clock.elapsed();
    if (memory.reported === state.posts || clock.elapsed() - memory.lateFrom < grace) return;
    memory.reported = state.posts;
    const { last, owed } = state;
    const since = iso(Math.max(due, last?.at ?? due));
    const why = `it should have posted at ${iso(due)}, and has not${owed ? `: ${owed.reason}` : ''}`;
    const hint = `flockd status shows how ${bot.name} stands; keymaker doctor looks for what is wrong`;
    log.error({ event: 'silent', bot: bot.name, since, why, hint }, `is silent: ${why}; ${hint}`);
  }

  /** Since when a bot owes a post, if it has posted nothing for too long. */
  #lateSince(bot: Watched, state: BotState, memory: Memory): number | undefined {
    if (this.#options.isStopped() || isExcused(bot, state)) return undefined;
    const { served, posts, last } = state;
    const mayBeQuiet = this.#options.clock.now() - maxSilence(bot.settings);
    // A recent post makes it needless to compute the schedule.
    if (Math.max(served, last?.at ?? 0) > mayBeQuiet) return undefined;
    const due = new BotSchedule(bot.name, bot.settings).nextPost(served) ?? Infinity;
    const spentUntil = memory.cap?.posts === posts ? memory.cap.until : 0;
    return Math.max(due, spentUntil) > mayBeQuiet ? undefined : due;
  }

  #memoryOf(bot: string): Memory {
    const memory = this.#memories.get(bot) ?? {};
    this.#memories.set(bot, memory);
    return memory;
  }
}

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
const maxEnding = 2000;

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
      const cancel = clock.at(clock.now() + maxEnding, resolve);
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

/** Equal for equal hooks. */
function markOf(hook: Hook): string {
  const shown = (value: unknown): unknown => (value instanceof Address ? value.reveal() : value);
  return JSON.stringify(Object.entries(hook).map(([name, value]) => [name, shown(value)]));
}

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
