import { wrapAnsi } from 'fast-wrap-ansi';
import pc from 'picocolors';
import { type BotStatus, needsSomebody, type Status } from '../flock/status.ts';
import { statusTable } from './status-table.ts';
import { flockWords, keylessTrouble, troublesOf } from './status-words.ts';

/** The screen a frame is for. */
export interface FrameSize {
  columns: number;
  rows: number;
  colors: boolean;
}

/** So many lines of the log stay in sight above it, where the screen has room. */
const ofLog = 6;

/** On fewer there is the log alone. */
const leastRows = 4;

/** A blank line, and the heads of the table. */
const chrome = 2;

/** What is shown of a flock. */
export interface ShownFlock extends Status {
  /** Bots that have a poem and no key yet. */
  keyless?: readonly string[] | undefined;
}

/** So many of them are named. */
const mostKeyless = 3;

function keylessLines(keyless: readonly string[], columns: number): string[] {
  const trouble = keylessTrouble(keyless, (call) => `keymaker ${call}`, mostKeyless);
  return trouble ? wrapped(`${trouble.text} (${trouble.hint ?? ''})`, columns) : [];
}

/** A screen of the flock: a table, a sentence, and what is wrong. It has fewer lines than the screen, none of them wider. */
export function flockFrame(
  { flock, bots, keyless = [] }: ShownFlock,
  now: number,
  { columns, rows, colors }: FrameSize,
): string[] {
  if (rows < leastRows) return [];
  const paint = pc.createColors(colors);
  const room = Math.max(rows - 1 - ofLog, Math.floor(rows / 2)) - chrome;
  const words = wrapped(
    `${flock.stopped ? 'The flock is stopped. ' : ''}${flockWords(flock, bots)}`,
    columns,
  );
  const unready = keylessLines(keyless, columns);
  // Half of the screen at most, more where the flock is small.
  const left = room - words.length - unready.length - Math.min(bots.length, Math.ceil(room / 2));
  const troubles = troubleLines(bots, { now, columns, most: left }).map((line) => paint.dim(line));
  const rowsOfBots = chosen(bots, room - words.length - troubles.length - unready.length);
  const more = bots.length - rowsOfBots.length;
  return [
    '',
    ...statusTable(rowsOfBots, { columns, colors, now }),
    ...(more > 0 ? [paint.dim(`… and ${more} more`)] : []),
    ...words.map((line) => (flock.stopped ? paint.bold(line) : line)),
    ...troubles,
    ...unready.map((line) => paint.dim(line)),
  ].slice(0, rows - 1);
}

/** As many as there is room for, with a line for the others: who needs somebody first, then who posts next. */
function chosen(bots: readonly BotStatus[], most: number): readonly BotStatus[] {
  if (bots.length <= most) return bots;
  const room = Math.max(1, most - 1);
  // Of thousands only a screenful is put in order.
  const first: { bot: BotStatus; key: string }[] = [];
  for (const bot of bots) {
    const key = urgency(bot);
    const place = first.findIndex((other) => key < other.key);
    if (place < 0 && first.length === room) continue;
    first.splice(place < 0 ? first.length : place, 0, { bot, key });
    if (first.length > room) first.pop();
  }
  return first.map(({ bot }) => bot);
}

/** Texts that sort as their bots should. */
const urgency = (status: BotStatus): string =>
  `${needsSomebody(status) ? 0 : 1} ${status.next ?? '~'} ${status.bot}`;

/** What is wrong, as far as there is room for it. */
function troubleLines(
  bots: readonly BotStatus[],
  { now, columns, most }: { now: number; columns: number; most: number },
): string[] {
  const lines: string[] = [];
  const troubles = troublesOf(bots, now);
  for (const [index, { text, hint }] of troubles.entries()) {
    const said = wrapped(hint === undefined ? text : `${text} (${hint})`, columns);
    const isLast = index === troubles.length - 1;
    if (lines.length + said.length + (isLast ? 0 : 1) > most) {
      const others = troubles.length - index;
      return most < 1
        ? []
        : [...lines, `… flockd status tells what is wrong with ${others} more`.slice(0, columns)];
    }
    lines.push(...said);
  }
  return lines;
}

const wrapped = (text: string, columns: number): string[] =>
  wrapAnsi(text, columns, { hard: true }).split('\n');
