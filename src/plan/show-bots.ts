import { showUsd } from '../cost.ts';
import { padded, widthOf } from '../text.ts';
import { endOf, scheduleOf } from './bot-words.ts';
import type { BotPlan } from './flock-plan.ts';
import { count, line, type Room, type ShownLine } from './shown-line.ts';

/** So many bots are listed on a terminal; a flock may have thousands. */
const mostBots = 60;

const gap = '  ';

/** A row for each bot, or, where that is too wide for the terminal, a few lines for each. */
export function showBots(plans: readonly BotPlan[], { columns, whole }: Room): ShownLine[] {
  const shown = columns === undefined || whole ? plans : plans.slice(0, mostBots);
  const more = plans.length - shown.length;
  const rows = [heads, ...shown.map(cellsOf)];
  const tables = [rows, rows.map((cells) => cells.slice(0, -1))].map(table);
  const fits = (drawn: string[]): boolean => drawn.every((row) => widthOf(row) <= (columns ?? Infinity));
  const lines = tables.find(fits) ?? shown.flatMap(block);
  return [
    ...lines,
    ...(more > 0 ? [`… and ${count(more, 'more bot')}: --bot NAME shows one of them`] : []),
  ].map(line);
}

/** What matters least is last: it is left out where there is no room for it. */
const heads = ['bot', 'account', 'schedule', 'posts', 'ends', 'costs', 'a month', 'to its end'];
const numbers = new Set(['posts', 'costs', 'a month', 'to its end']);

function table(rows: readonly string[][]): string[] {
  const widths = heads.map((_, column) =>
    rows.reduce((most, row) => Math.max(most, widthOf(row[column] ?? '')), 0),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return numbers.has(heads[column] ?? '') ? cell.padStart(width) : padded(cell, width);
      })
      .join(gap)
      .trimEnd(),
  );
}

function cellsOf(plan: BotPlan): string[] {
  const { bot, outlook } = plan;
  const costs = [outlook.micros, outlook.microsPerMonth, outlook.microsToEnd].map(showUsd);
  return [
    bot.name,
    accountOf(plan),
    scheduleOf(plan),
    outlook.posts.toLocaleString('en-US'),
    endOf(plan),
    ...costs,
  ];
}

const accountOf = ({ bot }: BotPlan): string => {
  if (!bot.hasKey) return 'no key yet';
  return bot.account === undefined ? '?' : `@${bot.account}`;
};

function block(plan: BotPlan): string[] {
  const { bot, outlook } = plan;
  return [
    `${bot.name}, ${accountOf(plan)}`,
    `${gap}${scheduleOf(plan)}`,
    `${gap}${count(outlook.posts, 'post')}, ${showUsd(outlook.micros)}; a month ${showUsd(outlook.microsPerMonth)}`,
    `${gap}ends ${endOf(plan)}: ${count(outlook.linesLeft, 'line')}, ${showUsd(outlook.microsToEnd)}`,
  ];
}
