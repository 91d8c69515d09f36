import { html } from 'hono/html';
import { inMicros, showUsd } from '../../cost.ts';
import { chargesNothing, isFree, networksOf } from '../../flock/status.ts';
import { counted, grouped } from '../../text.ts';
import type { Html } from '../layout.ts';
import { shownDays } from './forecast.ts';
import type { BotView, FlockView } from './snapshot.ts';

/** The size of a day's square, and the distance between two. */
const size = 11;
const pitch = 14;
/** Space for the names of the weekdays and of the months. */
const left = 32;
const top = 18;

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const levels = 4;

const dateIn = (options: Intl.DateTimeFormatOptions): ((date: string) => string) => {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
  return (date) => format.format(Date.parse(date)).replace(',', '');
};
/** `2026-08-22` as `Sat 22 Aug 2026`, `22 Aug` and `Aug`. */
const showDay = dateIn({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
const showShortDay = dateIn({ day: 'numeric', month: 'short' });
const showMonth = dateIn({ month: 'short' });

type FlockDay = FlockView['days'][number];

interface Cell extends FlockDay {
  week: number;
  /** 0 is Monday. */
  weekday: number;
  when: 'past' | 'today' | 'ahead';
}

/** Half a year behind and two months ahead, a square for each day: as a picture, in a sentence, and as a table. */
export function calendarOf({ days }: FlockView): Html {
  const cells = cellsOf(days);
  const max = Math.max(0, ...days.flatMap(({ posted, planned }) => [posted, planned]));
  const weeks = [...grouped(cells, mondayOf)];
  const squares = weeks.map(
    ([monday, week]) => html`<g id="week-${monday}">${week.map((cell) => square(cell, max))}</g>`,
  );
  return html`<figure class="calendar">
    <svg
      class="picture"
      viewBox="0 0 ${left + weeks.length * pitch} ${top + 7 * pitch}"
      role="img"
      aria-labelledby="calendar-sentence"
    >
      ${[0, 2, 4].map((day) => html`<text x="0" y="${top + day * pitch + 9}">${weekdays[day]}</text>`)}
      <g id="calendar-months">${monthNames(cells)}</g>
      <g id="calendar-weeks">${squares}</g>
    </svg>
    <figcaption>
      <p id="calendar-sentence">${sentenceOf(days)}</p>
      ${legend}
    </figcaption>
    <details id="calendar-table">
      <summary>As a table</summary>
      <div class="scrolls" tabindex="0" role="region" aria-label="Posts by day, as a table">
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
            ${weeks.map(([monday, week]) => rowOf(monday, week)).reverse()}
          </tbody>
        </table>
      </div>
    </details>
  </figure>`;
}

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
  const begins = (new Date(days[0]?.day ?? 0).getUTCDay() + 6) % 7;
  return days.map((day, index) => ({
    ...day,
    week: Math.floor((index + begins) / 7),
    weekday: (index + begins) % 7,
    when: index < shownDays.past ? 'past' : index === shownDays.past ? 'today' : 'ahead',
  }));
}

/** The Monday of a day's week: `2026-08-17`. */
const mondayOf = ({ day: date, weekday }: Cell): string =>
  new Date(Date.parse(date) - weekday * day).toISOString().slice(0, 10);

function sentenceOf(days: readonly FlockDay[]): string {
  const posted = days.reduce((sum, day) => sum + day.posted, 0);
  const planned = days.reduce((sum, day) => sum + day.planned, 0);
  const most = Math.max(0, ...days.map((day) => day.posted));
  const busiest = most > 1 ? `, ${showCount(most)} on the busiest day` : '';
  const ahead = planned === 0 ? 'None planned' : `At most ${showCount(planned)} planned`;
  return `${madeOf(posted, 'No posts')} in the last 26 weeks${busiest}. ${ahead} in the next 8.`;
}

const madeOf = (posts: number, none: string): string => (posts === 0 ? none : counted(posts, 'post'));

const monthNames = (cells: readonly Cell[]): Html[] =>
  cells
    .filter(({ day }) => day.endsWith('-01'))
    .map(
      ({ day, week }) => html`<text x="${left + week * pitch}" y="9">${showMonth(day).slice(0, 3)}</text>`,
    );

/** A square for posts made, a dot for planned ones, and a frame for today. */
function square(cell: Cell, max: number): Html {
  const { day, week, weekday, when, posted, planned } = cell;
  const [x, y] = [left + week * pitch, top + weekday * pitch];
  const level = levelOf(when === 'ahead' ? planned : posted, max);
  const title = html`<title>${showDay(day)}: ${saysOf(cell)}</title>`;
  if (when === 'ahead') {
    const [name, cx, cy] = [level === 0 ? 'idle' : 'planned', x + size / 2, y + size / 2];
    return html`<g>${title}<circle class="${name}" cx="${cx}" cy="${cy}" r="${radius(level)}" /></g>`;
  }
  const rect = (name: string, margin: number, rx: number): Html => {
    const side = size + 2 * margin;
    return html`<rect
      class="${name}"
      x="${x - margin}"
      y="${y - margin}"
      width="${side}"
      height="${side}"
      rx="${rx}"
    />`;
  };
  return html`<g>${title}${rect(`made-${level}`, 0, 2)}${when === 'today' && rect('today', 1.5, 3)}</g>`;
}

const levelOf = (count: number, max: number): number => (count === 0 ? 0 : Math.ceil((count / max) * levels));

function saysOf({ when, posted, planned }: Cell): string {
  const made = madeOf(posted, 'no posts');
  const toCome = planned === 0 ? 'none planned' : `${showCount(planned)} planned`;
  if (when === 'past') return made;
  return when === 'today' ? `${made}, ${toCome} for the rest of it` : toCome;
}

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

/** The maximum number of bots whose budgets are shown: those that have used most of theirs. */
const maxBots = 6;

const day = 86_400_000;

/** What was spent, and how much of the budgets of the flock and its bots is used. */
export function spendingOf({ bots, flock, timezone, now }: FlockView): Html {
  const { spent, dayEnds, monthEnds } = flock;
  const month = monthUse('This month', flock, `until ${lastDayBefore(monthEnds, timezone)}`);
  const today = dayUse('Today', flock, '');
  const own = bots
    .flatMap((bot) => [monthUse(bot.bot, bot, 'this month'), dayUse(bot.bot, bot, ' today')])
    .filter((use) => use !== undefined)
    .sort((a, b) => shareOf(b) - shareOf(a));
  const left = own.length - maxBots;
  const free = isFree(flock, bots) && chargesNothing(networksOf(bots));
  // The mark of a month need not be exact: every month has 30.5 days.
  return html`<div id="spending">
    ${month ? useOf(month, passed(now, monthEnds, 30.5 * day)) : free === false && sumOf('This month', usd(spent.usdMonth))}
    ${today && useOf(today, passed(now, dayEnds, day))}
    ${free === false ? sumOf('Since it began', usd(spent.usdTotal)) : html`<p class="more">${free}.</p>`}
    ${
      !month &&
      !today &&
      html`<p class="more">The flock has no budget; <code>flock.json</code> can give it one.</p>`
    }
    ${
      own.length > 0 &&
      html`<h3>Bots with budgets of their own</h3>
        ${own.slice(0, maxBots).map((use) => useOf(use))}
        ${left > 0 && html`<p class="more">and ${showCount(left)} more, which have used less of theirs</p>`}`
    }
  </div>`;
}

/** What one bot has spent, and how much of its own budgets is used. */
export function botSpending(bot: BotView): Html {
  const month = monthUse('This month', bot, '');
  const today = dayUse('Today', bot, '');
  const free = isFree(bot, [bot]) && chargesNothing(networksOf([bot]));
  return html`<div id="spending">
    ${month ? useOf(month) : free === false && sumOf('This month', usd(bot.spent.usdMonth))}
    ${today ? useOf(today) : sumOf('Today', counted(bot.spent.postsToday, 'post'))}
    ${free === false ? sumOf('Since it began', usd(bot.spent.usdTotal)) : html`<p class="more">${free}.</p>`}
    ${
      !month &&
      !today &&
      html`<p class="more">It has no budget of its own; that of the flock is on the flock’s page.</p>`
    }
  </div>`;
}

/** A budget of the flock or of a bot, and how much of it is used. */
interface Use extends Pick<Bar, 'value' | 'max' | 'text' | 'alarms'> {
  /** Whose it is, or its period. */
  name: string;
}

type Budgeted = Pick<BotView, 'spent' | 'budget'>;

function monthUse(name: string, { spent, budget }: Budgeted, when: string): Use | undefined {
  const [value, max] = [spent.usdMonth, budget.usdPerMonth];
  if (max === undefined) return undefined;
  return { name, value, max, text: `${usd(value)} of ${usd(max)} ${when}`, alarms: true };
}

/** A day's posts come again tomorrow, so a full bar is no warning. */
function dayUse(name: string, { spent, budget }: Budgeted, when: string): Use | undefined {
  const [value, max] = [spent.postsToday, budget.postsPerDay];
  if (max === undefined) return undefined;
  return { name, value, max, text: `${showCount(value)} of ${counted(max, 'post')}${when}` };
}

const usd = (dollars: number): string => showUsd(inMicros(dollars));

/** How much of a period has passed, in steps, so that the mark need not move each second. */
function passed(now: string, ends: string, length: number): number {
  const share = 1 - (Date.parse(ends) - Date.parse(now)) / length;
  return Math.round(Math.min(1, Math.max(0, share)) * 48) / 48;
}

const shareOf = ({ value, max }: Pick<Bar, 'value' | 'max'>): number => (max > 0 ? value / max : 1);

const sumOf = (name: string, text: string): Html =>
  html`<p class="sum"><span>${name}</span> <strong>${text}</strong></p>`;

const useOf = ({ name, ...measure }: Use, mark?: number): Html =>
  html`<div class="use">
    ${sumOf(name, measure.text)} ${bar({ role: 'meter', label: `Budget of ${name}`, mark, ...measure })}
  </div>`;

interface Bar {
  role: 'progressbar' | 'meter';
  /** What it measures, for screen readers. */
  label: string;
  value: number;
  max: number;
  /** The value in words. */
  text: string;
  /** Whether a full bar is a warning. */
  alarms?: boolean;
  /** A mark on it, as a share of its length. */
  mark?: number | undefined;
}

/** A bar. Drawn, because the page's policy allows no style that is written into it. */
export function bar({ role, label, value, max, text, alarms = false, mark }: Bar): Html {
  const share = Math.min(1, shareOf({ value, max }));
  return html`<div
    class="bar"
    role="${role}"
    aria-label="${label}"
    aria-valuemin="0"
    aria-valuemax="${max}"
    aria-valuenow="${Math.min(value, max)}"
    aria-valuetext="${text}"
    data-full="${alarms && share >= 1 ? 'yes' : 'no'}"
  >
    <svg viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="1000" height="1" />
      <rect class="fill" width="${Math.round(share * 1000)}" height="1" />
      ${mark !== undefined && html`<rect class="mark" x="${Math.round(mark * 997)}" width="3" height="1" />`}
    </svg>
  </div>`;
}

/** `1,024` */
export const showCount = (count: number): string => count.toLocaleString('en-US');

/** The last day of a period, given its end: `31 August` for a month that ends at midnight. */
export const lastDayBefore = (ends: string, timeZone: string): string =>
  formatIn(timeZone, 'day', { day: 'numeric', month: 'long' }).format(Date.parse(ends) - 1);

const formats = new Map<string, Intl.DateTimeFormat>();

/** A date format, made once for each zone. */
export function formatIn(
  timeZone: string,
  name: string,
  options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
  const key = `${name} ${timeZone}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat('en-GB', { timeZone, ...options });
  if (formats.size > 1000) formats.clear();
  formats.set(key, known);
  return known;
}
