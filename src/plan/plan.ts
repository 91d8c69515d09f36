import pMap from 'p-map';
import { inMicros } from '../cost.ts';
import { FlockError } from '../errors.ts';
import type { Flock, PlannedBot, WholeFlock } from '../flock/load.ts';
import { conditionOf, type StandingOf } from '../flock/status.ts';
import { shownPath } from '../fs.ts';
import { mustBeItsAccount } from '../keys/right-account.ts';
import { FlockHistory } from '../ledger/history.ts';
import type { BotState } from '../ledger/state.ts';
import { readPoem } from '../poems/find.ts';
import { findSharedTexts, type LintOfBot, lintPoem } from '../poems/lint.ts';
import { linesOf } from '../poems/poem.ts';
import { hasLink } from '../poems/tweet-text.ts';
import { keyMark } from '../posting/bot-runner.ts';
import type { FlockBudget } from '../posting/budget.ts';
import { slotCounter } from '../schedule/schedule.ts';
import { BotTally, maxSpan, month, type Outlook, type Span } from './outlook.ts';
import {
  type BotToPredict,
  type Parked,
  type PredictedBot,
  type PredictedPost,
  Prediction,
  type Rest,
  type Shared,
} from './predict.ts';
import { type Excess, LimitWatch, xLimits } from './x-limits.ts';

/** A bot as the files of the flock have it. */
interface BotToPlan extends BotToPredict {
  /** Its poem's file, as it is to be shown. */
  file: string;
  /** Its account's screen name. */
  account: string | undefined;
  hasKey: boolean;
  /** Tells the app of its key from others. */
  app: string;
}

interface PlanOptions extends Shared {
  /** All bots of the flock, by name. */
  bots: readonly BotToPlan[];
  /** Those that somebody wants to see. */
  chosen: (bot: string) => boolean;
  span: Span;
}

/** One bot, as it will be. */
export interface BotPlan {
  bot: BotToPlan;
  /** How it stands at the beginning. */
  standing: StandingOf;
  outlook: Outlook;
  /** Why it takes no more steps, where it does not. */
  rest: Rest | undefined;
  /** How it is parked at last, where it is. */
  parked: Parked | undefined;
  /** The most posts in any 24 hours. */
  mostInDay: number;
}

/** How many steps are taken after the time that is planned, to see where the poems end. */
const maxSteps = 30_000;

/** What a flock will do: first its posts, one by one, and when all of them were taken, what they come to. */
export class FlockPlan {
  readonly span: Span;
  readonly #options: PlanOptions;
  readonly #chosen: readonly BotToPlan[];
  readonly #prediction: Prediction;
  readonly #tallies = new Map<string, BotTally>();
  readonly #standings = new Map<string, StandingOf>();
  readonly #limits = new LimitWatch();
  #plans: readonly BotPlan[] | undefined;

