import { stripVTControlCharacters } from 'node:util';
import { wrapAnsi } from 'fast-wrap-ansi';
import { closest, distance } from 'fastest-levenshtein';

/** The longest text that messages repeat, and the longest part of one, without a space, that need not be words. Characters. */
const maxQuoted = 100;
const shortPart = 15;

/**
 * A word, a few of them as in `postsPerDay`, or a number, as names and times are made of them. Tokens are ASCII: what is
 * written in another script is words.
 */
const word =
  /^(?:\p{Lu}?\p{Ll}{1,15}(?:\p{Lu}\p{Ll}{2,15})*\d{0,4}|\p{Lu}{1,15}\d{0,4}|\d{1,4}|(?:(?!\p{ASCII})[\p{L}\p{M}\p{N}])+\d{0,4})$/u;

/**
 * Whether a text could be a secret that was put in the wrong place: a token, or a password that no person made up. Names,
 * time zones and schedules are words and numbers with signs between them: `America/Argentina/Buenos_Aires`.
 */
export const couldBeSecret = (text: string): boolean =>
  text.length > maxQuoted || text.split(/\s+/).some((part) => part.length > shortPart && !isWords(part));

const isWords = (part: string): boolean =>
  part.split(/[-/_.,:*+]+/).every((piece) => piece === '' || word.test(piece));

/** What messages show of a name that a person wrote: nothing where it could be a secret. */
export const shown = (name: string): string => (couldBeSecret(name) ? '…' : name);

/** The same for a text, in quotes. */
export const quoted = (text: string): string => JSON.stringify(shown(text));

/** The most of another program's words that a message of ours repeats. Characters. */
const maxWords = 240;

/**
 * What another program said, fit to be quoted in a line of ours: bounded, without control characters or what could be a secret.
 * Empty where no word is left.
 */
export function quotable(text: string): string {
  const parts = text
    .slice(0, 16 * maxWords)
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .split(' ')
    .map((part) => (couldBeSecret(part.replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')) ? '…' : part));
  const words = parts
    .filter((part, index) => part !== '…' || parts[index - 1] !== '…')
    .join(' ')
    .slice(0, maxWords)
    .replaceAll(/^\s+|[\s.\p{C}]+$/gu, '');
  return /[\p{L}\p{N}]/u.test(words) ? words : '';
}

/** A path as one word of the shell. */
export function shellWord(file: string): string {
  const plain = file.startsWith('-') ? `./${file}` : file;
  return /^[\w./@%+=:,-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", String.raw`'\''`)}'`;
}

/** Things by what they have in common, in the order in which they came. */
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

/** The known word that was most likely meant, or undefined where none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const found = closest(word.toLowerCase(), [...known]);
  return distance(word.toLowerCase(), found.toLowerCase()) <= Math.max(2, word.length / 3)
    ? found
    : undefined;
}

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The milliseconds in a duration such as `90s`, `20m` or `1.5h`, or undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  const unit = found?.[2];
  return unit === undefined ? undefined : Math.round(Number(found?.[1]) * units[unit as keyof typeof units]);
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** How long it is to or from an instant, as a person reads it: `in 3 h`, `2 d ago`, `now`. @param ms - negative for the past */
export function relativeTime(ms: number): string {
  const away = Math.abs(ms);
  if (away < second) return 'now';
  return ms > 0 ? `in ${duration(away)}` : `${duration(away)} ago`;
}

/** How long {@link relativeTime} gets for anything within three years, so that a column keeps its width. */
export const maxRelativeTime = { past: '119 min ago'.length, ahead: 'in 119 min'.length } as const;

/** `40 s`, `59 min`, `47 h`, `12 d`, rounded down: hours from two on, and days too. */
export function duration(ms: number): string {
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < 2 * hour) return `${Math.floor(ms / minute)} min`;
  if (ms < 2 * day) return `${Math.floor(ms / hour)} h`;
  return `${Math.floor(ms / day)} d`;
}

/** Swedes write dates as ISO 8601 does. */
const dates = 'sv-SE';
/** Who has short names for the zones of Europe, of America, and of Australia. */
const namers = ['en-GB', 'en-US', 'en-AU'];

interface ZoneClock {
  date: Intl.DateTimeFormat;
  names: Intl.DateTimeFormat[];
}

const zoneClocks = new Map<string, ZoneClock>();

function zoneClockOf(timeZone: string): ZoneClock {
  const known = zoneClocks.get(timeZone) ?? {
    date: new Intl.DateTimeFormat(dates, { timeZone, dateStyle: 'short', timeStyle: 'short' }),
    names: namers.map((locale) => new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: 'short' })),
  };
  zoneClocks.set(timeZone, known);
  return known;
}

/** To the minute, as the clock of a zone shows it: `2026-08-22 09:00 CEST`. @param instant - ISO 8601 */
export function atClock(instant: string, timeZone: string): string {
  const at = Date.parse(instant);
  const { date, names } = zoneClockOf(timeZone);
  const zones = names.map(
    (format) => format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? '',
  );
  // Where nobody has a name for it, it is so far from Greenwich.
  return `${date.format(at)} ${zones.find((zone) => !/^GMT[+-]/.test(zone)) ?? zones[0] ?? ''}`;
}

/** A text whose instants are as the clock of a zone shows them. */
export const withClocks = (text: string, timeZone: string): string =>
  text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (instant) => atClock(instant, timeZone));

