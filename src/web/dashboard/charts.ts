import { html } from 'hono/html';
import { inMicros, showUsd } from '../../cost.ts';
import { type BotView, type FlockDay, type FlockView, shownDays } from '../../flock/view.ts';
import type { Html } from '../layout.ts';
import { bar, counted, lastDayBefore, showCount, showDay, showMonth, showShortDay } from './format.ts';

/** A day has a square of so much, with a gap after it. */
const size = 11;
const pitch = 14;
/** Room for the names of the weekdays and of the months. */
const left = 32;
const top = 18;

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const levels = 4;

/** A day, and where it stands in the calendar. */
interface Cell extends FlockDay {
  week: number;
  /** 0 is Monday. */
  weekday: number;
  when: 'past' | 'today' | 'ahead';
}

/** What the calendar is made of: what it says, and its weeks, once drawn and once as rows of a table. */
interface CalendarParts {
  sentence: Html;
  months: Html;
  weeks: Html[];
  rows: Html[];
}

/** Half a year behind and two months ahead, a square for each day. */
export function calendarParts({ days }: FlockView): CalendarParts {
  const cells = cellsOf(days);
  const most = Math.max(0, ...cells.map(({ posted, planned }) => Math.max(posted, planned)));
  const weeks = [...weeksOf(cells)];
  return {
    sentence: html`<p id="calendar-sentence">${sentenceOf(days)}</p>`,
    months: html`<g id="calendar-months">${monthNames(cells)}</g>`,
    weeks: weeks.map(
      ([monday, week]) => html`<g id="week-${monday}">${week.map((cell) => square(cell, most))}</g>`,
    ),
    // The newest first: that is where a reader begins.
    rows: weeks.map(([monday, week]) => rowOf(monday, week)).reverse(),
  };
}

/** The calendar as a picture, in a sentence, and as a table. */
export const calendarOf = ({ sentence, months, weeks, rows }: CalendarParts): Html =>
  html`<figure class="calendar">
    <svg
      class="picture"
      viewBox="0 0 ${left + weeks.length * pitch} ${top + 7 * pitch}"
      role="img"
      aria-labelledby="calendar-sentence"
    >
      ${[0, 2, 4].map((day) => html`<text x="0" y="${top + day * pitch + 9}">${weekdays[day]}</text>`)}
      ${months}
      <g id="calendar-weeks">${weeks}</g>
    </svg>
    <figcaption>${sentence} ${legend}</figcaption>
    <details id="calendar-table">
      <summary>As a table</summary>
      ${tableOf(rows)}
    </details>
  </figure>`;

const radius = (level: number): number => (level === 0 ? 0.8 : 1.2 + level * 0.9);

const swatch = (shape: Html): Html => html`<svg viewBox="0 0 11 11">${shape}</svg>`;

const legend = html`<p class="legend" aria-hidden="true">
  <span class="swatches"
    >${[0, 1, 2, 3, 4].map((level) => swatch(html`<rect class="made-${level}" width="11" height="11" rx="2" />`))}</span
  >
  posted
  <span class="swatches"
    >${[1, 2, 3, 4].map((level) => swatch(html`<circle class="planned" cx="5.5" cy="5.5" r="${radius(level)}" />`))}</span
  >
  planned
</p>`;

function cellsOf(days: readonly FlockDay[]): Cell[] {
  const [first] = days;
  const begins = first ? weekdayOf(first.day) : 0;
  return days.map((day, index) => ({
    ...day,
    week: Math.floor((index + begins) / 7),
    weekday: (index + begins) % 7,
    when: index < shownDays.past ? 'past' : index === shownDays.past ? 'today' : 'ahead',
  }));
}

const weekdayOf = (day: string): number => (new Date(day).getUTCDay() + 6) % 7;

function sentenceOf(days: readonly FlockDay[]): string {
  const posted = days.reduce((sum, day) => sum + day.posted, 0);
  const planned = days.reduce((sum, day) => sum + day.planned, 0);
  const most = Math.max(0, ...days.map((day) => day.posted));
  const busiest = most > 1 ? `, ${showCount(most)} on the busiest day` : '';
  const ahead = planned === 0 ? 'None planned' : `At most ${showCount(planned)} planned`;
  return `${posted === 0 ? 'No posts' : counted(posted, 'post')} in the last 26 weeks${busiest}. ${ahead} in the next 8.`;
}

