import { inMicros, showUsd } from '../cost.ts';
import { mostUnknown, type UnknownBot } from '../flock/load.ts';
import type { BotStatus, FlockStatus } from '../flock/status.ts';
import { atClock, duration, withClocks } from '../text.ts';

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
  const groups = new Map<string, { words: string; hint: string | undefined; names: string[] }>();
  for (const status of bots) {
    const { bot, state, hint } = status;
    const words = wordsOf(status, now);
    if (words === undefined || state === 'stopped') continue;
    const key = JSON.stringify([words, hint]);
    const group = groups.get(key) ?? { words, hint, names: [] };
    group.names.push(bot);
    groups.set(key, group);
  }
  return Array.from(groups.values(), ({ words, hint, names }) => ({
    text: `${some(names)}: ${words}`,
    hint,
  }));
}

function wordsOf({ why, until, timezone }: BotStatus, now: number): string | undefined {
  if (why === undefined) return undefined;
  const left = until === undefined ? 0 : Date.parse(until) - now;
  const end =
    left > 0 && until !== undefined ? `, until ${atClock(until, timezone)} (${duration(left)})` : '';
  return `${withClocks(why, timezone)}${end}`;
}

/** What is to be said of bots that only `flock.json` knows. */
export function unknownTroubles(unknown: readonly UnknownBot[]): Trouble[] {
  const told = unknown.slice(0, mostUnknown).map(({ bot, why, hint }) => ({ text: `${bot}: ${why}`, hint }));
  const more = unknown.length - told.length;
  return more > 0 ? [...told, { text: `and ${more} more like it`, hint: undefined }] : told;
}

/** What is to be said of bots that have a poem and no key, if there are any. @param most - the names that are said */
export function keylessTrouble(
  bots: readonly string[],
  keymaker: (call: string) => string,
  most: number,
): Trouble | undefined {
  const [first, ...others] = bots;
  if (first === undefined) return undefined;
  const call = others.length > 0 ? 'make-keys ./poems' : `make-keys ./poems --bot=${first}`;
  return { text: `${some(bots, most)}: no key yet`, hint: keymaker(call) };
}

/** So many names are said; there may be thousands. */
const mostNames = 3;

function some(names: readonly string[], most = mostNames): string {
  const more = names.length - most;
  return more > 0 ? `${names.slice(0, most).join(', ')} and ${more} more` : names.join(', ');
}

const usd = (dollars: number): string => showUsd(inMicros(dollars));
const countOf = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;
