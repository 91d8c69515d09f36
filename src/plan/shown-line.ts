import { wrapAnsi } from 'fast-wrap-ansi';

/** One line of what a person is shown. */
export interface ShownLine {
  text: string;
  style?: 'bold' | 'green';
}

/** How much room there is. */
export interface Room {
  /** How wide a terminal is, in characters; undefined elsewhere: nothing is cut or left out then. */
  columns: number | undefined;
  /** Whether all is wanted, however long it gets. */
  whole: boolean;
  /** Whether every post is wanted. */
  calendar: boolean;
}

export const line = (text = ''): ShownLine => ({ text });
export const heading = (text: string): ShownLine => ({ text, style: 'bold' });

/** As much of a text as fits, with a sign where some is missing. */
export function cut(text: string, width: number): string {
  if (text.length <= width / 2) return text;
  const [first = ''] = wrapAnsi(text, Math.max(1, width), { hard: true, wordWrap: false, trim: false }).split(
    '\n',
  );
  if (first.length === text.length) return text;
  const [less = ''] = wrapAnsi(text, Math.max(1, width - 1), {
    hard: true,
    wordWrap: false,
    trim: false,
  }).split('\n');
  return `${less}…`;
}

/** `1 post`, `1,440 posts` */
export const count = (number: number, thing: string): string =>
  `${number.toLocaleString('en-US')} ${thing}${number === 1 ? '' : 's'}`;
