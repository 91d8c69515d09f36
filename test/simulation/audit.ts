import type { Poems } from './poems.ts';
import { begin, type Scenario } from './scenario.ts';
import type { SimulatedNetwork } from './simulated-network.ts';

/**
 * What X's own log says against the promise, or undefined: every line once and in order, nothing else, no more often than the
 * schedule has slots, and within the budget.
 */
export function audit(
  { bots, budget, usd }: Scenario,
  poems: Poems,
  x: SimulatedNetwork,
): string | undefined {
  for (const { name, settings } of bots) {
    const loops = settings.atEnd === 'loop';
    const poem = poems.readingsOf(name);
    const posted = x.log.filter(({ bot }) => bot === name).flatMap(({ text }) => text.split('\n'));
    // A bot that is told to skip refrains lacks what X refused, and a pass of one that begins again what was added after it.
    const mayLack = (line: number, done: number): boolean =>
      (settings.refrain === 'skip' && poem[line]?.some((text) => x.repetitions.has(`${name} ${text}`))) ===
        true ||
      (loops && poems.isAddedAfter(name, line, done));
    if (!follows(posted, poem, { loops, mayLack }))
      return `${name} posted ${JSON.stringify(posted)} of ${JSON.stringify(poems.linesOf(name))}`;
  }
  return (
    tooOften(x) ??
    (budget === undefined ? undefined : overBudget(budget, x)) ??
    (usd === undefined ? undefined : overMoney(usd, x))
  );
}

const minute = 60_000;

/** A wall clock that X still takes may be so many minutes ahead, and be set back again, so that slots come twice. */
const early = 10;

/** A post before its slot: there is one a minute, and none of a time before the bot began. */
function tooOften({ log }: SimulatedNetwork): string | undefined {
  const posts = new Map<string, number>();
  for (const { bot, sent, text } of log) {
    const count = (posts.get(bot) ?? 0) + 1;
    posts.set(bot, count);
    const slots = Math.floor((sent - begin) / minute) + 1 + early;
    if (count > slots)
      return `${bot} posts ${JSON.stringify(text)} as its post ${count} before slot ${count - early}`;
  }
  return undefined;
}

/** A month in which X charges more than the flock may spend. */
function overMoney(usd: number, { bill }: SimulatedNetwork): string | undefined {
  const months = new Map<string, number>();
  for (const { at, micros } of bill) {
    const month = new Date(at).toISOString().slice(0, 7);
    months.set(month, (months.get(month) ?? 0) + micros);
  }
  const over = [...months].find(([, micros]) => micros > usd * 1e6);
  return over && `X charges $${over[1] / 1e6} in ${over[0]}, and the budget is $${usd}`;
}

/** A day on which X took more posts than the flock may send, by when they were sent. */
function overBudget(budget: number, { log }: SimulatedNetwork): string | undefined {
  const days = new Map<string, number>();
  for (const { sent } of log) {
    const day = new Date(sent).toISOString().slice(0, 10);
    days.set(day, (days.get(day) ?? 0) + 1);
  }
  const over = [...days].find(([, posts]) => posts > budget);
  return over && `${over[1]} posts on ${over[0]}, and the budget is ${budget}`;
}

interface Leave {
  /** The poem begins again at its end, and the history ends somewhere in it. */
  loops: boolean;
  /** @param done - how many lines are posted before it */
  mayLack: (line: number, done: number) => boolean;
}

/** Whether what was posted is the poem, each line in one of its readings, but for lines it may lack. */
function follows(posted: readonly string[], poem: readonly string[][], { loops, mayLack }: Leave): boolean {
  const after = (line: number): number => (loops ? (line + 1) % poem.length : line + 1);
  /** Lines that may come next, where these may and so many are posted. */
  const reach = (lines: Iterable<number>, done: number): Set<number> => {
    const all = new Set(lines);
    // A set shows what is added to it while it is gone through.
    for (const line of all) if (line < poem.length && mayLack(line, done)) all.add(after(line));
    return all;
  };
  let next = reach([0], 0);
  posted.forEach((text, index) => {
    next = reach([...next].filter((line) => poem[line]?.includes(text)).map(after), index + 1);
  });
  return loops ? next.size > 0 : next.has(poem.length);
}
