import type { Bot } from '../../src/config/flock-file.ts';
import { FlockError } from '../../src/errors.ts';
import { fingerprints } from '../../src/ledger/state.ts';
import { Journal, type Ledger } from '../../src/ledger/journal.ts';
import type { BotKey } from '../../src/oauth/signature.ts';
import { BotRunner, type RunnerOptions } from '../../src/posting/bot-runner.ts';
import { eventsOf } from '../../src/posting/commands.ts';
import { audit } from './audit.ts';
import { Backup } from './backup.ts';
import { isAtEnd, longest } from './ends.ts';
import type { Faults } from './faults.ts';
import { type Death, Life } from './life.ts';
import type { Plant } from './plant.ts';
import { Poems } from './poems.ts';
import type { Random } from './random.ts';
import { type Runner, runnersOf } from './runner.ts';
import { begin, boundsOf, deadline, type Happening, log, type Scenario, settle } from './scenario.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { SimulatedDisk, SimulatedFile } from './simulated-disk.ts';
import { openSimulatedFolder } from './simulated-folder.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { Broken, StepCount, type Verdict } from './step-count.ts';
import { Tamperer, type Tampering } from './tampering.ts';

export interface HistoryOptions {
  scenario: Scenario;
  faults: Faults;
  /** Chances of the disk and of X. */
  random: Random;
  /** A bug to put in. */
  plant?: Plant | undefined;
  trace?: ((happened: string) => void) | undefined;
}

const journalName = 'journal.jsonl';
const restartDelay = 5000;
const minute = 60_000;

/** One history of a flock, from an empty disk until every poem is posted and nothing happens any more. */
export class History {
  readonly #options: HistoryOptions;
  readonly #clock = new SimulatedClock(begin);
  readonly #disk = new SimulatedDisk();
  readonly #tamperer = new Tamperer(this.#disk);
  readonly #x: SimulatedNetwork;
  readonly #trace: ((happened: string) => void) | undefined;
  readonly #poems: Poems;
  readonly #steps = new StepCount();
  #life = new Life();
  #botRunner: BotRunner | undefined;
  #ledger: Ledger | undefined;
  #runners: Runner[] = [];
  #booting = false;
  #copy = '';
  #earliestBoot = 0;
  #wasSetBack = false;
  #deaths = 0;
  #isEpilogue = false;
  readonly #backup: Backup;
  readonly #lastHappening: number;

