import { html } from 'hono/html';
import { awayFrom } from '../browser/away.ts';
import type { Html } from '../layout.ts';

const day = 24 * 3_600_000;

/** An instant, relative to the reader's clock. @param due - something is to happen then, though it may be late */
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

/** A text with each instant in it as {@link atClock} shows it. */
export const withClocks = (text: string, timeZone: string, now: string): string =>
  text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (instant) => atClock(instant, timeZone, now));

/** The last day of a period, given its end: `31 August` for a month that ends at midnight. */
export const lastDayBefore = (ends: string, timeZone: string): string =>
  formatIn(timeZone, 'day', { day: 'numeric', month: 'long' }).format(Date.parse(ends) - 1);

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

interface Bar {
  role: 'progressbar' | 'meter';
  /** What it measures, for screen readers. */
  label: string;
  value: number;
  max: number;
  /** The value in words. */
  text: string;
  /** Whether a full bar is a warning. */
  alarms?: boolean | undefined;
  /** A mark on it, as a share of its length. */
  mark?: number | undefined;
}

/** A bar. Drawn, because the page's policy allows no style that is written into it. */
export function bar({ role, label, value, max, text, alarms = false, mark }: Bar): Html {
  const share = max > 0 ? Math.min(1, value / max) : 1;
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
