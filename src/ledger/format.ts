import { crc32 } from 'node:zlib';
import * as z from 'zod';
import { FlockError } from '../errors.ts';
import { type LedgerEvent, nameBefore, parseLedgerEvent } from './events.ts';
import { FlockHistory } from './history.ts';
import { applyEvent, type BotState, parseBotState, putState } from './state.ts';

/*
 * The journal as text. Its lines are numbered without a gap: a header first; then, if it was compacted, the history of the
 * flock and the state of each bot; then one event a line.
 */

/**
 * One record of the journal: a line of JSON whose first field is its number and whose last, `crc`, is the CRC-32 (8 hex
 * digits) of the text before it. `{"n":7,"event":"posted","bot":"howl",…,"crc":"1c291ca3"}`
 *
 * @param record - with at least one field
 */
export function formatLine(n: number, record: object): string {
  const open = `{"n":${n},${JSON.stringify(record).slice(1, -1)}`;
  return `${open}${endOf(open)}\n`;
}

const endOf = (open: string): string => `,"crc":"${crc32(open).toString(16).padStart(8, '0')}"}`;
const lengthOfEnd = endOf('').length;

/** The record in a line without its newline, or undefined if the line is damaged. */
export function parseLine(line: string): unknown {
  const open = line.slice(0, -lengthOfEnd);
  const isWhole = open.startsWith('{') && line.slice(-lengthOfEnd) === endOf(open);
  return isWhole ? JSON.parse(`${open}}`) : undefined;
}

/**
 * The version that this program writes; it refuses newer ones. Version 1 had no history, version 2 no looks that cost and no
 * held posts.
 */
const version = 3;

const header = z.object({ n: z.int(), journal: z.literal('flockd'), version: z.int() });
const numbered = z.object({ n: z.int() });
const stateRecord = z.object({ state: z.unknown(), bot: z.string() });

/** What a journal says. */
export interface JournalContents {
  states: Map<string, BotState>;
  history: FlockHistory;
  /** The number of its last line. */
  last: number;
  /** How many lines it has. */
  lines: number;
}

export const formatHeader = (n: number): string => formatLine(n, { journal: 'flockd', version });
export const formatEvent = (n: number, event: LedgerEvent): string => formatLine(n, event);

/**
 * A whole journal that says the same as the lines up to `last`, in one line for the flock and one for each bot. Its own lines
 * end with that number, too. There are enough numbers, because every bot has had at least one event, and a flock with a
 * history one more.
 */
export function formatSnapshot(
  last: number,
  { states, history }: Pick<JournalContents, 'states' | 'history'>,
): string {
  const records = [
    ...(history.isEmpty ? [] : [{ history }]),
    ...Array.from(states, ([bot, state]) => ({ bot, state })),
  ];
  const first = last - records.length;
  return [formatHeader(first), ...records.map((record, index) => formatLine(first + index + 1, record))].join(
    '',
  );
}

/**
 * A journal that lines may be added to: without a torn tail, with the header of this version, so that an older program refuses
 * what may follow it. An empty text becomes an empty journal.
 *
 * @throws {FlockError} `data` if the header or the last line is damaged, or the journal is newer than this program
 */
export function renewed(text: string, name: string): string {
  const whole = withoutTornTail(text, name);
  if (whole === '') return formatHeader(0);
  const end = whole.indexOf('\n') + 1;
  const record = parseLine(whole.slice(0, end - 1));
  checkHeader(record, `${name}:1`);
  return formatHeader(numbered.parse(record).n) + whole.slice(end);
}

/**
 * The text up to its last whole line. A last line without its end was being written during a power cut, so it was never
 * acknowledged. A last line that lacks only its newline, or has another byte in its place, was acknowledged.
 *
 * @throws {FlockError} `data` for the latter
 */
function withoutTornTail(text: string, name: string): string {
  const end = text.lastIndexOf('\n') + 1;
  const tail = text.slice(end);
  if (parseLine(tail) !== undefined) return `${text}\n`;
  if (parseLine(tail.slice(0, -1)) !== undefined) throw damaged(`${name}:${text.split('\n').length}`);
  return text.slice(0, end);
}

/**
 * What a journal says, without a torn tail.
 *
 * @throws {FlockError} `data`, with the line, if the journal is damaged or newer than this program
 */
export function readContents(journal: string, name: string): JournalContents {
  const text = withoutTornTail(journal, name);
  const contents: JournalContents = { states: new Map(), history: new FlockHistory(), last: -1, lines: 0 };
  let begin = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', begin)) {
    const place = `${name}:${++contents.lines}`;
    const record = parseLine(text.slice(begin, end));
    const n = numbered.safeParse(record).data?.n;
    if (contents.lines === 1) checkHeader(record, place);
    else if (n !== contents.last + 1) throw damaged(place);
    else fold(contents, record, place);
    contents.last = n ?? contents.last;
    begin = end + 1;
  }
  return contents;
}

function checkHeader(record: unknown, place: string): void {
  const found = header.safeParse(record);
  if (!found.success) throw damaged(place);
  if (found.data.version > version) {
    throw new FlockError('data', `${place}: written by a newer flockd (version ${found.data.version})`, {
      hint: 'upgrade flockd on this machine',
    });
  }
}

function fold(contents: JournalContents, record: unknown, place: string): void {
  const { states, history } = contents;
  try {
    if (has(record, 'history')) {
      contents.history = new FlockHistory(record.history);
      return;
    }
    if (has(record, 'state')) {
      const { bot, state } = stateRecord.parse(record);
      states.set(bot, parseBotState(state));
      return;
    }
    const event = parseLedgerEvent(record);
    const before = states.get(nameBefore(event));
    putState(states, event, applyEvent(before, event));
    history.apply(event, before);
  } catch (cause) {
    throw damaged(place, cause);
  }
}

const has = <Name extends string>(record: unknown, name: Name): record is Record<Name, unknown> =>
  typeof record === 'object' && record !== null && name in record;

function damaged(place: string, cause?: unknown): FlockError {
  return new FlockError('data', `${place}: the journal is damaged here`, {
    hint: 'restore the state folder from a backup; flockd posts nothing rather than guess',
    cause,
  });
}
