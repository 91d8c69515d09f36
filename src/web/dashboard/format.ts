import { html } from 'hono/html';
import { awayFrom } from '../browser/away.ts';
import type { Html } from '../layout.ts';

const day = 24 * 3_600_000;

/** An instant as the reader's clock sees it from where it stands. @param due - it is still to come, be it late */
export function away(now: string, instant: string, { due = false } = {}): Html {
  const isLate = due && instant <= now;
  const text = isLate ? 'due now' : awayFrom(Date.parse(now), Date.parse(instant));
  return html`<time datetime="${instant}" data-away="${due ? 'due' : 'done'}">${text}</time>`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatIn(timeZone: string, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${name} ${timeZone}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat('en-GB', { timeZone, ...options });
  if (formats.size > 1000) formats.clear();
  formats.set(key, known);
  return known;
}

const clock = { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const;

/** An instant by the clock of a zone: `Sun 09:00 CET` within a week, `22 Dec, 09:00 CET` further away. */
export function atClock(instant: string, timeZone: string, now: string): string {
  const at = Date.parse(instant);
  const isNear = Math.abs(at - Date.parse(now)) < 6 * day;
  const format = isNear
    ? formatIn(timeZone, 'near', { weekday: 'short', ...clock })
    : formatIn(timeZone, 'far', { day: 'numeric', month: 'short', ...clock });
  return format.format(at).replace(/^(\w{3}),? /, isNear ? '$1 ' : '$&');
}

/** A text whose instants are as a clock of a zone shows them. */
export const withClocks = (text: string, timeZone: string, now: string): string =>
  text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (instant) => atClock(instant, timeZone, now));

/** The day before which an end falls: a month that ends at midnight ends with its last day. */
export const lastDayBefore = (ends: string, timeZone: string): string =>
  formatIn(timeZone, 'day', { day: 'numeric', month: 'long' }).format(Date.parse(ends) - 1);

/** `2026-08-22` as `Sat 22 Aug 2026`. */
export const showDay = (date: string): string =>
  formatIn('UTC', 'date', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' })
    .format(Date.parse(date))
    .replace(',', '');

/** `2026-08-22` as `Aug`, and as `22 Aug`. */
export const showMonth = (date: string): string =>
  formatIn('UTC', 'month', { month: 'short' }).format(Date.parse(date)).slice(0, 3);
export const showShortDay = (date: string): string =>
  formatIn('UTC', 'short day', { day: 'numeric', month: 'short' }).format(Date.parse(date));

/** `1,024` */
export const showCount = (count: number): string => count.toLocaleString('en-US');

/** `1 post`, `2 posts` */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${showCount(count)} ${count === 1 ? one : many}`;

const words = 'no one two three four five six seven eight nine ten eleven twelve'.split(' ');

/** Small numbers as words, as a book has them. */
export const inWords = (count: number): string => words[count] ?? showCount(count);

const ordinals = 'th first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth'.split(
  ' ',
);
const endings: Record<string, string> = { one: 'st', two: 'nd', few: 'rd', other: 'th' };
const rules = new Intl.PluralRules('en', { type: 'ordinal' });

/** `third`, `23rd` */
export const ordinal = (place: number): string =>
  ordinals[place] ?? `${showCount(place)}${endings[rules.select(place)] ?? 'th'}`;

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `a`, `a and b`, `a, b and c` */
export const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;

interface Bar {
  role: 'progressbar' | 'meter';
  /** What it measures, for those who do not see it. */
  label: string;
  value: number;
  most: number;
  /** How it reads. */
  text: string;
  /** Whether it is to be noticed that all of it is used up. */
  alarms?: boolean | undefined;
  /** A mark on it, as a share of its length. */
  mark?: number | undefined;
}

/** A bar. Drawn, because the page's policy allows no style that is written into it. */
export function bar({ role, label, value, most, text, alarms = false, mark }: Bar): Html {
  const share = most > 0 ? Math.min(1, value / most) : 1;
  return html`<div
    class="bar"
    role="${role}"
    aria-label="${label}"
    aria-valuemin="0"
    aria-valuemax="${most}"
    aria-valuenow="${Math.min(value, most)}"
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
