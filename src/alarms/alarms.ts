import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { BotSettings } from '../config/flock-file.ts';
import { alarmNames, type AlarmSettings } from '../config/hooks.ts';
import { bugIn } from '../errors.ts';
import type { Send } from '../http/exchange.ts';
import type { Intent } from '../ledger/events.ts';
import { type BotState, isFinished } from '../ledger/state.ts';
import type { DaemonEvent, EventLog } from '../log.ts';
import { BotSchedule } from '../schedule/schedule.ts';
import { iso } from '../text.ts';
import type { Alarm } from './call.ts';
import { Hooks, Ping } from './hooks.ts';

interface AlarmOptions extends SilenceOptions {
  send: Send;
  /** The flock's folder. */
  root: string;
}

/** The alarms of a running flock: hooks for the daemon's events, the ping, and the watch for silent bots. */
export class Alarms implements AsyncDisposable {
  readonly #hooks: Hooks;
  readonly #ping: Ping;
  readonly #watch: SilenceWatch;

  constructor(options: AlarmOptions) {
    const { clock, log } = options;
    this.#hooks = new Hooks(options);
    this.#ping = new Ping(options);
    this.#watch = new SilenceWatch(options);
    log.subscribe((event) => {
      const alarm = alarmOf(event, clock.now());
      if (alarm) this.#hooks.tell(alarm);
    });
  }

  /** Uses these settings from now on, and watches these bots. */
  update({ alarms: { hooks, ping }, bots }: { alarms: AlarmSettings; bots: readonly Watched[] }): void {
    this.#hooks.update(hooks);
    this.#ping.update(ping);
    this.#watch.update(bots);
  }

  /** The daemon has done all that was due. @param failed - whether there was trouble */
  onIdle(failed: boolean): void {
    this.#ping.onIdle(failed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]();
    this.#ping.end();
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
