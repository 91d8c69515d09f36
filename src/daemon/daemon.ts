import type { Clock } from '../clock.ts';
import type { Bot } from '../config/flock-file.ts';
import { bugIn, FlockError, messageOf } from '../errors.ts';
import type { Flock } from '../flock/load.ts';
import type { BotState } from '../ledger/state.ts';
import type { EventLog } from '../log.ts';
import { reachOf } from '../networks/networks.ts';
import { BotRunner, keyMark, type RunnerOptions } from '../posting/bot-runner.ts';
import { unlimitedBudget } from '../posting/budget.ts';
import { eventsOf, type Command } from '../posting/commands.ts';
import { FairQueue } from './fair-queue.ts';
import { TimerQueue } from './timer-queue.ts';

/** The longest round, if something is always due. Milliseconds. */
const maxRound = 60_000;

/** The daemon's rounds: each lasts until all that was due is done. */
export class DrainCycle {
  readonly #clock: Clock;
  readonly #ended: ((failed: boolean) => void) | undefined;
  /** When the current round began, on the monotonic clock. */
  #began: number | undefined;
  #failed = false;

  /** @param ended - called at the end of each round; `failed` tells whether there was trouble */
  constructor(clock: Clock, ended?: (failed: boolean) => void) {
    this.#clock = clock;
    this.#ended = ended;
  }

  /** A step has ended. */
  add(failed: boolean): void {
    this.#began ??= this.#clock.elapsed();
    this.#failed ||= failed;
  }

  /**
   * Ends the round if it is over.
   *
   * @param isOver - whether nothing is under way or due
   * @param overdue - how late the daemon is, in milliseconds
   */
  look(isOver: boolean, overdue: number): void {
    if (this.#began === undefined) return;
    const isLong = this.#clock.elapsed() - this.#began >= maxRound && overdue < maxRound;
    if (!isOver && !isLong) return;
    const failed = this.#failed;
    this.#began = undefined;
    this.#failed = false;
    this.#ended?.(failed);
  }
}

/** Why a post may be owed without trouble: a person asked for it, it is posted again, or it is a refrain. */
const harmless = new Set(['asked', 'absent', 'duplicate']);

/** Whether a step left its bot in trouble: in doubt, newly parked, or with a post refused. Pure. */
export function isInTrouble(before: BotState | undefined, after: BotState | undefined): boolean {
  if (!after) return false;
  if (after.open) return true;
  if (after.parked && !before?.parked) return true;
  const { owed } = after;
  if (!owed || harmless.has(owed.why)) return false;
  return owed.why !== before?.owed?.why || owed.times > before.owed.times;
}

/** A bot that the daemon runs. */
interface Runner {
  bot: Bot;
  /**
   * `resting` between two steps, `busy` in one; `changed` if it changed during the step, so that it needs another; `leaving` if
   * it was removed during the step. Afterwards it is `gone`, even if it is still queued. A command that is executed aside counts
   * as a step.
   */
  state: 'resting' | 'busy' | 'changed' | 'leaving' | 'gone';
}

/** A command that waits to be executed. */
interface Pending {
  execute: () => Promise<void>;
  refuse: (error: FlockError) => void;
}

/**
 * The commands that wait, by bot. A bot of the flock executes its commands between its steps. Commands for other bots are executed
 * aside; a bot that is added meanwhile waits for that, so that no two things happen to one bot at once.
 */
export class PendingCommands {
  readonly #waiting = new Map<string, Pending[]>();
  readonly #aside = new Map<string, Promise<void>>();

