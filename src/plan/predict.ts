import type { Failure, Network } from '../networks/network.ts';
import TinyQueue from 'tinyqueue';
import { type BotSettings, splitOf } from '../config/flock-file.ts';
import { defaultSockets } from '../http/exchange.ts';
import type { Intent, LedgerEvent } from '../ledger/events.ts';
import type { FlockHistory } from '../ledger/history.ts';
import { applyEvent, type BotState, fingerprints, isFinished, linesLeft } from '../ledger/state.ts';
import type { Line } from '../poems/poem.ts';
import { asKept, cashtagsIn, type TextRules } from '../poems/tweet-text.ts';
import { type BudgetExceeded, budgetAt, looksAgain, type FlockBudget } from '../posting/budget.ts';
import { decide, type Decision, movePost, type PlannedPost } from '../posting/decide.ts';
import { readFor, readingOf } from '../posting/edits.ts';
import { eventsAfter } from '../posting/post.ts';
import { beginLook } from '../posting/reconcile.ts';
import { BotSchedule } from '../schedule/schedule.ts';
import { xLimits } from './x-limits.ts';

/** What is known of a bot before it is planned. */
export interface BotToPredict {
  name: string;
  /** The text of its poem, and its lines in order; at least one. */
  text: string;
  lines: readonly Line[];
  settings: BotSettings;
  network: Network;
  rules: TextRules;
  /** What the ledger says of it. */
  state: BotState | undefined;
  /** Tells its key from the one it was parked with. */
  key: string;
}

type PoemRead = Parameters<typeof movePost>[0]['poem'];

/** What the bots of a flock share. */
export interface Shared {
  flockBudget: FlockBudget;
  /** What the flock did; the prediction goes on in it. */
  history: FlockHistory;
  /** The most one request takes. Milliseconds. */
  deadline: number;
}

/** A post as it will be. Instants in milliseconds since 1970. */
export interface PredictedPost extends PlannedPost {
  bot: string;
  at: number;
  slot: number;
  /** What it costs. */
  micros: number;
}

/** What a bot does after a step. */
type Next =
  /** It takes its next step at an instant. */
  | { at: number }
  /** It posts nothing more, or nothing for now. */
  | { rest: NonNullable<PredictedBot['rest']> }
  /** The flock has nothing to spend until an instant; the bot looks this often whether something was given back. Milliseconds. */
  | { poorUntil: number; looksEvery: number }
  /** It has sent a post; X answers when all others of this instant have sent theirs. The next step follows at once. */
  | { answer: () => PredictedPost | undefined };

/**
 * One bot in a time to come. It decides as {@link BotRunner} does, by the same functions; what the runner would write to the
 * ledger and send to X stays in memory. A post takes no time, X has no outage, and the poem stays as it is. It does not call
 * the runner itself, which in each step waits, reads the poem and hashes what it sends: a month of 10,000 bots, which is
 * 300,000 posts, would take several times as long.
 */
class PredictedBot {
  readonly bot: BotToPredict;
  readonly schedule: BotSchedule;
  state: BotState | undefined;
  /** How often budgets have held it, the first of them, and the end of the last time. */
  held: { first: { cap: BudgetExceeded; at: number }; until: number | undefined; times: number } | undefined;
  /** Why it takes no more steps, if it takes none. */
  rest: Extract<Decision, { do: 'rest' }>['because'] | 'finished' | 'budget' | undefined;
  /** How often X has refused a line as a repetition. */
  refused = 0;
  readonly #shared: Shared;
  readonly #gaveBack: () => void;
  /** When each text was posted last. */
  readonly #posted = new Map<string, number>();
  /** The open post, and since when it is known to be open. */
  #doubt: { open: Intent; since: number } | undefined;
  /** The poem as it was read last, for as long as the bot knows it so. */
  #read: { known: string; pass: number; poem: PoemRead } | undefined;

  /** @param gaveBack - called where a post was paid for that was not made */
  constructor(bot: BotToPredict, shared: Shared, gaveBack: () => void) {
    this.bot = bot;
    this.schedule = new BotSchedule(bot.name, bot.settings);
    this.state = bot.state;
    // Bots of X, which may be thousands, share one.
    this.#shared = bot.network.charges
      ? shared
      : { ...shared, flockBudget: budgetAt(bot.network, shared.flockBudget) };
    this.#gaveBack = gaveBack;
  }

  /** Why it is parked, and at which line, counted from 1. */
  get parked(): (NonNullable<BotState['parked']> & { line: number }) | undefined {
    const { parked, place } = this.state ?? {};
    return parked && place && { ...parked, line: place.next + 1 };
  }

  /** Whether all lines of its pass are done. */
  get isAtEnd(): boolean {
    return this.state !== undefined && isFinished(this.state.place);
  }

