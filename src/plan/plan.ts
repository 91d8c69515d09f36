import pMap from 'p-map';
import { splitOf } from '../config/flock-file.ts';
import { inMicros, type PriceTable } from '../cost.ts';
import { FlockError } from '../errors.ts';
import type { Flock, PlannedBot, WholeFlock } from '../flock/load.ts';
import { conditionOf, type StandingOf } from '../flock/status.ts';
import { shownPath } from '../fs.ts';
import { mustBeItsAccount } from '../keys/right-account.ts';
import { FlockHistory } from '../ledger/history.ts';
import { type BotState, isFinished } from '../ledger/state.ts';
import { networks, reachOf } from '../networks/networks.ts';
import { findSharedTexts, type LintOfBot, lintPoem } from '../poems/lint.ts';
import { linesOf } from '../poems/poem.ts';
import { keyMark } from '../posting/bot-runner.ts';
import { budgetAt, costOf, type FlockBudget } from '../posting/budget.ts';
import { countSlots, type Stretch } from '../schedule/schedule.ts';
import { type BotToPredict, type PredictedPost, Prediction, type Shared } from './predict.ts';
import { type Excess, LimitWatch, xLimits } from './x-limits.ts';

/** A bot as the files of the flock have it, with its poem and what the ledger says of it. */
export interface BotToPlan extends PlannedBot, BotToPredict {
  name: PlannedBot['name'];
  /** Its poem's file, as it is to be shown. */
  file: string;
  /** Tells the X app of its key from others; undefined at other networks. */
  app: string | undefined;
}

interface PlanOptions extends Shared {
  /** All bots of the flock, by name. */
  bots: readonly BotToPlan[];
  /** Those that somebody wants to see. */
  chosen: (bot: string) => boolean;
  span: Span;
}

type PredictedBot = Prediction['bots'][number];

/** The time that is planned. Milliseconds since 1970. */
interface Span {
  from: number;
  until: number;
}

/** What a bot will do, in sums. Instants and durations in milliseconds, money in micros. */
interface Outlook {
  /** Posts in the time that is planned, and what they cost. */
  posts: number;
  micros: number;
  /** Its next post, be it after that time; undefined where nobody can see one. */
  next: number | undefined;
  /** What the 30 days from now on cost. */
  microsPerMonth: number;
  /** The lines of this pass that are not posted yet, and what all of them cost. */
  linesLeft: number;
  microsToEnd: number;
  /** When the last of them is posted, where that is within 50 years. `about`: reckoned from the pace, since it is far away. */
  end: { at: number; about: boolean } | undefined;
  /** The time from one post to the next, where there are two. */
  every: number | undefined;
  /** The same as it would be if X refused nothing. */
  pace: number | undefined;
  /** How often X refused a line as a repetition in that time, and how many of the slots have no post; undefined for never. */
  refused: { times: number; missing: number; slots: number } | undefined;
  /** The budgets that hold it in that time. */
  held: PredictedBot['held'];
}

/** One bot, as it will be. */
export interface BotPlan {
  bot: BotToPlan;
  /** How it stands at the beginning. */
  standing: StandingOf;
  outlook: Outlook;
  /** Why it takes no more steps, where it does not. */
  rest: PredictedBot['rest'];
  /** How it is parked at last, where it is. */
  parked: PredictedBot['parked'];
  /** The most posts in any 24 hours. */
  mostInDay: number;
}

/** What a month is in a forecast. Milliseconds. */
const month = 30 * 86_400_000;

/** Nobody plans farther ahead. Milliseconds. */
const maxSpan = 50 * 365.25 * 86_400_000;

/** How many steps are taken after the time that is planned, to see where the poems end. */
const maxSteps = 30_000;

/** What a flock will do: first its posts, one by one, and when all of them were taken, what they come to. */
export class FlockPlan {
  readonly span: Span;
  /** What the flock may spend. */
  readonly flockBudget: FlockBudget;
  /** The bots that somebody wants to see, by name. */
  readonly chosen: readonly BotToPlan[];
  readonly #options: PlanOptions;
  readonly #prediction: Prediction;
  readonly #tallies = new Map<string, BotTally>();
  readonly #standings: readonly StandingOf[];
  readonly #limits = new LimitWatch();
  #plans: readonly BotPlan[] | undefined;