/** A month is named above the week in which it begins. */
const monthNames = (cells: readonly Cell[]): Html[] =>
  cells
    .filter(({ day }) => day.endsWith('-01'))
    .map(({ day, week }) => html`<text x="${left + week * pitch}" y="9">${showMonth(day)}</text>`);

/** What was posted is a square, what is planned a dot, and today has a frame around both. */
function square(cell: Cell, most: number): Html {
  const { day, week, weekday, when, posted, planned } = cell;
  const [x, y] = [left + week * pitch, top + weekday * pitch];
  const title = html`<title>${showDay(day)}: ${saysOf(cell)}</title>`;
  if (when === 'ahead') {
    const level = levelOf(planned, most);
    return html`<g
      >${title}<circle
        class="${level === 0 ? 'idle' : 'planned'}"
        cx="${x + size / 2}"
        cy="${y + size / 2}"
        r="${radius(level)}"
    /></g>`;
  }
  const shape = html`<rect
    class="made-${levelOf(posted, most)}"
    x="${x}"
    y="${y}"
    width="${size}"
    height="${size}"
    rx="2"
  />`;
  const frame = html`<rect
    class="today"
    x="${x - 1.5}"
    y="${y - 1.5}"
    width="${size + 3}"
    height="${size + 3}"
    rx="3"
  />`;
  return html`<g>${title}${shape}${when === 'today' && frame}</g>`;
}

const levelOf = (count: number, most: number): number =>
  most === 0 || count === 0 ? 0 : Math.ceil((count / most) * levels);

function saysOf({ when, posted, planned }: Cell): string {
  const made = posted === 0 ? 'no posts' : counted(posted, 'post');
  const toCome = planned === 0 ? 'none planned' : `${showCount(planned)} planned`;
  if (when === 'past') return made;
  return when === 'today' ? `${made}, ${toCome} for the rest of it` : toCome;
}

/** The days of each week, by its Monday: `2026-08-17`. */
function weeksOf(cells: readonly Cell[]): Map<string, Cell[]> {
  const weeks = new Map<string, Cell[]>();
  for (const cell of cells) {
    const monday = new Date(Date.parse(cell.day) - cell.weekday * 86_400_000).toISOString().slice(0, 10);
    weeks.set(monday, [...(weeks.get(monday) ?? []), cell]);
  }
  return weeks;
}

const tableOf = (rows: readonly Html[]): Html =>
  html`<div class="scrolls" tabindex="0" role="region" aria-label="Posts by day, as a table">
    <table>
      <caption>
        Posts of each day; those still to come in italics
      </caption>
      <thead>
        <tr>
          <th scope="col">Week of</th>
          ${weekdays.map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody id="calendar-rows">
        ${rows}
      </tbody>
    </table>
  </div>`;

function rowOf(monday: string, week: readonly Cell[]): Html {
  const numbers = weekdays.map(
    (_, weekday) => html`<td>${numberOf(week.find((cell) => cell.weekday === weekday))}</td>`,
  );
  return html`<tr id="row-${monday}">
    <th scope="row">${showShortDay(monday)}</th>
    ${numbers}
  </tr>`;
}

function numberOf(cell: Cell | undefined): Html | string {
  if (!cell) return '';
  const { when, posted, planned } = cell;
  if (when === 'ahead') return html`<i>${showCount(planned)}</i>`;
  return when === 'today' ? html`${showCount(posted)} <i>+ ${showCount(planned)}</i>` : showCount(posted);
}

/** Bots whose budgets are shown one by one: those that have used most of theirs. */
const maxBots = 6;

/** Something that may be used up. */
interface Use {
  /** Whose. */
  name: string;
  used: number;
  most: number;
  text: () => string;
  /** Whether it is a sum of money: a day's posts are used up each day, and come again tomorrow. */
  isMoney: boolean;
  /** How much of its time has passed, as a share. */
  passed?: number | undefined;
}