  /** The lines of this pass that are not done, counted from 0, or undefined where its place is lost. */
  linesLeft(): number[] | undefined {
    const { lines, rules } = this.bot;
    if (!this.state) return lines.map((_, line) => line);
    const { place } = readingOf(this.state.place, lines, rules);
    return place && linesLeft(place);
  }

  /** Takes one step at an instant. */
  step(now: number): Next {
    const next = this.#take(now);
    if ('rest' in next) this.rest = next.rest;
    return next;
  }

  #take(now: number): Next {
    const { name: bot, lines, rules, settings, key, network } = this.bot;
    this.state ??= applyEvent(undefined, { event: 'begun', bot, at: now, poem: fingerprints(lines) });
    const state = this.state;
    const { schedule } = this;
    const { deadline } = this.#shared;
    const openFor = this.#openFor(state.open, now);
    const decision = decide({
      bot,
      state,
      settings,
      schedule,
      now,
      key,
      openFor,
      deadline,
      isStopped: false,
      findsByMark: network.findsByMark,
    });
    switch (decision.do) {
      case 'wait':
        return { at: decision.until };
      case 'rest':
        return { rest: decision.because };
      case 'record':
        return this.#record(now, decision.event);
      case 'reconcile':
        // Nobody can know; what was not seen to arrive is taken not to have.
        return this.#record(now, { event: 'absent', bot, at: now, by: 'timeline' });
      case 'look':
        return this.#record(now, beginLook(bot, state, { lines, rules, atEnd: settings.atEnd }, now));
      case 'post':
        return this.#post(state, decision, now);
    }
  }

  #openFor(open: Intent | undefined, now: number): number {
    if (!open) return 0;
    if (this.#doubt?.open !== open) this.#doubt = { open, since: now };
    return now - this.#doubt.since;
  }

  #post(state: BotState, { slot, until }: Extract<Decision, { do: 'post' }>, now: number): Next {
    const { name: bot, settings } = this.bot;
    const poem = this.#readPoem(state, now);
    const { offset } = this.schedule;
    const move = movePost({ bot, state, settings, until, offset, poem, flock: this.#shared, now });
    switch (move.do) {
      case 'record':
        return this.#record(now, move.event);
      case 'finish':
        return { rest: 'finished' };
      case 'wait for budget':
        return this.#hold(move.cap, now);
      case 'post': {
        const { line, lines } = move.post;
        // No timeline is searched for it, so its fingerprint is not needed.
        const intent = { event: 'intent', bot, at: now, slot, until, line, lines, print: '' } as const;
        this.#record(now, { ...intent, ...move.price });
        const sent = { bot, at: now, slot, ...move.post, micros: move.price.cost ?? 0 };
        return { answer: () => this.#answered(sent, state) };
      }
    }
  }

  /** The poem as the bot reads it. Where it knows another split of it that takes long to find, it is looked for once. */
  #readPoem({ place, pass }: BotState, at: number): PoemRead {
    const { name, text, lines, rules, key } = this.bot;
    if (this.#read?.known === place.poem && this.#read.pass === pass) return this.#read.poem;
    const poem = { ...readFor(name, place, { text, split: splitOf(this.bot), lines }, { at, key }), rules };
    this.#read = poem.edit ? undefined : { known: place.poem, pass, poem };
    return poem;
  }

  /** Writes down what happened. @returns the next step, at once */
  #record(at: number, ...events: LedgerEvent[]): { at: number } {
    for (const event of events) {
      this.#shared.history.apply(event, this.state);
      if (event.event === 'refused' || event.event === 'absent') this.#gaveBack();
      this.state = applyEvent(this.state, event);
    }
    return { at };
  }

  /** @param state - before the post @returns the post, where X takes it */
  #answered(post: PredictedPost, state: BotState): PredictedPost | undefined {
    const { bot, at, text } = post;
    const failure = this.#failureOf(text, at);
    if (!failure) {
      this.#record(at, { event: 'posted', bot, at, by: 'answer' });
      return post;
    }
    if (failure.kind === 'duplicate') this.refused++;
    const { refrain } = this.bot.settings;
    const { key, network } = this.bot;
    const attempt = { bot, state, key, network, refrain, now: at };
    // What is predicted is never in doubt, so that a repetition is a refrain.
    this.#record(at, ...eventsAfter(failure, { ...attempt, isRepeated: true, closedUntil: undefined }));
    return undefined;
  }

  /** X's answer to a text, as far as it can be known before: a failure, or undefined if it takes the text. */
  #failureOf(text: string, now: number): Failure | undefined {
    if (!this.bot.network.refusesRepetitions) return undefined;
    const kept = asKept(text);
    if (cashtagsIn(kept) > 1) return { kind: 'rejected', reason: 'X takes one cashtag in a post' };
    const last = this.#posted.get(kept);
    if (last !== undefined && last > now - xLimits.remembers.surely)
      return { kind: 'duplicate', reason: 'it repeats what was posted lately' };
    this.#posted.set(kept, now);
    return undefined;
  }

  #hold(cap: BudgetExceeded, now: number): Next {
    const { first = { cap, at: now }, until, times = 0 } = this.held ?? {};
    this.held = { first, until: cap.until, times: cap.until === until ? times : times + 1 };
    if (cap.until === undefined) return { rest: 'budget' };
    const looks = looksAgain(cap, now) ?? cap.until;
    // Slots that it lets go while it looks are no more than those of its schedule.
    if (this.bot.settings.missed === 'skip') return { at: looks };
    // Nobody gives back to it what it has spent itself.
    return cap.whose === 'bot' ? { at: cap.until } : { poorUntil: cap.until, looksEvery: looks - now };
  }
}

