import { wrapAnsi } from 'fast-wrap-ansi';

/*
 * The language of man pages. @see man(7), groff_char(7)
 */

/** The first lines of a page. @param date - as `2026-08-31` */
export const title = (
  name: string,
  chapter: number,
  { version, date }: { version: string; date: string },
): string =>
  [
    `.TH ${name.toUpperCase()} ${chapter} ${date} ${quoted(`keymaker ${version}`)} "Manual of the flock"`,
    // Calls are copied from here: no word is broken, and no space is stretched.
    '.nh',
    '.ad l',
  ].join('\n');

export const bold = (words: string): string => `\\fB${words}\\fR`;
export const italic = (words: string): string => `\\fI${words}\\fR`;

/** An argument of a macro. */
export const quoted = (words: string): string => `"${escaped(words).replaceAll('"', '\\(dq')}"`;

/** Of the source; mandoc wants no more than 80. */
const lineLength = 76;

/** Escaped words as lines of text, none of which its first word makes a macro. */
export const filled = (words: string): string =>
  wrapAnsi(words.replaceAll(/\s+/g, ' '), lineLength).replaceAll(/^[.']/gm, '\\&$&');

/** A line as it is, between `.nf` and `.fi`. */
export const verbatim = (line: string): string =>
  [...line.split(/( +)/)]
    .map((part) => (part.trim() === '' ? part : escaped(part)))
    .join('')
    .replace(/^[.']/, '\\&$&');

const characters: Partial<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
};

/** Characters as they are: roff would make typographers' quotes, accents and hyphens of some, and commands of others. */
export const escaped = (words: string): string =>
  words
    .replaceAll(/[\\'`^~-]/g, (character) => characters[character] ?? character)
    .replaceAll(/[^\x20-\x7e\n]/gu, (character) => `\\[u${hex(character)}]`);

const hex = (character: string): string =>
  (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