/** An instant as JSON, the log and messages show it: ISO 8601, in UTC. @param instant - milliseconds since 1970 */
export const iso = (instant: number): string => new Date(instant).toISOString();

/** An instant as a zone's calendar and clock show it. */
interface LocalTime {
  /** `2026-11-21` */
  date: string;
  /** `Sat` */
  weekday: string;
  /** `18:30`, or with seconds `18:30:05` */
  time: string;
}

/** Swedes write dates as ISO 8601 does. */
const locale = 'sv-SE';
const shortWeekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

const clocks = new Map<string, Intl.DateTimeFormat>();
const maxClocks = 500;

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known) return known;
  const clock = new Intl.DateTimeFormat(locale, { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  if (clocks.size >= maxClocks) clocks.clear();
  clocks.set(timeZone, clock);
  return clock;
}

/** @param instant - milliseconds since 1970 */
export function localTime(instant: number, timeZone: string, withSeconds = false): LocalTime {
  const [date = '', time = ''] = clockOf(timeZone).format(instant).split(' ');
  const weekday = shortWeekdays[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? '';
  return { date, weekday, time: withSeconds ? time : time.slice(0, 5) };
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `21 Nov 2026` */
export function showDate(instant: number, timeZone: string): string {
  const [year = '', month = '', day = ''] = localTime(instant, timeZone).date.split('-');
  return `${Number(day)} ${months[Number(month) - 1] ?? ''} ${year}`;
}

const weekdays = [
  'Sundays',
  'Mondays',
  'Tuesdays',
  'Wednesdays',
  'Thursdays',
  'Fridays',
  'Saturdays',
  'Sundays',
];

/** More times a day than these are not listed. */
const maxTimes = 4;

/** A schedule as a person would say it, where that is short, or else as it is written: `daily at 09:00 and 21:00`. */
export function scheduleInWords(expression: string): string {
  const fields = expression.trim().split(/\s+/);
  const [minute = '', hour = '', dayOfMonth, month, dayOfWeek = ''] = fields;
  if (fields.length !== 5 || month !== '*') return expression;
  const days = dayOfMonth === '*' ? daysInWords(dayOfWeek) : undefined;
  if (days === undefined) return expression;
  const times = timesInWords(minute, hour);
  if (times !== undefined) return `${days} at ${times}`;
  const often = oftenInWords(minute, hour);
  if (often === undefined) return expression;
  return days === 'daily' ? often : `${often}, ${days}`;
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

function oftenInWords(minute: string, hour: string): string | undefined {
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

/** The 5 in a field of every fifth, where the same steps fit into every whole. */
function stepOf(field: string, whole: number): number | undefined {
  const step = Number(/^\*\/(\d{1,2})$/.exec(field)?.[1] ?? 0);
  return step > 1 && step < whole && whole % step === 0 ? step : undefined;
}

/** The numbers in a list such as `9,21`, or undefined where it is anything else. */
function numbers(field: string, most: number): number[] | undefined {
  if (!/^\d{1,2}(,\d{1,2})*$/.test(field)) return undefined;
  const found = [...new Set(field.split(',').map(Number))].sort((a, b) => a - b);
  return found.every((number) => number <= most) ? found : undefined;
}

const two = (number: number): string => String(number).padStart(2, '0');

/** `a`, `a and b`, `a, b and c` */
function listed(things: readonly string[]): string {
  const last = things.at(-1) ?? '';
  return things.length < 2 ? last : `${things.slice(0, -1).join(', ')} and ${last}`;
}

/** How wide a terminal is; one that does not know says 0, as in a container or over a bare connection. */
export const columnsOf = ({ columns }: { columns: number }): number => columns || 80;

/** So far in are the lines that a long one becomes, but for the first. */
const hanging = '  ';

/**
 * Breaks lines that are too long between words. A word that is longer than a line, as links are, is left whole for the
 * terminal to break.
 */
export const wrapped = (text: string, columns: number): string =>
  text
    .split('\n')
    .map((line) => wrappedLine(line, columns))
    .join('\n');

function wrappedLine(line: string, columns: number): string {
  // No sign is wider than two.
  if (2 * line.length <= columns || wrapAnsi(line, columns, { trim: false }) === line) return line;
  const [indent = ''] = /^ */.exec(line) ?? [];
  const hung = indent + hanging;
  const [first = '', ...rest] = wrapAnsi(line.slice(indent.length), Math.max(1, columns - hung.length)).split(
    '\n',
  );
  return [indent + first, ...rest.map((part) => hung + part)].join('\n');
}

/**
 * How many columns of a terminal a text takes. A sign of East Asian scripts and an emoji take two, a mark joins the letter
 * before it, colours and links take none.
 */
export function widthOf(text: string): number {
  // Most texts are ASCII, and a flock of thousands is drawn again each second.
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

/** As much of a text as fits, with `…` where that is not all. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (widthOf(kept + segment) > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