/**
 * A bot's next step. Those of one instant go in rounds, as the daemon's do: a bot that is not done after a step waits for all
 * others. Within a round bots go by name.
 */
interface Step {
  at: number;
  round: number;
  index: number;
  /** A bot has one next step; those it had before count no more. */
  turn: number;
}

/** How far a prediction is to go at most. */
interface Bounds {
  mostSteps?: number;
  /** Whether nobody asks any more what a bot does. */
  isDone?: (bot: PredictedBot) => boolean;
}

/** What a whole flock will post, in the order of time. */
export class Prediction {
  readonly bots: readonly PredictedBot[];
  readonly #queue = new TinyQueue<Step>([], compareSteps);
  readonly #turns: number[];
  /** Bots that wait for the flock to have money again, and since when. */
  readonly #poor = new Map<number, { since: number; until: number; every: number }>();
  #gaveBack = false;
  #now: number;

  /** @param bots - by name @param from - when the daemon would start, in milliseconds since 1970 */
  constructor(bots: readonly BotToPredict[], shared: Shared, from: number) {
    const gaveBack = (): void => void (this.#gaveBack = true);
    this.bots = bots.map((bot) => new PredictedBot(bot, shared, gaveBack));
    this.#now = from;
    this.#turns = bots.map(() => 0);
    bots.forEach((_, index) => {
      this.#queue.push({ at: from, round: 0, index, turn: 0 });
    });
  }

  /** When it is, in milliseconds since 1970: every step before has been taken. */
  get now(): number {
    return this.#now;
  }

  /** The posts until an instant, that one included. To be called again for those after it. */
  *until(instant: number, { mostSteps = Infinity, isDone }: Bounds = {}): Generator<PredictedPost> {
    let steps = 0;
    for (let first = this.#next(); first && first.at <= instant; first = this.#next()) {
      if (steps >= mostSteps) return;
      this.#now = first.at;
      const sent: { step: Step; answer: () => PredictedPost | undefined }[] = [];
      for (let step = this.#next(); step && sent.length < defaultSockets; step = this.#next()) {
        if (step.at !== first.at || step.round !== first.round) break;
        this.#queue.pop();
        steps++;
        const bot = this.bots[step.index];
        if (!bot || isDone?.(bot) === true) continue;
        const next = bot.step(step.at);
        if ('answer' in next) sent.push({ step, answer: next.answer });
        else this.#plan(step, next);
      }
      for (const { step, answer } of sent) {
        const post = answer();
        this.#plan(step, { at: step.at });
        if (post) yield post;
      }
      if (this.#gaveBack) this.#tellThePoor();
    }
    this.#now = instant;
  }

  /** The next step that counts. */
  #next(): Step | undefined {
    let step = this.#queue.peek();
    for (; step && step.turn !== this.#turns[step.index]; step = this.#queue.peek()) this.#queue.pop();
    return step;
  }

  #plan({ at, round, index }: Step, next: Exclude<Next, { answer: unknown }>): void {
    this.#poor.delete(index);
    if ('rest' in next) return;
    if ('poorUntil' in next) {
      this.#poor.set(index, { since: at, until: next.poorUntil, every: next.looksEvery });
      this.#put(index, next.poorUntil, 0);
    } else if (next.at > at) this.#put(index, next.at, 0);
    else this.#put(index, at, round + 1);
  }

  #put(index: number, at: number, round: number): void {
    const turn = (this.#turns[index] ?? 0) + 1;
    this.#turns[index] = turn;
    this.#queue.push({ at, round, index, turn });
  }

  /** Those who wait for money find what was given back when they look the next time. */
  #tellThePoor(): void {
    this.#gaveBack = false;
    for (const [index, { since, until, every }] of this.#poor) {
      const looks = since + (Math.floor((this.#now - since) / every) + 1) * every;
      if (looks >= until) continue;
      this.#poor.delete(index);
      this.#put(index, looks, 0);
    }
  }
}

const compareSteps = (a: Step, b: Step): number => a.at - b.at || a.round - b.round || a.index - b.index;
