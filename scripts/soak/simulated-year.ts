import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Clock, HeldClock } from '../../src/clock.ts';
import { makeFlock, nameOf, writeSettings } from '../bench/flock-folders.ts';
import { range } from '../bench/numbers.ts';
import type { AnsweringX } from './held-x.ts';
import { SimulatedFlock } from './simulated-flock.ts';

export interface YearOptions {
  /** An existing folder. The year writes only there. */
  folder: string;
  bots: number;
  openX: (clock: Clock) => AnsweringX;
}

const day = 86_400_000;
const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];

/** One in this many bots shares its slot with others, and one in this many posts each hour. */
const sharedEvery = 10;
const hourlyEvery = 100;

/** Runs a simulated flock day by day, with a simulated owner. */
export class SimulatedYear {
  readonly #clock: HeldClock;
  readonly #flock: SimulatedFlock;
  readonly #x: AnsweringX;
  readonly #root: string;
  readonly #bots: number;
  #days = 0;

  private constructor({ bots }: YearOptions, { clock, flock, x, root }: Parts) {
    this.#bots = bots;
    this.#clock = clock;
    this.#flock = flock;
    this.#x = x;
    this.#root = root;
  }

  static async open(options: YearOptions): Promise<SimulatedYear> {
    const { folder, bots, openX } = options;
    const root = path.join(folder, 'flock');
    makeFlock(root, bots);
    writeSettings(root, settingsOf(bots));
    const clock = new HeldClock('2026-01-01T00:00:00Z');
    const x = openX(clock);
    const flock = await SimulatedFlock.open({ root, clock, x, socket: path.join(folder, 'socket') });
    return new SimulatedYear(options, { clock, flock, x, root });
  }

  get posts(): number {
    return this.#x.posts;
  }

  /** The folder of the ledger. */
  get state(): string {
    return this.#flock.state;
  }

  async run(days: number): Promise<void> {
    for (let left = days; left > 0; left--) {
      await this.#lookAfter(this.#days++);
      await this.#flock.until(this.#clock.now() + day);
    }
  }

  /** What the owner does each day: edits a poem, pauses a bot for a day, resumes parked bots, reloads once a week. */
  async #lookAfter(today: number): Promise<void> {
    const turn = (of: number): string => nameOf((of + this.#bots) % this.#bots);
    const [yesterdays, todays] = [turn(today - 1), turn(today)];
    this.#edit(todays);
    this.#flock.order({ order: 'resume', bot: yesterdays });
    this.#flock.order({ order: 'pause', bot: todays });
    for (const [bot, { parked }] of this.#flock.ledger.states())
      if (parked) this.#flock.order({ order: 'resume', bot });
    if (today % 7 === 6) await this.#flock.reload();
  }

  /** Adds a line to a poem, or removes it again. */
  #edit(bot: string): void {
    const file = path.join(this.#root, 'poems', `${bot}.txt`);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.endsWith(more) ? text.slice(0, -more.length) : text + more);
  }
}

const more = 'and goes out again\n';

interface Parts {
  clock: HeldClock;
  flock: SimulatedFlock;
  x: AnsweringX;
  root: string;
}

/** Schedules: a few bots share a slot, one in a hundred posts each hour, and most have their own time in various zones. */
function settingsOf(bots: number): object {
  const schedules = range(bots)
    .filter((bot) => bot % sharedEvery !== 0)
    .map((bot) => {
      const hour = bot % hourlyEvery === 1 ? '*' : Math.floor(bot / 60) % 24;
      const schedule = `${bot % 60} ${hour} * * *`;
      return [nameOf(bot), { schedule, timezone: zones[bot % zones.length], spread: '0s' }] as const;
    });
  const base = 'http://127.0.0.1:1';
  return {
    spread: '2h',
    ping: `${base}/ping`,
    hooks: [{ on: ['parked', 'silent', 'in-doubt-long'], post: `${base}/hook` }],
    bots: Object.fromEntries(schedules),
  };
}