  constructor(options: PlanOptions) {
    const { bots, chosen, span, ...shared } = options;
    this.span = span;
    this.#options = options;
    this.#chosen = bots.filter(({ name }) => chosen(name));
    for (const bot of this.#chosen) this.#standings.set(bot.name, standingOf(bot, shared, span.from));
    // Bots that nobody wants to see matter where they spend what all have together.
    this.#prediction = new Prediction(this.#isShared ? bots : this.#chosen, shared, span.from);
    const { prices } = shared.purse;
    const slotsIn = slotCounter();
    for (const bot of this.#prediction.bots) {
      const { name } = bot.bot;
      if (chosen(name)) this.#tallies.set(name, new BotTally(bot, { prices, span, slotsIn }));
    }
    for (const { name, app } of this.#chosen) this.#limits.addBot(name, app);
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
    const { prices } = this.#options.purse;
    for (const { bot, outlook } of this.bots()) {
      const { unit, refrain, atEnd } = bot.settings;
      const pace = { every: outlook.pace, refrain, atEnd, remembers: xLimits.remembers };
      for (const lint of lintPoem(bot.lines, { unit, prices, pace }))
        yield { ...lint, bot: bot.name, file: bot.file };
    }
    // Of two bots with one text the chosen one is told of it.
    const others = this.#options.bots.filter(({ name }) => !this.#options.chosen(name));
    const poems = [...others, ...this.#chosen].map(({ name, file, lines }) => ({ bot: name, file, lines }));
    for (const lint of findSharedTexts(poems)) if (this.#options.chosen(lint.bot)) yield lint;
  }

  /** The bots that somebody wants to see, by name. */
  get chosen(): readonly BotToPlan[] {
    return this.#chosen;
  }

  /** What the flock may spend. */
  get purse(): FlockBudget {
    return this.#options.purse;
  }

  /** What a month would cost if the flock had no budget of its own, in micros; undefined where that holds no bot back. */
  monthWithoutBudget(): number | undefined {
    if (!this.bots().some(({ outlook: { held } }) => held?.first.cap.whose === 'flock')) return undefined;
    const { purse, deadline } = this.#options;
    const free = { purse: { ...purse, budget: {} }, history: new FlockHistory(), deadline };
    const { from } = this.span;
    const costs = new Map<string, number>();
    for (const { bot, micros } of new Prediction(this.#chosen, free, from).until(from + month))
      costs.set(bot, (costs.get(bot) ?? 0) + micros);
    return this.#chosen.reduce((sum, { name, settings: { budget } }) => {
      return sum + Math.min(costs.get(name) ?? 0, inMicros(budget.usdPerMonth ?? Infinity));
    }, 0);
  }

  /** Whether what one bot spends is another's loss. */
  get #isShared(): boolean {
    const { postsPerDay, usdPerMonth } = this.#options.purse.budget;
    return postsPerDay !== undefined || usdPerMonth !== undefined;
  }

  #sumUp(): BotPlan[] {
    this.#lookFarther();
    const ends = new Map(this.#prediction.bots.map(({ bot, rest, parked }) => [bot.name, { rest, parked }]));
    return this.#chosen.flatMap((bot) => {
      const outlook = this.#tallies.get(bot.name)?.outlook(this.#prediction.now);
      const standing = this.#standings.get(bot.name);
      if (!outlook || !standing) return [];
      const mostInDay = this.#limits.mostInDay(bot.name);
      const { rest, parked } = ends.get(bot.name) ?? {};
      return [{ bot, standing, outlook, rest, parked, mostInDay }];
    });
  }

  /** Goes on after the time that is planned, as far as is reasonable, to see what a month costs and where poems end. */
  #lookFarther(): void {
    const isDone = (bot: PredictedBot): boolean => !this.#isShared && this.#isKnown(bot);
    let posts = 0;
    for (const post of this.#prediction.until(this.span.from + maxSpan, { mostSteps: maxSteps, isDone })) {
      this.#tallies.get(post.bot)?.add(post);
      if (++posts % 1000 === 0 && this.#prediction.bots.every((bot) => this.#isKnown(bot))) return;
    }
  }

  /** Whether there is nothing more to see of a bot. */
  #isKnown({ bot: { name }, rest }: PredictedBot): boolean {
    const tally = this.#tallies.get(name);
    return !tally || rest !== undefined || tally.isDone(this.#prediction.now);
  }
}

function standingOf(
  { name: bot, account, settings, state, lines }: BotToPlan,
  { history, purse }: Shared,
  now: number,
): StandingOf {
  const line = state?.place.next ?? 0;
  const linked = new Set(hasLink((lines[line] ?? lines[0])?.text ?? '') ? [line] : []);
  const files = { bot, account, lines: lines.length, linked, settings, unfit: undefined };
  return conditionOf(files, state, { history, purse, isStopped: false, now });
}

/** What all of some bots cost together in a month, in micros, given what the flock may spend. */
export const microsPerMonth = (plans: readonly BotPlan[], usdPerMonth: number | undefined): number =>
  Math.min(
    sumOf(plans, (outlook) => outlook.microsPerMonth),
    inMicros(usdPerMonth ?? Infinity),
  );

/** A sum over bots. */
export const sumOf = (plans: readonly BotPlan[], what: (outlook: Outlook) => number): number =>
  plans.reduce((sum, { outlook }) => sum + what(outlook), 0);

/** Poems read at a time. */
const readers = 64;

/**
 * Reads the poems of a flock, each once.
 *
 * @param states - what the ledger says of the bots
 * @returns who can be planned, and who cannot and why, both by name
 */
export async function readBots(
  { bots, misfits }: WholeFlock,
  states: ReadonlyMap<string, BotState>,
): Promise<{ bots: BotToPlan[]; misfits: Flock['misfits'] }> {
  const appOf = apps(bots);
  const read = async (bot: PlannedBot): Promise<BotToPlan | FlockError> => {
    try {
      return await readBot(bot, states.get(bot.name), appOf(bot));
    } catch (error) {
      if (error instanceof FlockError) return error;
      throw error;
    }
  };
  const found = await pMap(bots, read, { concurrency: readers });
  const unfit = bots.flatMap(({ name: bot }, index) => {
    const error = found[index];
    return error instanceof FlockError ? [{ bot, error }] : [];
  });
  return {
    bots: found.flatMap((bot) => (bot instanceof FlockError ? [] : [bot])),
    misfits: [...misfits, ...unfit].sort((a, b) => (a.bot < b.bot ? -1 : 1)),
  };
}

async function readBot(bot: PlannedBot, state: BotState | undefined, app: string): Promise<BotToPlan> {
  const { name, poemFile, settings, account, bundle } = bot;
  mustBeItsAccount(bot, state?.account);
  const text = await readPoem(poemFile);
  const lines = await linesOf(poemFile, settings.unit, () => Promise.resolve(text));
  return {
    name,
    file: shownPath(poemFile),
    text,
    lines,
    settings,
    state,
    account,
    hasKey: bundle !== undefined,
    // Without a key nothing says that it was repaired.
    key: bundle ? keyMark({ name, poemFile, settings, bundle }) : (state?.parked?.key ?? ''),
    app,
  };
}

/** Tells the apps of a flock apart. Bots without a key will have the one that the others have, where those have but one. */
function apps(bots: readonly PlannedBot[]): (bot: PlannedBot) => string {
  const tokens = bots.flatMap(({ bundle }) => (bundle ? [bundle.appKeys.reveal().token] : []));
  const known = new Map([...new Set(tokens)].map((token, index) => [token, `app ${index + 1}`]));
  const usual = known.size === 1 ? 'app 1' : 'app of the new';
  return ({ bundle }) => (bundle && known.get(bundle.appKeys.reveal().token)) ?? usual;
}