  constructor(options: HistoryOptions) {
    this.#options = options;
    const { scenario, faults, random, trace } = options;
    if (scenario.aheadAtBoot !== undefined) this.#clock.set(begin + scenario.aheadAtBoot);
    this.#trace = trace && ((happened) => trace(`${(this.#clock.elapsed() / 1000).toFixed(3)} ${happened}`));
    this.#poems = new Poems(scenario);
    this.#backup = new Backup(this.#trace);
    this.#lastHappening = Math.max(0, ...scenario.happenings.map(({ at }) => at));
    this.#x = new SimulatedNetwork({
      clock: this.#clock,
      faults,
      random,
      deadline,
      settle,
      duplicateWindow: scenario.duplicateWindow,
      lag: scenario.lag ?? 0,
      checksClock: scenario.checksClock,
      alters: scenario.alters === true,
      other: scenario.other,
      trace: this.#trace,
    });
  }

  async run(): Promise<Verdict> {
    const { scenario } = this.#options;
    for (const happening of scenario.happenings)
      this.#clock.after(happening.at, () => this.#happen(happening));
    try {
      this.#boot();
      await this.#untilDone();
      // Whoever would post once more does it now.
      this.#isEpilogue = true;
      for (const runner of this.#runners) runner.next = this.#clock.now();
      await this.#until(this.#clock.elapsed() + 3 * minute);
      return audit(scenario, this.#poems, this.#x);
    } catch (error) {
      if (error instanceof Broken) return error.message;
      throw error;
    }
  }

  async #untilDone(): Promise<void> {
    while (!this.#isDone()) {
      if (this.#clock.elapsed() > longest(this.#options.scenario))
        throw new Broken(`it never ends: ${this.#whereAll()}`);
      await this.#turn(Infinity);
    }
  }

  async #until(end: number): Promise<void> {
    while (this.#clock.elapsed() < end) await this.#turn(end - this.#clock.elapsed());
  }

  /** Lets everything that is due run, then the time pass until something else is, at most for `most`. */
  async #turn(most: number): Promise<void> {
    if (this.#life.isBusy) await this.#life.quiet();
    if (this.#life.over && !this.#booting) this.#bury();
    if (this.#resume() || this.#startDue()) return;
    let wait = Math.min(most, this.#clock.untilNext);
    const now = this.#clock.now();
    for (const { next, busy } of this.#runners) if (!busy && next - now < wait) wait = next - now;
    if (wait === Infinity && this.#isDone()) return;
    if (wait === Infinity) throw new Broken(`everything stands still: ${this.#whereAll()}`);
    this.#clock.pass(Math.max(0, wait));
  }

  #startDue(): boolean {
    if (this.#life.over || !this.#botRunner) return false;
    let started = false;
    for (const runner of this.#runners) {
      if (runner.busy || runner.next > this.#clock.now()) continue;
      this.#steps.count(this.#clock.elapsed(), () => this.#whereAll());
      this.#step(runner, this.#botRunner);
      started = true;
    }
    return started;
  }

  #step(runner: Runner, botRunner: BotRunner): void {
    const life = this.#life;
    runner.busy = true;
    life.enter();
    botRunner.step(runner.bot).then(
      (next) => {
        runner.busy = false;
        runner.next = next === 'when changed' || this.#mayRest(runner) ? Infinity : next;
        life.leave();
      },
      (error: unknown) => {
        if (!(error instanceof FlockError) || error.exit !== 'data') {
          this.#fail(life, error);
          return;
        }
        // As the daemon does with a poem that cannot be read.
        runner.busy = false;
        runner.next = this.#clock.now() + minute;
        life.leave();
      },
    );
  }

  /** Starts the daemon. */
  #boot(): void {
    const { scenario, faults, random, plant } = this.#options;
    const early = this.#earliestBoot - this.#clock.elapsed();
    if (early > 0) {
      this.#clock.after(early, () => this.#boot());
      return;
    }
    const life = (this.#life = new Life());
    this.#booting = false;
    this.#trace?.('flockd starts');
    const folder = openSimulatedFolder({
      disk: this.#disk,
      life,
      faults,
      random,
      failedSyncLoses: scenario.failedSyncLoses,
      trace: this.#trace,
    });
    const clock = plant?.clock?.(this.#clock) ?? this.#clock;
    const options = {
      clock,
      log,
      openAccount: ({ screenName = '' }: BotKey) => {
        const x = this.#x.clientOf(screenName, life);
        return plant?.x?.(x) ?? x;
      },
      deadline: plant?.deadline ?? deadline,
      ...boundsOf(scenario),
      readPoem: (file: string) => Promise.resolve(this.#poems.textOf(file)),
      writtenAt: (file: string) => this.#poems.writtenAt(file),
    };
    this.#ledger = undefined;
    this.#botRunner = undefined;
    this.#runners = runnersOf(scenario, plant);
    life.enter();
    this.#backup
      .restore(folder, scenario.bots, this.#clock.now())
      .then(() => Journal.open(plant?.folder?.(folder) ?? folder, { manyLines: scenario.manyLines }))
      .then(
        (journal) => {
          const ledger = plant?.ledger?.(journal) ?? journal;
          this.#ledger = ledger;
          const all: RunnerOptions = {
            ...options,
            ledger,
            askTime: () => Promise.resolve(this.#x.time()),
            isUp: () => true,
            opened: () => {
              this.#wake();
            },
          };
          this.#botRunner = new BotRunner({ ...all, memory: plant?.memory?.(all) ?? {} });
          for (const runner of this.#runners) runner.next = this.#clock.now();
          life.leave();
        },
        (error: unknown) => this.#fail(life, error),
      );
  }

  /** A process that ends with an error does so as the daemon does: at once, and it is started again. */
  #fail(life: Life, error: unknown): void {
    life.failure = error;
    this.#trace?.(`flockd ends: ${String(error)}`);
    life.die('kill');
  }

  /** What a death leaves, and when the next process starts. */
  #bury(): void {
    const { failure, faulted, death } = this.#life;
    if (failure !== undefined && !(faulted && failure instanceof FlockError && failure.exit === 'io'))
      throw new Broken(`flockd fails: ${failure instanceof Error ? (failure.stack ?? '') : 'with no error'}`);
    if (death === 'power cut') this.#disk.cutPower(this.#options.random);
    this.#tamperer.putBack();
    const { downs } = this.#options.scenario;
    const down = failure === undefined ? (downs[this.#deaths++ % downs.length] ?? 0) : restartDelay;
    this.#trace?.(`${death ?? 'no death'}; back in ${down / 1000} s`);
    this.#runners = [];
    this.#booting = true;
    this.#clock.after(down, () => this.#boot());
  }

  #happen(happening: Happening): void {
    this.#trace?.(JSON.stringify(happening));
    switch (happening.what) {
      case 'kill':
      case 'power cut':
        this.#die(happening.what);
        return;
      case 'clock':
        this.#clock.set(this.#clock.trueNow() + happening.ahead);
        // The daemon notices that the clock was set, and looks at every bot again.
        this.#wake();
        return;
      case 'append':
      case 'fix':
        this.#poems.edit(happening, this.#x.linesOf(happening.bot), this.#clock.trueNow());
        this.#wake();
        return;
      case 'export':
        this.#backup.take(this.#disk.textOf(journalName), this.#clock);
        return;
      case 'restore':
        this.#backup.order();
        this.#wasSetBack = true;
        this.#die('kill');
        return;
      case 'spell':
        this.#x.fallIll(happening.spell, happening.lasts);
        return;
      case 'upload':
        this.#upload(happening.bot, happening.steps);
        return;
      case 'copy state':
        this.#copy = this.#disk.textOf(journalName);
        return;
      case 'put state back':
      case 'lose state':
        this.#replaceState(happening.what === 'lose state' ? undefined : this.#copy);
        return;
      case 'tamper':
        this.#tamper(happening.how);
    }
  }

  /** Nothing of what the ledger has learned since is known any more. */
  #replaceState(text: string | undefined): void {
    this.#die('kill');
    this.#disk.put(journalName, text === undefined ? undefined : fileOf(text));
    // Nobody could know of a post that is on its way then, or that the timeline does not show yet.
    this.#earliestBoot = this.#clock.elapsed() + deadline + settle;
    this.#wasSetBack = true;
  }

  #upload(bot: string, steps: readonly { after: number; share: number }[]): void {
    let at = 0;
    for (const { after, share } of steps) {
      at += after;
      this.#clock.after(at, () => {
        this.#poems.write(bot, share, this.#clock.trueNow());
      });
    }
  }

  /** What is done while nobody runs is another matter: the next start reads what it finds. */
  #tamper(how: Tampering): void {
    if (this.#life.over || !this.#ledger) return;
    this.#tamperer.tamper(how);
    this.#life.faulted = true;
  }

  /** A power cut also undoes what a machine that is down had not written. */
  #die(death: Death): void {
    if (!this.#life.over) this.#life.die(death);
    else if (death === 'power cut') this.#disk.cutPower(this.#options.random);
  }

  #wake(): void {
    for (const runner of this.#runners) runner.next = Math.min(runner.next, this.#clock.now());
  }

  /** A person tells a bot where to go on whose ledger was replaced and who cannot tell by itself. Nothing else parks a bot. */
  #resume(): boolean {
    if (this.#life.over || !this.#ledger) return false;
    let resumed = false;
    for (const runner of this.#runners) {
      const { name } = runner.bot;
      const state = this.#ledger.state(name);
      if (runner.busy || !state?.parked || this.#isFinished(runner.bot)) continue;
      const { cause, why } = state.parked;
      if (cause !== 'place' || !this.#wasSetBack) throw new Broken(`${name} is parked: ${why}`);
      // They wait until everything that was sent has arrived.
      if (this.#x.comingOf(name) > 0) continue;
      const lines = this.#poems.linesOf(name);
      const poem = fingerprints(lines.map((text) => ({ text })));
      const next = this.#x.nextOf(name, lines);
      const events = eventsOf({ order: 'resume', bot: name, poem, next }, state, this.#clock.now());
      const life = this.#life;
      resumed = runner.busy = true;
      life.enter();
      this.#ledger.record(...events).then(
        () => {
          runner.busy = false;
          runner.next = this.#clock.now();
          life.leave();
        },
        (error: unknown) => this.#fail(life, error),
      );
    }
    return resumed;
  }

  #isDone(): boolean {
    const { bots } = this.#options.scenario;
    return !this.#life.over && this.#clock.elapsed() >= this.#lastHappening && bots.every(this.#isFinished);
  }

  readonly #isFinished = (bot: Bot): boolean =>
    isAtEnd(bot, this.#ledger?.state(bot.name), this.#poems, this.#x);

  /** A bot at its end lets each slot go by, one by one; that takes long to watch and is left for the epilogue. */
  #mayRest(runner: Runner): boolean {
    if (!this.#isFinished(runner.bot)) return false;
    return this.#isEpilogue ? ++runner.extra >= 2 : true;
  }

  #whereAll(): string {
    return this.#options.scenario.bots
      .map(({ name }) => `${name}: ${JSON.stringify(this.#ledger?.state(name) ?? 'not begun')}`)
      .join('; ');
  }
}

function fileOf(text: string): SimulatedFile {
  const file = new SimulatedFile();
  file.rewrite(text);
  return file;
}
