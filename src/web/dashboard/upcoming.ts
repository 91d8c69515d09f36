import type { Bot } from '../../config/flock-file.ts';
import { type BotStatus, hasToPost, maxRequest } from '../../flock/status.ts';
import { FlockHistory } from '../../ledger/history.ts';
import type { BotState } from '../../ledger/state.ts';
import { networkFor } from '../../networks/networks.ts';
import { readBots } from '../../plan/plan.ts';
import { Prediction } from '../../plan/predict.ts';
import { readPoem } from '../../poems/find.ts';
import type { FlockBudget } from '../../posting/budget.ts';
import { iso } from '../../text.ts';

/** A post to come. */
export interface UpcomingPost {
  bot: string;
  /** ISO 8601. */
  at: string;
  /** The first of its lines, counted from 1, and how many of them it has. */
  line: number;
  lines: number;
  text: string;
}

/** What a prediction begins from. */
interface Beginning {
  stateOf: (bot: string) => BotState | undefined;
  history: FlockHistory;
  flockBudget: FlockBudget;
  now: number;
}

/** A bot in trouble takes steps without a post, which must not go on for ever. */
const maxStepsPerPost = 50;

/**
 * The next posts of a few bots in the order of time, as `flockd plan` predicts them. Their poems are read for it.
 *
 * @param until - no post after this instant. Milliseconds since 1970
 */
export async function predictPosts(
  bots: readonly Bot[],
  { stateOf, history, flockBudget, now }: Beginning,
  { max, until }: { max: number; until: number },
): Promise<UpcomingPost[]> {
  const known = new Map(
    bots.flatMap(({ name }) => {
      const state = stateOf(name);
      return state ? [[name, state] as const] : [];
    }),
  );
  const planned = bots.map((bot) => {
    return { ...bot, network: networkFor(bot.bundle), account: bot.bundle.screenName };
  });
  const { bots: ready } = await readBots({ bots: planned, invalidBots: [] }, known, readPoem);
  const shared = { flockBudget, history: new FlockHistory(history.toJSON()), deadline: maxRequest };
  const posts: UpcomingPost[] = [];
  const prediction = new Prediction(ready, shared, now);
  for (const { bot, at, line, lines, text } of prediction.until(until, {
    mostSteps: max * maxStepsPerPost,
  })) {
    posts.push({ bot, at: iso(at), line: line + 1, lines, text });
    if (posts.length === max) break;
  }
  return posts;
}

/** How many posts of the day are shown one by one. */
const maxUpcoming = 12;

/** How a bot stands. */
interface Standing extends Pick<BotStatus, 'bot' | 'state' | 'next'> {
  pausedSince: string | undefined;
}

interface Today extends Beginning {
  botOf: (name: string) => Bot | undefined;
  standing: readonly Standing[];
  /** Another value for a poem that has changed. */
  poemOf: (bot: string) => unknown;
  isStopped: boolean;
  /** When the flock's day ends. Milliseconds since 1970. */
  ends: number;
}

/** The next posts of a flock today. They are predicted again only when something that they depend on has changed. */
export class UpcomingToday {
  #known: { marks: readonly unknown[]; posts: UpcomingPost[] } = { marks: [], posts: [] };

  async posts({ botOf, standing, poemOf, isStopped, ends, ...beginning }: Today): Promise<UpcomingPost[]> {
    const { stateOf, history, now } = beginning;
    // The first posts of all are among the first posts of those bots that post first.
    const names = isStopped ? [] : firstOf(standing, iso(ends));
    const chosen = names.flatMap((name) => botOf(name) ?? []);
    const spent = history.days.at(history.days.recent[0] ?? 0);
    const marksOf = (bot: Bot): unknown[] => [bot, stateOf(bot.name), poemOf(bot.name)];
    const marks = [ends, spent.posts, spent.micros, ...chosen.flatMap(marksOf)];
    const { marks: before } = this.#known;
    const isSame = marks.length === before.length && marks.every((mark, n) => mark === before[n]);
    const isAhead = this.#known.posts.every(({ at }) => Date.parse(at) > now);
    if (!isSame || !isAhead) {
      const posts = await predictPosts(chosen, beginning, { max: maxUpcoming, until: ends - 1 });
      this.#known = { marks, posts };
    }
    return this.#known.posts;
  }
}

/** The names of the bots that post first, soonest first. @param before - only before this instant, in ISO 8601 */
function firstOf(standing: readonly Standing[], before: string): string[] {
  const first: { bot: string; next: string }[] = [];
  for (const { bot, state, next, pausedSince } of standing) {
    // A flock can be large, and nearly all of it comes later.
    const last = first.length < maxUpcoming ? before : (first.at(-1)?.next ?? before);
    if (next === undefined || next >= last || pausedSince !== undefined || !hasToPost(state)) continue;
    first.splice(first.findLastIndex((one) => one.next <= next) + 1, 0, { bot, next });
    first.splice(maxUpcoming);
  }
  return first.map(({ bot }) => bot);
}