/** What was spent, and what of the budgets of the flock and its bots is used up. */
export function spendingOf(view: FlockView): Html {
  const own = view.bots.flatMap((bot) => usesOf(bot)).sort((a, b) => shareOf(b) - shareOf(a));
  const left = own.length - maxBots;
  return html`<div id="spending">
    ${flockUses(view)}
    ${
      own.length > 0 &&
      html`<h3>Bots with budgets of their own</h3>
        ${own.slice(0, maxBots).map((use) => useOf(use))}
        ${left > 0 && html`<p class="more">and ${showCount(left)} more, which have used less of theirs</p>`}`
    }
  </div>`;
}

function flockUses({ flock, timezone, now }: FlockView): Html[] {
  const { spent, budget, dayEnds, monthEnds } = flock;
  const month = showUsd(inMicros(spent.usdMonth));
  const until = `until ${lastDayBefore(monthEnds, timezone)}`;
  const parts: Html[] = [];
  if (budget.usdPerMonth === undefined) {
    parts.push(html`<p class="sum"><span>This month</span> <strong>${month}</strong></p>`);
  } else {
    const most = showUsd(inMicros(budget.usdPerMonth));
    const text = (): string => `${month} of ${most} ${until}`;
    const passed = passedOfMonth(now, monthEnds);
    parts.push(
      useOf({
        name: 'This month',
        used: spent.usdMonth,
        most: budget.usdPerMonth,
        text,
        isMoney: true,
        passed,
      }),
    );
  }
  if (budget.postsPerDay !== undefined) {
    const posts = counted(budget.postsPerDay, 'post');
    const text = (): string => `${showCount(spent.postsToday)} of ${posts}`;
    const passed = 1 - (Date.parse(dayEnds) - Date.parse(now)) / day;
    parts.push(
      useOf({
        name: 'Today',
        used: spent.postsToday,
        most: budget.postsPerDay,
        text,
        isMoney: false,
        passed,
      }),
    );
  }
  parts.push(
    html`<p class="sum">
      <span>Since it began</span> <strong>${showUsd(inMicros(spent.usdTotal))}</strong>
    </p>`,
  );
  if (budget.usdPerMonth === undefined && budget.postsPerDay === undefined)
    parts.push(html`<p class="more">The flock has no budget; <code>flock.json</code> can give it one.</p>`);
  return parts;
}

const day = 86_400_000;

/** Thirty days are close enough for a mark. */
const passedOfMonth = (now: string, monthEnds: string): number =>
  1 - (Date.parse(monthEnds) - Date.parse(now)) / (30.5 * day);

const none: Use[] = [];

function usesOf({ bot, budget, spent }: BotView): Use[] {
  const { usdPerMonth, postsPerDay } = budget;
  if (usdPerMonth === undefined && postsPerDay === undefined) return none;
  const uses: Use[] = [];
  if (usdPerMonth !== undefined) {
    const text = (): string =>
      `${showUsd(inMicros(spent.usdMonth))} of ${showUsd(inMicros(usdPerMonth))} this month`;
    uses.push({ name: bot, used: spent.usdMonth, most: usdPerMonth, text, isMoney: true });
  }
  if (postsPerDay !== undefined) {
    const text = (): string => `${showCount(spent.postsToday)} of ${counted(postsPerDay, 'post')} today`;
    uses.push({ name: bot, used: spent.postsToday, most: postsPerDay, text, isMoney: false });
  }
  return uses;
}

const shareOf = ({ used, most }: Use): number => (most > 0 ? used / most : 1);

function useOf({ name, used, most, text: say, isMoney, passed }: Use): Html {
  const text = say();
  return html`<div class="use">
    <p class="sum"><span>${name}</span> <strong>${text}</strong></p>
    ${bar({ role: 'meter', label: `Budget of ${name}`, value: used, most, text, alarms: isMoney, mark: passed === undefined ? undefined : markAt(passed) })}
  </div>`;
}

/** In steps: the mark need not move each second. */
const markAt = (passed: number): number => Math.round(Math.min(1, Math.max(0, passed)) * 48) / 48;
