import { inspect, stripVTControlCharacters } from 'node:util';
import { wrapAnsi } from 'fast-wrap-ansi';
import { closest, distance } from 'fastest-levenshtein';
import type * as z from 'zod';

/*
 * Text for people: what messages may quote, the nearest known word, durations, dates and schedules in words, and the layout of
 * text on a terminal.
 */

/** A value that cannot be printed by accident: strings, JSON, `inspect` and a logger show `[secret]`. */
export class Secret<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value. Call this only to send, sign with or store it. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

/** The longest text that messages quote, and the longest part without a space that need not be words. Characters. */
const maxQuoted = 100;
const maxUnknownPart = 15;

/** A word, joined words as in `postsPerDay`, or a number. Tokens are ASCII, so text in another script counts as words. */
const word =
  /^(?:\p{Lu}?\p{Ll}{1,15}(?:\p{Lu}\p{Ll}{2,15})*\d{0,4}|\p{Lu}{1,15}\d{0,4}|\d{1,4}|(?:(?!\p{ASCII})[\p{L}\p{M}\p{N}])+\d{0,4})$/u;

/**
 * Whether a text could be a secret in the wrong place: a token or a generated password. Names, time zones and schedules could
 * not: they are words and numbers with punctuation between them, as in `America/Argentina/Buenos_Aires`.
 */
export const couldBeSecret = (text: string): boolean =>
  text.length > maxQuoted || text.split(/\s+/).some((part) => part.length > maxUnknownPart && !isWords(part));

const isWords = (part: string): boolean =>
  part.split(/[-/_.,:*+]+/).every((piece) => piece === '' || word.test(piece));

/** A name that a person wrote, as messages show it: `…` if it could be a secret. */
export const shown = (name: string): string => (couldBeSecret(name) ? '…' : name);

/** The same as {@link shown}, in quotes. */
export const quoted = (text: string): string => JSON.stringify(shown(text));

/**
 * The value of a JSON text, with or without a byte order mark; undefined if it is none. The parser's message is dropped: it
 * quotes the text, perhaps a secret.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
}

/** What is wrong with a value, by the first issue of its schema: `user_id is not an id`. @param whole - if it is no one field */
export function firstIssue({ issues: [issue] }: z.ZodError, whole: string): string {
  return issue && issue.path.length > 0 ? `${issue.path.join('.')} ${issue.message}` : whole;
}