  /** @returns settles when the command was executed */
  add(bot: string, run: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const command = { execute: (): Promise<void> => run().then(resolve, reject), refuse: reject };
      const waiting = this.#waiting.get(bot);
      if (waiting) waiting.push(command);
      else this.#waiting.set(bot, [command]);
    });
  }

  /** Executes the commands of a bot in the order in which they came. Never throws. */
  async execute(bot: string): Promise<void> {
    const commands = this.#waiting.get(bot) ?? [];
    this.#waiting.delete(bot);
    for (const { execute } of commands) await execute();
  }

  /** Refuses the commands that were not begun. */
  refuse(error: FlockError): void {
    for (const commands of this.#waiting.values()) for (const { refuse } of commands) refuse(error);
    this.#waiting.clear();
  }

  /** Executes the commands of a bot that is not in the flock. */
  executeAside(bot: string): void {
    const before = this.#aside.get(bot) ?? Promise.resolve();
    const done = before
      .then(() => this.execute(bot))
      .finally(() => {
        if (this.#aside.get(bot) === done) this.#aside.delete(bot);
      });
    this.#aside.set(bot, done);
  }

  /** Settles when the commands executed aside for a bot are done; undefined if there are none. */
  aside(bot: string): Promise<void> | undefined {
    return this.#aside.get(bot);
  }

  /** Resolves when all commands executed aside are done. */
  async asideDone(): Promise<void> {
    await Promise.all(this.#aside.values());
  }
}

const stopping = (): FlockError =>
  new FlockError('tryLater', 'flockd ends: nothing was done', { hint: 'ask again' });

export interface DaemonOptions extends Omit<
  RunnerOptions,
  'flockBudget' | 'bots' | 'isUp' | 'opened' | 'memory' | 'log'
> {
  log: EventLog;
  /** The maximum number of bots that take a step at the same time. */
  sockets: number;
  /** Called once if the daemon cannot continue: the ledger cannot be written. */
  failed: (cause: unknown) => void;
  /** Called each time when all that was due is done; `failed` tells whether there was trouble. */
  onIdle?: (failed: boolean) => void;
}

/** After how long a bot whose poem cannot be read tries again. Milliseconds. */
const retryAfter = 60_000;

/** The time after which a step counts as stuck: it takes a few reads and writes of files and one request. Milliseconds. */
const maxStep = 60_000;

/** The number of steps after which the event loop has its turn, for responses, timers and the watchdog. */
const maxInARow = 500;

/** The first lines of the stack. */
const placesIn = (error: unknown): string[] =>
  error instanceof Error ? (error.stack?.match(/^ +at .*$/gm) ?? []).slice(0, 10) : [];

/** Runs a flock: each bot takes a step when one is due, several bots at once, one step of a bot at a time. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #botRunner: BotRunner;
  readonly #clock: Clock;
  readonly #log: EventLog;
  readonly #timers: TimerQueue<Runner>;
  readonly #runners = new Map<string, Runner>();
  readonly #queue: FairQueue<Runner>;
  readonly #commands = new PendingCommands();
  /** The steps under way, and when each began, on the monotonic clock. */
  readonly #steps = new Map<Promise<void>, number>();
  readonly #cycle: DrainCycle;
  /** Steps begun since the event loop last had its turn. */
  #stepsInARow = 0;
  /** The bots that are being renamed, as their files are: they go on so if that fails. */
  readonly #renaming = new Map<string, Bot | undefined>();
  #isYielding = false;
  #flockBudget = unlimitedBudget;
  #stopping = false;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#botRunner = new BotRunner({
      ...options,
      flockBudget: () => this.#flockBudget,
      bots: () => this.bots,
      isUp: (name) => this.#runners.get(name)?.bot.settings.paused === false,
      // Not at once: the step that opened the gate has not ended.
      opened: () => void options.clock.at(options.clock.now(), () => this.wakeAll()),
    });
    this.#clock = options.clock;
    this.#log = options.log;
    this.#queue = new FairQueue(options.sockets, ({ bot }) => reachOf(bot.bundle).app);
    this.#cycle = new DrainCycle(options.clock, options.onIdle);
    // By name, so that it is predictable who posts first if the budget is not enough for all.
    const byName = (a: Runner, b: Runner): number => (a.bot.name < b.bot.name ? -1 : 1);
    this.#timers = new TimerQueue(options.clock, (runner) => this.#wake(runner), byName);
  }

  /** Runs this flock from now on: it adds, updates and removes bots. */
  update({ bots, invalidBots, flockBudget }: Pick<Flock, 'bots' | 'invalidBots' | 'flockBudget'>): void {
    this.#flockBudget = flockBudget;
    const gone = new Set(this.#runners.keys());
    for (const bot of bots) {
      gone.delete(bot.name);
      this.#log.forget(`unfit ${bot.name}`);
      if (this.#renaming.has(bot.name)) this.#renaming.set(bot.name, bot);
      else this.#updateBot(bot);
    }
    for (const { bot, error } of invalidBots) this.#complain(bot, error);
    for (const name of gone) this.#drop(name);
  }

  /**
   * Executes a command for a bot, between two steps of the bot.
   *
   * @param check - called right before with the bot's state; it may throw to refuse the command
   * @throws {FlockError} `usage` if there is nothing to do, `io` from the ledger
   */
  execute(order: Command, check?: (state: BotState | undefined) => void): Promise<void> {
    if (this.#stopping) return Promise.reject(stopping());
    const { ledger } = this.#options;
    const carriedOut = this.#commands.add(order.bot, async () => {
      const state = ledger.state(order.bot);
      const bot = this.#runners.get(order.bot)?.bot;
      check?.(state);
      if (order.order === 'rename') this.#mustBeFree(order.to);
      if (order.order !== 'post') await ledger.record(...eventsOf(order, state, this.#clock.now()));
      else if (bot) await this.#botRunner.postNow(bot);
      else
        throw new FlockError('usage', `${order.bot} is not in the flock`, {
          hint: 'flockd status lists the bots',
        });
    });
    const runner = this.#runners.get(order.bot);
    const isRename = order.order === 'rename';
    if (isRename) this.#renaming.set(order.bot, runner?.bot);
    if (!runner) this.#commands.executeAside(order.bot);
    else if (isRename) this.#retire(runner);
    else this.#wake(runner);
    return isRename ? this.#renamed(order.bot, carriedOut) : carriedOut;
  }

  /**
   * A renamed bot takes no more steps under its old name, because it would begin its poem anew under that. The reload of its bundle
   * adds it under the new one.
   */
  async #renamed(name: string, carriedOut: Promise<void>): Promise<void> {
    try {
      await carriedOut;
      this.#renaming.delete(name);
    } catch (error) {
      const bot = this.#renaming.get(name);
      this.#renaming.delete(name);
      if (bot) this.#updateBot(bot);
      throw error;
    }
  }

  /** Lets every bot take a step. */
  wakeAll(): void {
    for (const runner of this.#runners.values()) this.#wake(runner);
  }

  /** Begins no more steps, and resolves when those under way are done and recorded. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#timers.clear();
    this.#queue.clear();
    await Promise.all([...this.#steps.keys(), this.#commands.asideDone()]);
    this.#commands.refuse(stopping());
  }

  /** The number of bots, when the next one is due, the number of steps under way, and the flock's zone. */
  stats(): { bots: number; next: number | undefined; busy: number; timezone: string } {
    const { timezone } = this.#flockBudget;
    return { bots: this.#runners.size, next: this.#timers.next, busy: this.#steps.size, timezone };
  }

  /** The bots it runs. */
  get bots(): Bot[] {
    return Array.from(this.#runners.values(), ({ bot }) => bot);
  }

  /**
   * How late the daemon is: with a bot that is due and whose step has not begun, or with a step that does not end. Milliseconds;
   * 0 if it is not.
   */
  overdue(): number {
    const [oldest] = this.#steps.values();
    const running = oldest === undefined ? 0 : this.#clock.elapsed() - oldest - maxStep;
    return Math.max(running, this.#timers.overdue);
  }

  #updateBot(bot: Bot): void {
    const known = this.#runners.get(bot.name);
    if (!known) {
      const runner: Runner = { bot, state: 'resting' };
      this.#runners.set(bot.name, runner);
      this.#begin(runner);
      return;
    }
    if (keyMark(known.bot) !== keyMark(bot))
      this.#log.info({ event: 'key', bot: bot.name }, 'takes up a new key');
    known.bot = bot;
    if (known.state === 'leaving') known.state = 'changed';
    else this.#wake(known);
  }

  /** @throws {FlockError} `usage` if there is or was a bot of that name */
  #mustBeFree(name: string): void {
    if (!this.#runners.has(name) && !this.#options.ledger.state(name)) return;
    throw new FlockError('usage', `${name} is another bot, with a place of its own`, {
      hint: 'choose a name that no bot has',
    });
  }

  #begin(runner: Runner): void {
    const aside = this.#commands.aside(runner.bot.name);
    if (aside) {
      runner.state = 'changed';
      void aside.then(() => this.#release(runner));
    } else this.#enqueue(runner);
  }

  #drop(name: string): void {
    const runner = this.#runners.get(name);
    if (!runner || runner.state === 'leaving') return;
    this.#log.warn({ event: 'gone', bot: name }, 'has no good key bundle any more and rests');
    this.#retire(runner);
  }

  #retire(runner: Runner): void {
    this.#timers.remove(runner);
    if (runner.state === 'resting') this.#forget(runner);
    else runner.state = 'leaving';
  }

  /** Called after the bot's last step, so that a bot of the same name never takes a step at the same time. */
  #forget(runner: Runner): void {
    runner.state = 'gone';
    this.#runners.delete(runner.bot.name);
    this.#queue.forget(runner);
    this.#commands.executeAside(runner.bot.name);
  }

  #wake(runner: Runner): void {
    if (runner.state === 'busy') runner.state = 'changed';
    else if (runner.state === 'resting') this.#enqueue(runner);
  }

  #enqueue(runner: Runner): void {
    this.#queue.add(runner);
    this.#pump();
  }

  #pump(): void {
    while (!this.#stopping && !this.#isYielding && this.#steps.size < this.#options.sockets) {
      if (this.#stepsInARow === maxInARow) {
        this.#yield();
        return;
      }
      const runner = this.#queue.next();
      if (!runner) return;
      if (runner.state !== 'resting') continue;
      this.#stepsInARow++;
      const running = this.#step(runner).finally(() => {
        this.#steps.delete(running);
        this.#release(runner);
        this.#pump();
        if (!this.#stopping) this.#cycle.look(this.#isAtRest(), this.overdue());
      });
      this.#steps.set(running, this.#clock.elapsed());
    }
  }

  /** The step of a bot has ended. */
  #release(runner: Runner): void {
    const { state } = runner;
    runner.state = 'resting';
    if (state === 'leaving') this.#forget(runner);
    else if (state === 'changed') this.#enqueue(runner);
  }

  /** Steps that only look at the ledger do not wait for anything, so many of them would block the event loop. */
  #yield(): void {
    this.#isYielding = true;
    this.#clock.at(this.#clock.now(), () => {
      this.#isYielding = false;
      this.#stepsInARow = 0;
      this.#pump();
    });
  }

  #isAtRest(): boolean {
    const next = this.#timers.next ?? Infinity;
    return this.#steps.size === 0 && this.#queue.length === 0 && next > this.#clock.now();
  }

  async #step(runner: Runner): Promise<void> {
    runner.state = 'busy';
    const { ledger, deadline } = this.#options;
    const { name } = runner.bot;
    const before = ledger.state(name);
    const began = this.#clock.elapsed();
    let failed = true;
    try {
      await this.#commands.execute(name);
      const next = await this.#botRunner.step(runner.bot);
      this.#log.forget(`unfit ${name}`);
      this.#schedule(runner, next);
      failed = isInTrouble(before, ledger.state(name));
    } catch (error) {
      if (error instanceof FlockError && error.exit === 'io') {
        this.#options.failed(error);
        return;
      }
      this.#complain(runner.bot.name, bugIn(name, error));
      const isParked = !(error instanceof FlockError) && (await this.#parkFor(error, runner.bot));
      this.#schedule(runner, isParked ? 'when changed' : this.#clock.now() + retryAfter);
    } finally {
      const took = this.#clock.elapsed() - began;
      const after = ledger.state(name);
      this.#queue.end(runner, { took, deadline, before, after });
      this.#cycle.add(failed);
    }
  }

  /**
   * Parks a bot whose step has thrown an unforeseen error, until a person has looked at it. If the ledger cannot record that, the
   * daemon cannot continue.
   *
   * @returns whether the bot needs no more steps; one with a post in doubt does
   */
  async #parkFor(error: unknown, bot: Bot): Promise<boolean> {
    const { ledger, log, failed } = this.#options;
    const { name } = bot;
    log.error({ event: 'bug', bot: name, where: placesIn(error) }, `stopped by a bug: ${messageOf(error)}`);
    const state = ledger.state(name);
    if (!state) return false;
    if (state.parked) return !state.open;
    const why = `this is a bug: ${messageOf(error)}`;
    const hint = `please report it; flockd resume ${name} tries again`;
    const parked = {
      event: 'parked',
      bot: name,
      at: this.#clock.now(),
      why,
      hint,
      key: keyMark(bot),
    } as const;
    await ledger.record(parked).catch(failed);
    return !state.open;
  }

  #schedule(runner: Runner, next: Awaited<ReturnType<BotRunner['step']>>): void {
    if (!this.#stopping && runner.state !== 'leaving' && next !== 'when changed')
      this.#timers.set(runner, next);
  }

  #complain(bot: string, { message, hint }: FlockError): void {
    const fields = { event: 'unfit', bot, ...(hint !== undefined && { hint }) };
    this.#log.once(`unfit ${bot}`, message).error(fields, `cannot post: ${message}`);
  }
}
