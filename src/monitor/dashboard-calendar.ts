import { type FlockDay, type FlockView, shownDays } from '../flock/view.ts';
import { html, type Html } from '../web/html.ts';
import { counted, showCount, showDay, showMonth, showShortDay } from './dashboard-words.ts';
import type { Region } from './regions.ts';

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

/** The parts of the calendar that change: what it says, and its weeks, once drawn and once as rows of a table. */
export interface CalendarParts {
  sentence: Region;
  months: Region;
  weeks: Region[];
  rows: Region[];
}

/** Half a year behind and two months ahead, a square for each day. */
export function calendarParts({ days }: FlockView): CalendarParts {
  const cells = cellsOf(days);
  const most = Math.max(0, ...cells.map(({ posted, planned }) => Math.max(posted, planned)));
  const weeks = [...weeksOf(cells)];
  return {
    sentence: {
      id: 'calendar-sentence',
      html: html`<p id="calendar-sentence">${sentenceOf(days)}</p>`,
    },
    months: { id: 'calendar-months', html: html`<g id="calendar-months">${monthNames(cells)}</g>` },
    weeks: weeks.map(([monday, week]) => {
      const id = `week-${monday}`;
      return { id, html: html`<g id="${id}">${week.map((cell) => square(cell, most))}</g>` };
    }),
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
      ${months.html}
      <g id="calendar-weeks">${weeks.map((week) => week.html)}</g>
    </svg>
    <figcaption>${sentence.html} ${legend}</figcaption>
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

const tableOf = (rows: readonly Region[]): Html =>
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
        ${rows.map((row) => row.html)}
      </tbody>
    </table>
  </div>`;

function rowOf(monday: string, week: readonly Cell[]): Region {
  const id = `row-${monday}`;
  const numbers = weekdays.map(
    (_, weekday) => html`<td>${numberOf(week.find((cell) => cell.weekday === weekday))}</td>`,
  );
  return {
    id,
    html: html`<tr id="${id}">
      <th scope="row">${showShortDay(monday)}</th>
      ${numbers}
    </tr>`,
  };
}

function numberOf(cell: Cell | undefined): Html | string {
  if (!cell) return '';
  const { when, posted, planned } = cell;
  if (when === 'ahead') return html`<i>${showCount(planned)}</i>`;
  return when === 'today' ? html`${showCount(posted)} <i>+ ${showCount(planned)}</i>` : showCount(posted);
}
