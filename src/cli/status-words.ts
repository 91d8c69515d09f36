import { inMicros, showUsd } from '../cost/money.ts';
import type { BotStatus, FlockStatus } from '../flock/flock-status.ts';
import { duration, shortInstant } from './time-words.ts';

/** What is the matter with some bots, and what helps. */
export interface Trouble {
  text: string;
  hint: string | undefined;
}

/** How the flock stands, in two sentences: `3 bots: 2 fine, 1 parked. 24 posts today, $3.60 of $20.00 this month.` */
export function flockWords({ spent, budget }: FlockStatus, bots: readonly BotStatus[]): string {
  const counts = new Map<string, number>();
  for (const { state } of bots) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = Array.from(counts, ([state, count]) => `${count} ${state}`).join(', ');
  const { postsPerDay, usdPerMonth } = budget;
  const posts =
    postsPerDay === undefined
      ? countOf(spent.postsToday, 'post')
      : `${spent.postsToday} of ${countOf(postsPerDay, 'post')}`;
  const money = usdPerMonth === undefined ? '' : ` of ${usd(usdPerMonth)}`;
  return `${countOf(bots.length, 'bot')}: ${states}. ${posts} today, ${usd(spent.usdMonth)}${money} this month.`;
}

/** What is the matter, once for all bots with the same trouble; what the whole flock has is told apart. */
export function troublesOf(bots: readonly BotStatus[], now: number): Trouble[] {
  const groups = new Map<string, BotStatus[]>();
  for (const bot of bots) {
    const { state, why, hint, until } = bot;
    if (why === undefined || state === 'stopped') continue;
    const key = JSON.stringify([why, hint, until]);
    groups.set(key, [...(groups.get(key) ?? []), bot]);
  }
  return [...groups.values()].map((group) => troubleOf(group, now));
}

function troubleOf(group: readonly BotStatus[], now: number): Trouble {
  const [{ why = '', until, hint } = { hint: undefined }] = group;
  const left = until === undefined ? 0 : Date.parse(until) - now;
  const end = left > 0 && until !== undefined ? `, until ${shortInstant(until)} UTC (${duration(left)})` : '';
  return { text: `${namesOf(group)}: ${why}${end}`, hint };
}

/** So many names are said; there may be thousands. */
const mostNames = 3;

function namesOf(bots: readonly BotStatus[]): string {
  const names = bots.slice(0, mostNames).map(({ bot }) => bot);
  const more = bots.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
}

const usd = (dollars: number): string => showUsd(inMicros(dollars));
const countOf = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;