/** A path, quoted for the shell where necessary. */
export function shellWord(file: string): string {
  const plain = file.startsWith('-') ? `./${file}` : file;
  return /^[\w./@%+=:,-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", String.raw`'\''`)}'`;
}

/** Groups items by a key, in the order of their first items. */
export function grouped<T, Key>(things: Iterable<T>, keyOf: (thing: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const thing of things) {
    const key = keyOf(thing);
    const group = groups.get(key);
    if (group) group.push(thing);
    else groups.set(key, [thing]);
  }
  return groups;
}

/** What is said of one bot, and what helps. */
interface Said {
  bot: string;
  text: string;
  hint?: string | undefined;
}

/** Groups what is said of several bots: texts that differ only in the name of the bot become one, with `<bot>` in its place. */
export function saidOnce(items: readonly Said[]): (Omit<Said, 'bot'> & { bots: string[] })[] {
  const groups = grouped(items, ({ bot, text, hint = '' }) =>
    JSON.stringify([text, hint].map((said) => withoutName(said, bot))),
  );
  return [...groups.values()].flatMap((group) => {
    const [first, ...others] = group;
    if (!first) return [];
    const { bot, text, hint } = first;
    if (others.length === 0) return { bots: [bot], text, hint };
    const bots = group.map((said) => said.bot);
    return { bots, text: withoutName(text, bot), hint: hint && hintForAll(withoutName(hint, bot)) };
  });
}

/** Without a name make-keys asks for every bot that has no good key. The modes of all bundles are the same. */
const hintForAll = (hint: string): string =>
  hint.replace(/ --bot[= ]<bot>(?! --force)/, '').replace(/^(chmod [^']*)<bot>/, '$1*');

const withoutName = (text: string, bot: string): string =>
  // Most texts have no name in them, and there may be thousands.
  text.includes(bot)
    ? text
        .split(/([^\p{L}\p{M}\p{N}_-]+)/u)
        .map((word) => (word === bot ? '<bot>' : word))
        .join('')
    : text;

/** The known word that was most likely meant, or undefined if none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const found = closest(word.toLowerCase(), [...known]);
  return distance(word.toLowerCase(), found.toLowerCase()) <= Math.max(2, word.length / 3)
    ? found
    : undefined;
}

/** `did you mean howl?`, or another hint if no known word is near. */
export function didYouMean(word: string, known: readonly string[], otherwise: string): string {
  const meant = nearest(word, known);
  return meant === undefined ? otherwise : `did you mean ${meant}?`;
}

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The milliseconds in a duration such as `90s`, `20m` or `1.5h`, or undefined if it is none. */
export function parseDuration(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  const unit = found?.[2];
  return unit === undefined ? undefined : Math.round(Number(found?.[1]) * units[unit as keyof typeof units]);
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** For how long the {@link duration} to or since an instant reads the same as time passes. @param ms - negative for the past */
export function relativeTimeHolds(ms: number): number {
  const size = Math.abs(ms);
  const unit = size < minute ? second : size < 2 * hour ? minute : size < 2 * day ? hour : day;
  return ms > 0 ? (size % unit) + 1 : unit - (size % unit);
}

/** `40 s`, `119 min`, `47 h`, `12 d`, rounded down: hours from 2 h on, days from 2 d on. */
export function duration(ms: number): string {
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < 2 * hour) return `${Math.floor(ms / minute)} min`;
  if (ms < 2 * day) return `${Math.floor(ms / hour)} h`;
  return `${Math.floor(ms / day)} d`;
}

/** English locales, which abbreviate the zones of Europe, of America, and of Australia. */
const zoneLocales = ['en-GB', 'en-US', 'en-AU'];

/** The local time in a zone, to the minute: `2026-08-22 09:00 CEST`. @param instant - ISO 8601 */
export function atClock(instant: string, timeZone: string): string {
  const at = Date.parse(instant);
  const { date, time } = localTime(at, timeZone);
  const names = zoneLocales.map((locale) => {
    const parts = clockOf(locale, { timeZone, timeZoneName: 'short' }).formatToParts(at);
    return parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  });
  // A zone without an abbreviation is named by its offset: `GMT+5:45`.
  return `${date} ${time} ${names.find((zone) => !/^GMT[+-]/.test(zone)) ?? names[0] ?? ''}`;
}

/** The zone of this machine. It is asked for on first use, because that takes milliseconds. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Replaces each instant in a text (ISO 8601, UTC) by what `show` makes of it, such as {@link atClock}. */
export const withClocks = (text: string, show: (instant: string) => string): string =>
  text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, show);

/** An instant as JSON, the log and messages show it: ISO 8601, in UTC. @param instant - milliseconds since 1970 */
export const iso = (instant: number): string => new Date(instant).toISOString();

/** The local date and time of an instant. */
interface LocalTime {
  /** `2026-11-21` */
  date: string;
  /** `Sat` */
  weekday: string;
  /** `18:30`, or with seconds `18:30:05` */
  time: string;
}

const shortWeekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

const clocks = new Map<string, Intl.DateTimeFormat>();
const maxClocks = 2000;

/** A format, which takes long to make, from a cache. */
function clockOf(
  locale: string,
  options: { timeZone: string } & Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
  const key = `${locale} ${options.timeZone}`;
  const known = clocks.get(key);
  if (known) return known;
  const clock = new Intl.DateTimeFormat(locale, options);
  if (clocks.size >= maxClocks) clocks.clear();
  clocks.set(key, clock);
  return clock;
}

/** @param instant - milliseconds since 1970 */
export function localTime(instant: number, timeZone: string, { withSeconds = false } = {}): LocalTime {
  // Swedish dates are written as in ISO 8601.
  const clock = clockOf('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  const [date = '', time = ''] = clock.format(instant).split(' ');
  const weekday = shortWeekdays[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? '';
  return { date, weekday, time: withSeconds ? time : time.slice(0, 5) };
}

const weekdays = 'Sundays Mondays Tuesdays Wednesdays Thursdays Fridays Saturdays Sundays'.split(' ');

/** The maximum number of times of day that are listed. */
const maxTimes = 4;

/** A cron expression in words if they are short, otherwise as it is written: `daily at 09:00 and 21:00`. */
export function scheduleInWords(expression: string): string {
  const fields = expression.trim().split(/\s+/);
  const [minute = '', hour = '', dayOfMonth, month, dayOfWeek = ''] = fields;
  if (fields.length !== 5 || month !== '*') return expression;
  const days = dayOfMonth === '*' ? daysInWords(dayOfWeek) : undefined;
  if (days === undefined) return expression;
  const times = timesInWords(minute, hour);
  if (times !== undefined) return `${days} at ${times}`;
  const interval = intervalInWords(minute, hour);
  if (interval === undefined) return expression;
  return days === 'daily' ? interval : `${interval}, ${days}`;
}

function daysInWords(dayOfWeek: string): string | undefined {
  if (dayOfWeek === '*') return 'daily';
  if (dayOfWeek === '1-5') return 'Mondays to Fridays';
  const names = dayOfWeek.split(',').map((day) => (/^[0-7]$/.test(day) ? weekdays[Number(day)] : undefined));
  const known = names.filter((name) => name !== undefined);
  return known.length === names.length && known.length <= 3 ? listed(known) : undefined;
}

function timesInWords(minute: string, hour: string): string | undefined {
  const [minutes, hours] = [numbers(minute, 59), numbers(hour, 23)];
  if (!minutes || !hours || minutes.length * hours.length > maxTimes) return undefined;
  const times = hours.flatMap((h) => minutes.map((m) => `${two(h)}:${two(m)}`));
  return listed(times.sort());
}

function intervalInWords(minute: string, hour: string): string | undefined {
  const [first, ...others] = numbers(minute, 59) ?? [];
  const at = first === undefined || others.length > 0 ? undefined : `:${two(first)}`;
  if (hour === '*') {
    if (minute === '*' || minute === '*/1') return 'every minute';
    const step = stepOf(minute, 60);
    if (step !== undefined) return `every ${step} minutes`;
    return at === undefined ? undefined : `hourly at ${at}`;
  }
  const step = stepOf(hour, 24);
  return step === undefined || at === undefined ? undefined : `every ${step} hours at ${at}`;
}

// The step in a field such as */5, if it divides the whole evenly.
function stepOf(field: string, whole: number): number | undefined {
  const step = Number(/^\*\/(\d{1,2})$/.exec(field)?.[1] ?? 0);
  return step > 1 && step < whole && whole % step === 0 ? step : undefined;
}

/** The numbers in a list such as `9,21`, or undefined for anything else. */
function numbers(field: string, max: number): number[] | undefined {
  if (!/^\d{1,2}(,\d{1,2})*$/.test(field)) return undefined;
  const found = [...new Set(field.split(',').map(Number))].sort((a, b) => a - b);
  return found.every((number) => number <= max) ? found : undefined;
}

const two = (number: number): string => String(number).padStart(2, '0');

/** `a`, `a and b`, `a, b and c` */
export function listed(items: readonly string[], conjunction: 'and' | 'or' = 'and'): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} ${conjunction} ${last}`;
}

/** The first names and how many there are besides: `howl, prowl and 3 more` */
export const listedFirst = (names: readonly string[], max: number): string =>
  listed(names.length > max ? [...names.slice(0, max), `${names.length - max} more`] : names);

/** The lines of a post: `line 3`, `lines 3 and 4`, `lines 3 to 5`. @param line - the first of them, counted from 1 */
export function linesInWords(line: number, lines: number): string {
  if (lines === 1) return `line ${line}`;
  return `lines ${line} ${lines === 2 ? 'and' : 'to'} ${line + lines - 1}`;
}

/** `1 post`, `1,440 posts` */
export const counted = (number: number, thing: string): string =>
  `${number.toLocaleString('en-US')} ${thing}${number === 1 ? '' : 's'}`;

/** The width of a terminal in columns; 80 if the terminal reports 0, as in a container or over a serial line. */
export const columnsOf = ({ columns }: { columns: number }): number => columns || 80;

/** The additional indent of the lines that continue a broken one. */
const hanging = '  ';

/** Breaks lines that are too long between words. A word longer than a line, such as a link, stays whole. */
export const wrapped = (text: string, columns: number): string =>
  text
    .split('\n')
    .map((line) => wrappedLine(line, columns))
    .join('\n');

function wrappedLine(line: string, columns: number): string {
  // No character is wider than two columns.
  if (2 * line.length <= columns || wrapAnsi(line, columns, { trim: false }) === line) return line;
  const [indent = ''] = /^ */.exec(line) ?? [];
  const hung = indent + hanging;
  const [first = '', ...rest] = wrapAnsi(line.slice(indent.length), Math.max(1, columns - hung.length)).split(
    '\n',
  );
  return [indent + first, ...rest.map((part) => hung + part)].join('\n');
}

/**
 * The width of a text in columns of a terminal. Characters of East Asian scripts and emoji take two columns, combining marks
 * none, as do colours and links.
 */
export function widthOf(text: string): number {
  // A fast path: most texts are ASCII, and the live view draws thousands of them each second.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const sign of text.includes('\u001b') ? stripVTControlCharacters(text) : text)
    if (!isJoined.test(sign)) width += isWide.test(sign) ? 2 : 1;
  return width;
}

const isJoined = /[\p{Mn}\p{Me}\p{Cf}]/u;
const isWide =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Bopomofo}\p{sc=Yi}\p{Emoji_Presentation}\u3001-\u303e\u30fb-\u30fc\uff01-\uff60\uffe0-\uffe6]/u;

interface TableOptions {
  /** What stands between two columns. */
  gap?: string;
  /** The columns that are aligned to the right, counted from 0. */
  right?: readonly number[];
  /** The least width of each column. */
  minWidths?: readonly number[];
}

/** The lines of a table whose columns are as wide as their widest cells. A cell may have several lines, and colours. */
export function tableLines(
  rows: readonly (readonly string[])[],
  { gap = '  ', right = [], minWidths = [] }: TableOptions = {},
): string[] {
  const lines = rows.flatMap(linesOfRow);
  const widths = (rows[0] ?? []).map((_, column) =>
    lines.reduce((most, line) => Math.max(most, widthOf(line[column] ?? '')), minWidths[column] ?? 0),
  );
  return lines.map((line) =>
    widths
      .map((width, column) => {
        const cell = line[column] ?? '';
        const room = ' '.repeat(width - widthOf(cell));
        return right.includes(column) ? room + cell : cell + room;
      })
      .join(gap)
      .trimEnd(),
  );
}

function linesOfRow(row: readonly string[]): readonly (readonly string[])[] {
  if (!row.some((cell) => cell.includes('\n'))) return [row];
  const cells = row.map((cell) => cell.split('\n'));
  const height = Math.max(...cells.map(({ length }) => length));
  return Array.from({ length: height }, (_, n) => cells.map((lines) => lines[n] ?? ''));
}

/** A text, cut with `…` if it is wider than a width. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (widthOf(kept + segment) > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
