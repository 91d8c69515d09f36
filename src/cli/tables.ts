import pc from 'picocolors';
import { inMicros, showUsd } from '../cost.ts';
import { maxUnknown, type UnknownBot } from '../flock/load.ts';
import {
  type BotStatus,
  type FlockStatus,
  isFree,
  networksOf,
  reasonOf,
  shownState,
  stateCounts,
  urgencyOf,
} from '../flock/status.ts';
import {
  atClock,
  counted,
  cutTo,
  duration,
  listedFirst,
  saidOnce,
  tableLines,
  widthOf,
  withClocks,
} from '../text.ts';
import type { Terminal } from './terminal.ts';

interface TableLook {
  /** The maximum width. Characters. */
  columns: number;
  /** For a terminal: times are relative to it, and what is too wide is cut. Undefined elsewhere. */
  now: number | undefined;
  colors: boolean;
}

interface Cell {
  text: string;
  paint?: keyof typeof paints;
  href?: string | undefined;
}

interface Column {
  head: string;
  minWidth?: number;
  cell: (bot: BotStatus, look: TableLook) => Cell;
}

/** The time to or since an instant, for people: `in 3 h`, `2 d ago`, `now`. @param ms - negative for the past */
export function relativeTime(ms: number): string {
  const size = Math.abs(ms);
  if (size < 1000) return 'now';
  return ms > 0 ? `in ${duration(size)}` : `${duration(size)} ago`;
}

/** The maximum length of {@link relativeTime} within three years, so that a column keeps its width. */
export const maxRelativeTime = { past: '119 min ago'.length, ahead: 'in 119 min'.length } as const;

function when(instant: string | undefined, { timezone }: BotStatus, { now }: TableLook): string {
  if (instant === undefined) return '';
  return now === undefined ? atClock(instant, timezone) : relativeTime(Date.parse(instant) - now);
}

/** A post that is later than this waits in no queue: flockd does not run. Milliseconds. */
const maxLate = 60_000;

const isOverdue = ({ next }: BotStatus, { now }: TableLook): boolean =>
  next !== undefined && now !== undefined && Date.parse(next) < now - maxLate;

/** `$3.60`, or `$3.60 of $20.00` */
const moneyOf = (spent: number, max: number | undefined): string =>
  [spent, ...(max === undefined ? [] : [max])].map((dollars) => showUsd(inMicros(dollars))).join(' of ');

const name: Column = { head: 'bot', cell: ({ bot }) => ({ text: bot }) };
const bar: Column = { head: 'lines', cell: (status) => ({ text: progressBar(status) }) };
const count: Column = { head: 'lines', cell: ({ done, of }) => ({ text: `${done}/${of}` }) };
const account: Column = {
  head: 'account',
  cell: ({ account: screenName }) => ({ text: screenName === undefined ? '' : `@${screenName}` }),
};
/** Shown only where bots post to several networks. */
const network: Column = {
  head: 'network',
  cell: (bot) => ({ text: networksOf([bot])[0]?.title ?? '' }),
};
const last: Column = {
  head: 'last post',
  minWidth: maxRelativeTime.past,
  cell: (bot, look) => ({
    text: when(bot.last?.at, bot, look),
    href: look.colors ? bot.last?.url : undefined,
  }),
};
const link: Column = { head: 'link', cell: (bot) => ({ text: bot.last?.url ?? '' }) };
const next: Column = {
  head: 'next',
  minWidth: maxRelativeTime.ahead,
  cell: (bot, look) => ({ text: isOverdue(bot, look) ? 'overdue' : when(bot.next, bot, look) }),
};
const state: Column = {
  head: 'state',
  cell: (bot, { now }) => {
    const { name, severity } = shownState(bot);
    const left = bot.until === undefined || now === undefined ? 0 : Date.parse(bot.until) - now;
    return { text: left > 0 ? `${name} ${duration(left)}` : name, paint: severity };
  },
};
const spend: Column = {
  head: 'this month',
  cell: (bot) => ({ text: isFree(bot, [bot]) ? '' : moneyOf(bot.spent.usdMonth, bot.budget.usdPerMonth) }),
};

const minColumns = [name, state];

/** From the widest to the narrowest: the first that fits is shown. */
const layouts: readonly (readonly Column[])[] = [
  [name, network, account, bar, last, next, state, spend, link],
  [name, network, account, bar, last, next, state, spend],
  [name, network, bar, last, next, state, spend],
  [name, bar, last, next, state, spend],
  [name, bar, last, next, state],
  [name, bar, next, state],
  [name, count, next, state],
  minColumns,
];

/** Bots in the order of tables: those that need a person first, then by name as they come. */
export const mostUrgentFirst = (bots: readonly BotStatus[]): BotStatus[] =>
  bots.toSorted((a, b) => urgencyOf(a) - urgencyOf(b));

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
  texts.reduce((width, text) => Math.max(width, widthOf(text)), 0);

