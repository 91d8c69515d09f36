/** A post as an entry of a calendar. Instants in milliseconds since 1970. */
export interface CalendarEntry {
  bot: string;
  /** What it is for: with the bot it tells this entry from all others, also when it is made again. */
  slot: number;
  at: number;
  text: string;
  /** What else there is to say of it, in one line. */
  note: string;
}

/** The beginning of an iCalendar. Entries follow, then {@link endOfCalendar}. @see RFC 5545 */
export const beginningOfCalendar: string = [
  'BEGIN:VCALENDAR',
  'VERSION:2.0',
  'PRODID:-//flockd//plan//EN',
  'CALSCALE:GREGORIAN',
  '',
].join('\r\n');

export const endOfCalendar = 'END:VCALENDAR\r\n';

/** One entry of an iCalendar, at an instant without a duration. @param made - when the calendar is made */
export function formatEntry({ bot, slot, at, text, note }: CalendarEntry, made: number): string {
  return [
    'BEGIN:VEVENT',
    `UID:${bot}-${slot}@flockd`,
    `DTSTAMP:${instant(made)}`,
    `DTSTART:${instant(at)}`,
    `SUMMARY:${escape(`${bot}: ${text}`)}`,
    `DESCRIPTION:${escape(note)}`,
    'TRANSP:TRANSPARENT',
    'END:VEVENT',
  ]
    .map((line) => `${fold(line)}\r\n`)
    .join('');
}

/** `20261121T090000Z` */
const instant = (milliseconds: number): string =>
  `${new Date(milliseconds).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;

/** A text as a value. Control characters have no place in a calendar, but for the tab and the end of a line. */
const escape = (text: string): string =>
  text
    .replaceAll(/[\\;,]/g, String.raw`\$&`)
    .replaceAll(/\r\n|[\r\n\u2028\u2029]/g, String.raw`\n`)
    .replaceAll(/(?!\t)\p{Cc}/gu, ' ');

/** A line may have so many octets, its end not counted; it goes on after a line break and a space. */
const mostOctets = 75;

function fold(line: string): string {
  if (Buffer.byteLength(line) <= mostOctets) return line;
  let folded = '';
  let octets = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (octets + size > mostOctets) {
      folded += '\r\n ';
      octets = 1;
    }
    folded += character;
    octets += size;
  }
  return folded;
}
