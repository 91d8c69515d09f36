import pc from 'picocolors';
import { inMicros, showUsd } from '../cost.ts';
import { maxUnknown, type UnknownBot } from '../flock/load.ts';
import type { BotStatus, Condition, FlockStatus } from '../flock/status.ts';
import {
  atClock,
  cutTo,
  duration,
  maxRelativeTime,
  relativeTime,
  tableLines,
  widthOf,
  withClocks,
} from '../text.ts';

/** How a table is to look. */
interface TableLook {
  /** How wide it may be. Characters. */
  columns: number;
  /** Whether it is for a terminal: times are relative to now, and what is too wide is cut. */
  now: number | undefined;
  colors: boolean;
}

interface Cell {
  text: string;
  paint?: Condition;
  href?: string | undefined;
}

interface Column {
  head: string;
  /** It is never narrower. */
  least?: number;
  cell: (bot: BotStatus, look: TableLook) => Cell;
}

const when = (instant: string | undefined, { timezone }: BotStatus, { now }: TableLook): string => {
  if (instant === undefined) return '';
  return now === undefined ? atClock(instant, timezone) : relativeTime(Date.parse(instant) - now);
};

/** Later than any queue is long: nobody runs the flock. Milliseconds. */
const late = 60_000;

const isOverdue = ({ next }: BotStatus, { now }: TableLook): boolean =>
  next !== undefined && now !== undefined && Date.parse(next) < now - late;

const usd = (dollars: number): string => showUsd(inMicros(dollars));

const name: Column = { head: 'bot', cell: ({ bot }) => ({ text: bot }) };
const bar: Column = { head: 'lines', cell: (status) => ({ text: progressBar(status) }) };
const count: Column = { head: 'lines', cell: ({ done, of }) => ({ text: `${done}/${of}` }) };
const account: Column = {
  head: 'account',
  cell: ({ account: screenName }) => ({ text: screenName === undefined ? '' : `@${screenName}` }),
};
const last: Column = {
  head: 'last post',
  least: maxRelativeTime.past,
  cell: (bot, look) => ({
    text: when(bot.last?.at, bot, look),
    href: look.colors ? bot.last?.url : undefined,
  }),
};
const link: Column = { head: 'link', cell: (bot) => ({ text: bot.last?.url ?? '' }) };
const next: Column = {
  head: 'next',
  least: maxRelativeTime.ahead,
  cell: (bot, look) => ({ text: isOverdue(bot, look) ? 'overdue' : when(bot.next, bot, look) }),
};
const state: Column = {
  head: 'state',
  cell: ({ state: condition, until }, { now }) => {
    const left = until === undefined || now === undefined ? 0 : Date.parse(until) - now;
    return { text: left > 0 ? `${condition} ${duration(left)}` : condition, paint: condition };
  },
};
const spend: Column = {
  head: 'this month',
  cell: ({ spent, budget }) => {
    const bound = budget.usdPerMonth === undefined ? '' : ` of ${usd(budget.usdPerMonth)}`;
    return { text: `${usd(spent.usdMonth)}${bound}` };
  },
};

const minColumns = [name, state];

/** From all there is to the least that is of use: the first that is not too wide is shown. */
const layouts: readonly (readonly Column[])[] = [
  [name, account, bar, last, next, state, spend, link],
  [name, account, bar, last, next, state, spend],
  [name, bar, last, next, state, spend],
  [name, bar, last, next, state],
  [name, bar, next, state],
  [name, count, next, state],
  minColumns,
];

/** Lines of a table with a row for each bot, below a line of heads. */
export function statusTable(bots: readonly BotStatus[], look: TableLook): string[] {
  for (const layout of layouts) {
    const lines = drawn(layout, bots, look);
    // Away from a terminal nothing is left out for the sake of its width.
    if (look.now === undefined || widest(lines) <= look.columns) return lines;
  }
  const tooMany = widest(drawn(minColumns, bots, look)) - look.columns;
  const room = Math.max(8, widest(bots.map(({ bot }) => bot)) - tooMany);
  const shortName: Column = { ...name, cell: ({ bot }) => ({ text: cutTo(bot, room) }) };
  return drawn([shortName, state], bots, look);
}

const widest = (texts: readonly string[]): number =>
  texts.reduce((most, text) => Math.max(most, widthOf(text)), 0);

/** A column in which no bot has anything is left out. */
function drawn(layout: readonly Column[], bots: readonly BotStatus[], look: TableLook): string[] {
  const paint = pc.createColors(look.colors);
  const used = layout.filter(
    ({ cell }) => bots.length === 0 || bots.some((bot) => cell(bot, look).text !== ''),
  );
  const heads = used.map(({ head }) => paint.dim(head));
  const rows = bots.map((bot) => used.map(({ cell }) => styled(cell(bot, look), paint)));
  const minWidths = look.now === undefined ? [] : used.map(({ least = 0 }) => least);
  return tableLines([heads, ...rows], { minWidths });
}

function styled(
  { text: unsafe, paint: condition, href }: Cell,
  paint: ReturnType<typeof pc.createColors>,
): string {
  // The account of a bundle may hold anything.
  const text = unsafe.replaceAll(/\p{Cc}/gu, '\ufffd');
  const painted = condition === undefined ? text : paintOf(condition, paint)(text);
  return href === undefined || text === '' ? painted : linked(painted, href);
}

/** A text that leads somewhere when it is clicked, in a terminal that knows OSC 8. */
const linked = (text: string, href: string): string => `\u001b]8;;${href}\u0007${text}\u001b]8;;\u0007`;

/** The colour of a condition: green is well, yellow goes away by itself, red needs somebody, dim rests. */
function paintOf(condition: Condition, paint: ReturnType<typeof pc.createColors>): typeof paint.red {
  switch (condition) {
    case 'fine':
    case 'new':
      return paint.green;
    case 'waiting':
    case 'in doubt':
    case 'looking':
      return paint.yellow;
    case 'parked':
    case 'unfit':
      return paint.red;
    case 'paused':
    case 'stopped':
    case 'finished':
      return paint.dim;
  }
}

const barWidth = 10;

function progressBar({ done, of }: BotStatus): string {
  const full = of === 0 ? 0 : Math.round((done / of) * barWidth);
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${done}/${of}`;
}

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
  const told = unknown.slice(0, maxUnknown).map(({ bot, why, hint }) => ({ text: `${bot}: ${why}`, hint }));
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
const maxNames = 3;

function some(names: readonly string[], most = maxNames): string {
  const more = names.length - most;
  return more > 0 ? `${names.slice(0, most).join(', ')} and ${more} more` : names.join(', ');
}
const countOf = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;