/** A column in which no bot has anything is left out. */
function drawn(layout: readonly Column[], bots: readonly BotStatus[], look: TableLook): string[] {
  const colors = pc.createColors(look.colors);
  const isMixed = networksOf(bots).length > 1;
  const areFree = bots.every((bot) => isFree(bot, bots));
  const used = layout.filter(
    (column) =>
      (column !== network || isMixed) &&
      (column !== spend || !areFree) &&
      (bots.length === 0 || bots.some((bot) => column.cell(bot, look).text !== '')),
  );
  const heads = used.map(({ head }) => colors.dim(head));
  const rows = bots.map((bot) => used.map(({ cell }) => styled(cell(bot, look), colors)));
  const minWidths = look.now === undefined ? [] : used.map(({ minWidth = 0 }) => minWidth);
  return tableLines([heads, ...rows], { minWidths });
}

function styled({ text: unsafe, paint, href }: Cell, colors: ReturnType<typeof pc.createColors>): string {
  // The account of a bundle may hold anything.
  const text = unsafe.replaceAll(/\p{Cc}/gu, '\ufffd');
  const painted = paint === undefined ? text : colors[paints[paint]](text);
  // A link in a terminal that knows OSC 8.
  return href === undefined || text === '' ? painted : `\u001b]8;;${href}\u0007${painted}\u001b]8;;\u0007`;
}

const paints = { good: 'green', soon: 'yellow', rest: 'dim', wrong: 'red' } as const;

const barWidth = 10;

function progressBar({ done, of }: BotStatus): string {
  const full = of === 0 ? 0 : Math.round((done / of) * barWidth);
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${done}/${of}`;
}

/** What is wrong with some bots, and what helps. */
interface Trouble {
  text: string;
  hint: string | undefined;
}

/** Says each trouble below a blank line. */
export function sayTroubles(troubles: readonly Trouble[], { say }: Pick<Terminal, 'say'>): void {
  for (const { text, hint } of troubles) {
    say();
    say(text);
    if (hint !== undefined) say(`hint: ${hint}`);
  }
}

/** `3 bots: 2 posting, 1 needs you. 24 posts today, $3.60 of $20.00 this month.` */
export function flockWords(flock: FlockStatus, bots: readonly BotStatus[]): string {
  const { spent, budget } = flock;
  const states = stateCounts(bots).map(({ state, count }) => {
    return `${count} ${count > 1 && state.name === 'needs you' ? state.many : state.name}`;
  });
  const { postsPerDay: max } = budget;
  const { postsToday } = spent;
  const posts = max === undefined ? counted(postsToday, 'post') : `${postsToday} of ${counted(max, 'post')}`;
  const money = isFree(flock, bots) ? '' : `, ${moneyOf(spent.usdMonth, budget.usdPerMonth)} this month`;
  return `${counted(bots.length, 'bot')}: ${states.join(', ')}. ${posts} today${money}.`;
}

/** Why bots do not post, the most urgent first, once for all bots with the same reason; that the whole flock is paused is said elsewhere. */
export function troublesOf(bots: readonly BotStatus[], now: number): Trouble[] {
  const troubles = bots.flatMap((status) => {
    const { why, hint } = reasonOf(status);
    if (why === undefined || status.state === 'stopped') return [];
    const local = withClocks(why, (instant) => atClock(instant, status.timezone));
    return [{ bot: status.bot, text: `${local}${endOf(status, now)}`, hint, urgency: urgencyOf(status) }];
  });
  troubles.sort((a, b) => a.urgency - b.urgency);
  return saidOnce(troubles).map(({ bots: names, text, hint }) => ({
    text: `${listedFirst(names, maxNames)}: ${text}`,
    hint,
  }));
}

function endOf({ until, timezone }: BotStatus, now: number): string {
  const left = until === undefined ? 0 : Date.parse(until) - now;
  return left > 0 && until !== undefined ? `, until ${atClock(until, timezone)} (${duration(left)})` : '';
}

/** Bots that only `flock.json` names. */
export function unknownTroubles(unknown: readonly UnknownBot[]): Trouble[] {
  const named = unknown.slice(0, maxUnknown).map(({ bot, why, hint }) => ({ text: `${bot}: ${why}`, hint }));
  const more = unknown.length - named.length;
  return more > 0 ? [...named, { text: `and ${more} more like it`, hint: undefined }] : named;
}

/** Bots that have a poem and no key, if there are any. @param max - how many of them are named */
export function keylessTroubles(
  bots: readonly string[],
  keymaker: (call: string) => string,
  max = 20,
): Trouble[] {
  const [first, ...others] = bots;
  if (first === undefined) return [];
  const call = others.length > 0 ? 'make-keys ./poems' : `make-keys ./poems --bot=${first}`;
  return [{ text: `${listedFirst(bots, max)}: no key yet`, hint: keymaker(call) }];
}

/** How many names are shown; there may be thousands. */
const maxNames = 3;
