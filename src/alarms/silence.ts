import type { Clock } from '../clock.ts';
import type { BotSettings } from '../config/flock-file.ts';
import { bugIn } from '../errors.ts';
import { isFinished } from '../ledger/cursor.ts';
import type { Intent } from '../ledger/events.ts';
import type { BotState } from '../ledger/state.ts';
import type { DaemonEvent, EventLog } from '../log.ts';
import { BotSchedule } from '../schedule/calendar.ts';
import { iso } from '../text.ts';
import { EventLoopYield } from '../yield.ts';

/** A bot, as far as it is watched. */
export interface Watched {
  name: string;
  settings: BotSettings;
}

const minute = 60_000;

/** How much later than due a bot may be, besides what it takes to settle a doubt. */
const late = 60 * minute;

/** How long a post may be in doubt after its timeline could first be believed. */
const doubtful = 15 * minute;

/**
 * Whether a bot owes no post, for a reason that a person knows of already. A post in doubt is not silence: it has an alarm of
 * its own.
 */
export const isExcused = ({ settings }: Watched, state: BotState): boolean =>
  state.open !== undefined ||
  state.parked !== undefined ||
  settings.paused ||
  state.paused !== undefined ||
  (isFinished(state.place) && settings.atEnd === 'stop');

/** How long a post may be due, and none made, before that is silence. Milliseconds. */
export const maxSilence = ({ settle }: BotSettings): number => late + settle;

/** How long a post may be in doubt before somebody should know. Milliseconds. */
export const maxDoubt = ({ settle }: BotSettings): number => doubtful + settle;

/** How silence reads in the log. @param due - since when */
function describeSilence(
  { name }: Watched,
  { last, owed }: BotState,
  due: number,
): { since: string; why: string; hint: string } {
  const since = iso(Math.max(due, last?.at ?? due));
  const reason = owed === undefined ? '' : `: ${owed.reason}`;
  return {
    since,
    why: `it should have posted at ${iso(due)}, and has not${reason}`,
    hint: `flockd status shows how ${name} stands; keymaker doctor looks for what is wrong`,
  };
}

export interface SilenceOptions {
  clock: Clock;
  log: EventLog;
  /** What the ledger says of a bot. */
  stateOf: (bot: string) => BotState | undefined;
  /** Whether the whole flock rests by a person's word. */
  isStopped: () => boolean;
}

/** How often every bot is looked at. */
const every = 5 * minute;

/** So many bots take no time. */
const few = 256;

/**
 * How long a bot must have been seen to be late: one that was down, or whose clock was set, gets the time to catch up.
 * Counted on the clock that nobody sets.
 */
const mercy = 10 * minute;

/** What is remembered of a bot. */
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

/** Looks now and then for bots that post nothing though they should, and posts that stay in doubt, and logs each once. */
export class SilenceWatch {
  readonly #options: SilenceOptions;
  readonly #memories = new Map<string, Memory>();
  #bots: readonly Watched[] = [];
  #cancel: () => void;

  constructor(options: SilenceOptions) {
    this.#options = options;
    this.#cancel = this.#arm();
    options.log.subscribe((event) => {
      this.#noteBudget(event);
    });
  }

  /** Takes up the bots of the flock. */
  update(bots: readonly Watched[]): void {
    this.#bots = bots;
    const names = new Set(bots.map(({ name }) => name));
    for (const name of this.#memories.keys()) if (!names.has(name)) this.#memories.delete(name);
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  /** A bot that waits for its budget is not silent, and has an alarm already. Without an end it waits for good. */
  #noteBudget({ fields: { event, bot, until } }: DaemonEvent): void {
    if (event !== 'budget-reached' || bot === undefined) return;
    const posts = this.#options.stateOf(bot)?.posts;
    this.#memoryOf(bot).cap = { until: until === undefined ? Infinity : Date.parse(until), posts };
  }

  #arm(): () => void {
    const { clock } = this.#options;
    return clock.at(clock.now() + every, () => {
      this.#cancel = this.#arm();
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const bots = this.#bots;
    const { log } = this.#options;
    const turns = new EventLoopYield();
    for (const [index, bot] of bots.entries()) {
      if (index % few === few - 1 && turns.isOver) await turns.give();
      // Another flock has been taken up meanwhile.
      if (bots !== this.#bots) return;
      const state = this.#options.stateOf(bot.name);
      if (!state) continue;
      // Most bots are well, and nothing is remembered of them.
      const memory = this.#memories.get(bot.name) ?? {};
      try {
        this.#lookForDoubt(bot, state, memory);
        this.#lookForSilence(bot, state, memory);
      } catch (cause) {
        const { message: why, hint } = bugIn(bot.name, cause);
        // What nobody foresaw in one bot keeps none of the others from being looked at.
        log.once(`watch ${bot.name}`, why).error({ event: 'unfit', bot: bot.name, why, hint }, why);
      }
      if (Object.values(memory).some((known) => known !== undefined)) this.#memories.set(bot.name, memory);
      else this.#memories.delete(bot.name);
    }
  }

  #lookForDoubt({ name: bot, settings }: Watched, { open }: BotState, memory: Memory): void {
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

  #lookForSilence(bot: Watched, state: BotState, memory: Memory): void {
    const { clock, log } = this.#options;
    const due = this.#lateSince(bot, state, memory);
    if (due === undefined) {
      memory.lateFrom = undefined;
      return;
    }
    memory.lateFrom ??= clock.elapsed();
    if (memory.reported === state.posts || clock.elapsed() - memory.lateFrom < mercy) return;
    memory.reported = state.posts;
    const { since, why, hint } = describeSilence(bot, state, due);
    log.error({ event: 'silent', bot: bot.name, since, why, hint }, `is silent: ${why}; ${hint}`);
  }

  /** Since when a bot owes a post, where it has posted nothing for too long. */
  #lateSince(bot: Watched, state: BotState, memory: Memory): number | undefined {
    if (this.#options.isStopped() || isExcused(bot, state)) return undefined;
    const { served, posts, last } = state;
    const mayBeQuiet = this.#options.clock.now() - maxSilence(bot.settings);
    // What it has done lately tells without its schedule.
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