  constructor(options: PlanOptions) {
    const { bots, chosen, span, ...shared } = options;
    this.span = span;
    this.flockBudget = shared.flockBudget;
    this.#options = options;
    this.chosen = bots.filter(({ name }) => chosen(name));
    this.#standings = this.chosen.map((bot) => standingOf(bot, shared, span.from));
    // Bots that nobody wants to see matter where they spend what all have together.
    this.#prediction = new Prediction(this.#isShared ? bots : this.chosen, shared, span.from);
    for (const bot of this.#prediction.bots) {
      const { name, network } = bot.bot;
      const { prices } = budgetAt(network, shared.flockBudget);
      if (chosen(name)) this.#tallies.set(name, new BotTally(bot, { prices, span }));
    }
    for (const { name, app } of this.chosen) this.#limits.addBot(name, app);
  }

  /** The posts of the time that is planned, in its order. */
  *posts(): Generator<PredictedPost> {
    for (const post of this.#prediction.until(this.span.until)) {
      const tally = this.#tallies.get(post.bot);
      if (!tally) continue;
      tally.add(post);
      this.#limits.addPost(post.bot, post.at);
      yield post;
    }
    for (const tally of this.#tallies.values()) tally.endSpan();
  }

  /** Each chosen bot, by name; to be asked for after the posts. */
  bots(): readonly BotPlan[] {
    return (this.#plans ??= this.#sumUp());
  }

  /** The limits of X that the posts go beyond. */
  excesses(): Excess[] {
    return this.#limits.excesses();
  }

  /** What the authors of the poems may not have meant: bot by bot, then between bots. */
  *lints(): Generator<LintOfBot> {
    const { bots, chosen } = this.#options;
    for (const { bot, outlook } of this.bots()) {
      const { refrain, atEnd } = bot.settings;
      const pace = bot.network.refusesRepetitions
        ? { every: outlook.pace, refrain, atEnd, remembers: xLimits.remembers }
        : undefined;
      const { prices } = budgetAt(bot.network, this.flockBudget);
      for (const lint of lintPoem(bot.lines, { ...splitOf(bot), prices, pace }))
        yield { ...lint, bot: bot.name, file: bot.file };
    }
    // Of two bots with one text the chosen one is told of it. Only X forbids it.
    const others = bots.filter(({ name }) => !chosen(name));
    const poems = [...others, ...this.chosen]
      .filter(({ network }) => network.refusesRepetitions)
      .map(({ name, file, lines }) => ({ bot: name, file, lines }));
    for (const lint of findSharedTexts(poems)) if (chosen(lint.bot)) yield lint;
  }

  /** What a month would cost if the flock had no budget of its own, in micros; undefined where that holds no bot back. */
  monthWithoutBudget(): number | undefined {
    if (!this.bots().some(({ outlook: { held } }) => held?.first.cap.whose === 'flock')) return undefined;
    const { flockBudget, deadline } = this.#options;
    const free = { flockBudget: { ...flockBudget, budget: {} }, history: new FlockHistory(), deadline };
    const { from } = this.span;
    const costs = new Map<string, number>();
    for (const { bot, micros } of new Prediction(this.chosen, free, from).until(from + month))
      costs.set(bot, (costs.get(bot) ?? 0) + micros);
    return this.chosen.reduce((sum, { name, settings: { budget } }) => {
      return sum + Math.min(costs.get(name) ?? 0, inMicros(budget.usdPerMonth ?? Infinity));
    }, 0);
  }

  /** Whether what one bot spends is another's loss. */
  get #isShared(): boolean {
    const { postsPerDay, usdPerMonth } = this.flockBudget.budget;
    return postsPerDay !== undefined || usdPerMonth !== undefined;
  }

  #sumUp(): BotPlan[] {
    this.#lookFarther();
    return this.chosen.flatMap((bot, index) => {
      const tally = this.#tallies.get(bot.name);
      const standing = this.#standings[index];
      if (!tally || !standing) return [];
      const { rest, parked } = tally.bot;
      const outlook = tally.outlook(this.#prediction.now);
      return [{ bot, standing, outlook, rest, parked, mostInDay: this.#limits.mostInDay(bot.name) }];
    });
  }

  /** Goes on after the time that is planned, as far as is reasonable, to see what a month costs and where poems end. */
  #lookFarther(): void {
    /** Whether there is nothing more to see of a bot. */
    const isKnown = ({ bot: { name }, rest }: PredictedBot): boolean => {
      const tally = this.#tallies.get(name);
      return !tally || rest !== undefined || tally.isDone(this.#prediction.now);
    };
    const isDone = (bot: PredictedBot): boolean => !this.#isShared && isKnown(bot);
    let posts = 0;
    for (const post of this.#prediction.until(this.span.from + maxSpan, { mostSteps: maxSteps, isDone })) {
      this.#tallies.get(post.bot)?.add(post);
      if (++posts % 1000 === 0 && this.#prediction.bots.every(isKnown)) return;
    }
  }
}

/** How a bot stands at an instant, by its state. */
export function standingOf(
  { name: bot, account, settings, state, lines, network, rules }: BotToPlan,
  flock: Pick<Shared, 'history' | 'flockBudget'>,
  now: number,
): StandingOf {
  const next = state && !isFinished(state.place) ? state.place.next : 0;
  const linked = new Set(rules.hasLink(lines[next]?.text ?? '') ? [next] : []);
  const files = { bot, account, network, lines: lines.length, linked, settings, unfit: undefined };
  return conditionOf(files, state, { ...flock, isStopped: false, now });
}

interface TallyOptions {
  prices: PriceTable;
  span: Span;
}

/** Adds up what one bot posts, as it comes. */
class BotTally {
  readonly bot: PredictedBot;
  readonly #given: TallyOptions;
  readonly #linesLeft: number;
  /** The pass that ends with these lines. */
  readonly #pass: number;
  readonly #inSpan = { posts: 0, micros: 0 };
  #inMonth = 0;
  #toEnd = 0;
  #posts = 0;
  #first: number | undefined;
  #last: number | undefined;
  #end: number | undefined;
  #held: PredictedBot['held'];
  #refused = 0;
  /** Slots of the time that is planned that have a post. */
  #served = 0;

  constructor(bot: PredictedBot, given: TallyOptions) {
    this.bot = bot;
    this.#given = given;
    const { state, settings, lines } = bot.bot;
    const left = bot.linesLeft()?.length ?? 0;
    const isOver = bot.isAtEnd && left === 0;
    const begins = isOver && settings.atEnd === 'loop';
    this.#linesLeft = begins ? lines.length : left;
    this.#pass = (state?.pass ?? 1) + (begins ? 1 : 0);
    if (isOver && !begins) this.#end = state?.last?.at;
  }

  add({ at, slot, micros }: PredictedPost): void {
    const { from, until } = this.#given.span;
    if (at <= until) {
      this.#inSpan.posts++;
      this.#inSpan.micros += micros;
      if (slot > from - this.bot.schedule.offset) this.#served++;
    }
    if (at < from + month) this.#inMonth += micros;
    // Where its last line was passed over, the post before that was its last.
    const isOver = (this.bot.state?.pass ?? 0) > this.#pass;
    if (this.#end === undefined && isOver) this.#end = this.#last ?? at;
    if (this.#end === undefined) {
      this.#toEnd += micros;
      if (this.bot.isAtEnd) this.#end = at;
    }
    this.#posts++;
    this.#first ??= at;
    this.#last = at;
  }

  /** To be called when the time that is planned is over. */
  endSpan(): void {
    this.#held = this.bot.held;
    this.#refused = this.bot.refused;
  }

  /** Whether its last line was posted, and all that it costs in a month is known. */
  isDone(now: number): boolean {
    return this.#end !== undefined && now >= this.#given.span.from + month;
  }

  /** @param now - how far the prediction has come */
  outlook(now: number): Outlook {
    const share = Math.min(1, (now - this.#given.span.from) / month);
    const { lines, settings } = this.bot.bot;
    const left = this.#end === undefined ? (this.bot.linesLeft() ?? []) : [];
    const costs = left.map((line) => costOf(lines[line]?.text ?? '', this.#given.prices));
    const every = this.#every();
    return {
      ...this.#inSpan,
      next: this.#first,
      microsPerMonth: Math.min(
        inMicros(settings.budget.usdPerMonth ?? Infinity),
        share > 0 ? Math.round(this.#inMonth / share) : 0,
      ),
      linesLeft: this.#linesLeft,
      microsToEnd: costs.reduce((sum, cost) => sum + cost, this.#toEnd),
      end: this.#endFrom(now, every, left.length),
      every,
      pace: this.#pace(every),
      refused: this.#refusals(),
      held: this.#held,
    };
  }

  /** Refusals slow a bot down, and would hide that it is too fast: then the schedule says how fast it is. */
  #pace(every: number | undefined): number | undefined {
    if (this.bot.refused === 0) return every;
    const { from } = this.#given.span;
    const slots = this.#slotsOf({ from, until: from + month });
    return slots > 1 ? month / slots : every;
  }

  #refusals(): Outlook['refused'] {
    if (this.#refused === 0) return undefined;
    const { parked, schedule, bot } = this.bot;
    const { from, until } = this.#given.span;
    const isLast = bot.settings.atEnd === 'stop' ? this.#end : undefined;
    const last = Math.min(until, isLast ?? until, parked?.at ?? until);
    const slots = this.#slotsOf({ from: from - schedule.offset, until: last - schedule.offset });
    return { times: this.#refused, missing: Math.max(0, slots - this.#served), slots };
  }

  #slotsOf(stretch: Stretch): number {
    const { schedule: expression, timezone } = this.bot.bot.settings;
    return countSlots({ expression, timezone }, stretch);
  }

  #every(): number | undefined {
    if (this.#posts > 1) return ((this.#last ?? 0) - (this.#first ?? 0)) / (this.#posts - 1);
    const slot = this.bot.schedule.nextSlot(this.#given.span.from);
    const following = slot === undefined ? undefined : this.bot.schedule.nextSlot(slot);
    return slot === undefined || following === undefined ? undefined : following - slot;
  }

  #endFrom(now: number, every: number | undefined, left: number): Outlook['end'] {
    if (this.#end !== undefined) return { at: this.#end, about: false };
    const { rest, isAtEnd } = this.bot;
    if (rest === 'finished' && isAtEnd && this.#last !== undefined) return { at: this.#last, about: false };
    if (rest !== undefined || every === undefined) return undefined;
    const at = Math.max(this.#last ?? 0, now - every) + left * every;
    return at < this.#given.span.from + maxSpan ? { at: Math.round(at), about: true } : undefined;
  }
}

/**
 * Reads the poems of a flock, each once.
 *
 * @param states - what the ledger says of the bots
 * @returns the bots that can post, and those that cannot and why, both by name
 */
export async function readBots(
  { bots, invalidBots }: Pick<WholeFlock, 'bots' | 'invalidBots'>,
  states: ReadonlyMap<string, BotState>,
  readPoem: (file: string) => Promise<string>,
): Promise<{ bots: BotToPlan[]; invalidBots: Flock['invalidBots'] }> {
  const appOf = apps(bots);
  const invalid = [...invalidBots];
  const read = async (bot: PlannedBot): Promise<BotToPlan[]> => {
    const { name, poemFile, bundle } = bot;
    const state = states.get(name);
    try {
      mustBeItsAccount(bot, state?.account);
      const text = await readPoem(poemFile);
      const lines = await linesOf(poemFile, splitOf(bot), () => Promise.resolve(text));
      // Without a key, the one it was parked with still counts.
      const key = bundle ? keyMark({ bundle }) : (state?.parked?.key ?? '');
      return [{ ...bot, file: shownPath(poemFile), text, lines, state, key, app: appOf(bot) }];
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      invalid.push({ bot: name, error });
      return [];
    }
  };
  const found = await pMap(bots, read, { concurrency: 64 });
  return { bots: found.flat(), invalidBots: invalid.sort((a, b) => (a.bot < b.bot ? -1 : 1)) };
}

/** Tells the X apps of a flock apart. Bots without a key will have the one that the others have, where those have but one. */
function apps(bots: readonly PlannedBot[]): (bot: PlannedBot) => string | undefined {
  const ofX = bots.filter(({ network }) => network === networks.x);
  const found = new Set(ofX.flatMap(({ bundle }) => (bundle ? [reachOf(bundle).app] : [])));
  const known = new Map([...found].map((app, index) => [app, `app ${index + 1}`]));
  const usual = known.size === 1 ? 'app 1' : 'app of the new';
  return ({ bundle, network }) => {
    if (network !== networks.x) return undefined;
    return (bundle && known.get(reachOf(bundle).app)) ?? usual;
  };
}
