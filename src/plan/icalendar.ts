import { iso, linesInWords } from '../text.ts';
import type { FlockPlan } from './plan.ts';
import type { PredictedPost } from './predict.ts';

/**
 * A plan for calendar programs, post by post, as an iCalendar.
 *
 * @param made - when it is made, in milliseconds since 1970
 * @see RFC 5545
 */
export function* planAsIcs(plan: FlockPlan, made: number): Generator<string> {
  const files = new Map<string, string>(plan.chosen.map(({ name, file }) => [name, file]));
  yield linesOf('BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//flockd//plan//EN', 'CALSCALE:GREGORIAN');
  for (const post of plan.posts()) yield formatEntry(post, files.get(post.bot) ?? '', made);
  yield linesOf('END:VCALENDAR');
}

/** A post as an entry of a calendar, at an instant without a duration. Bot and slot tell it from all others, whenever it is made. */
export function formatEntry(
  { bot, slot, at, text, line, lines }: Omit<PredictedPost, 'micros'>,
  file: string,
  made: number,
): string {
  const shown = linesInWords(line + 1, lines);
  return linesOf(
    'BEGIN:VEVENT',
    `UID:${bot}-${slot}@flockd`,
    `DTSTAMP:${instant(made)}`,
    `DTSTART:${instant(at)}`,
    `SUMMARY:${escape(`${bot}: ${text}`)}`,
    `DESCRIPTION:${escape(`${shown} of ${file}`)}`,
    'TRANSP:TRANSPARENT',
    'END:VEVENT',
  );
}

const linesOf = (...lines: string[]): string => lines.map((line) => `${fold(line)}\r\n`).join('');

/** `20261121T090000Z` */
const instant = (milliseconds: number): string =>
  `${iso(milliseconds).slice(0, 19).replaceAll(/[-:]/g, '')}Z`;

/** A text as a value. Control characters have no place in a calendar, but for the tab and the end of a line. */
const escape = (text: string): string =>
  text
    .replaceAll(/[\\;,]/g, String.raw`\$&`)
    .replaceAll(/\r\n|[\r\n\u2028\u2029]/g, String.raw`\n`)
    .replaceAll(/(?!\t)\p{Cc}/gu, ' ');

/** A line may have so many octets, its end not counted; it goes on after a line break and a space. */
const maxOctets = 75;

function fold(line: string): string {
  let folded = '';
  let octets = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (octets + size > maxOctets) {
      folded += '\r\n ';
      octets = 1;
    }
    folded += character;
    octets += size;
  }
  return folded;
}
