import TinyQueue from 'tinyqueue';
import { usualSockets } from '../http/exchange.ts';
import { PredictedBot } from './predicted-bot.ts';
import type { BotToPredict, Next, PredictedPost, Shared } from './predicted.ts';

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
export interface Bounds {
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

  /**
   * @param bots - by name
   * @param from - when the daemon would start, in milliseconds since 1970
   */
  constructor(bots: readonly BotToPredict[], shared: Omit<Shared, 'gaveBack'>, from: number) {
    const gaveBack = (): void => void (this.#gaveBack = true);
    this.bots = bots.map((bot) => new PredictedBot(bot, { ...shared, gaveBack }));
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
      for (
        let step = this.#next();
        step && isSameRound(step, first) && sent.length < usualSockets;
        step = this.#next()
      ) {
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

const isSameRound = (a: Step, b: Step): boolean => a.at === b.at && a.round === b.round;
