import { fitsInPost } from './line-length.ts';

/** What a bot posts at a time: one line of the file, or each stanza of it. */
export type Unit = 'line' | 'stanza';

/** A postable unit of a poem. */
export interface Line {
  text: string;
  /** The line of the file it begins at, counted from 1. */
  at: number;
}

/** A line with nothing to see in it. */
const blank = /^[\s\p{Cf}]*$/u;

/**
 * The lines of a poem in order, each fit for one post. Blank lines are passed over;
 * what is too heavy for one post is split into the fewest that hold it, nothing lost or reordered.
 */
export function splitPoem(text: string, unit: Unit): Line[] {
  const rows = text.split(/\r\n|\n|\r/).map((row, index) => ({ text: row, at: index + 1 }));
  return unit === 'line' ? rows.filter(isSeen).flatMap(splitRow) : stanzasOf(rows).flatMap(splitStanza);
}

const isSeen = (row: Line): boolean => !blank.test(row.text);

function stanzasOf(rows: Line[]): Line[][] {
  const stanzas: Line[][] = [[]];
  for (const row of rows) {
    if (isSeen(row)) stanzas.at(-1)?.push(row);
    else if (stanzas.at(-1)?.length !== 0) stanzas.push([]);
  }
  return stanzas.filter((stanza) => stanza.length > 0);
}

/** A stanza breaks between its lines; a line of it that is too heavy by itself breaks between its words. */
function splitStanza(stanza: Line[]): Line[] {
  const posts: Line[] = [];
  let open: Line | undefined;
  for (const row of stanza.flatMap(splitRow)) {
    const joined: string = open ? `${open.text}\n${row.text}` : row.text;
    if (open && fitsInPost(joined)) open.text = joined;
    else posts.push((open = { ...row }));
  }
  return posts;
}

/**
 * Fills one post after the other as far as each will go, which gives the fewest: it breaks between words,
 * and inside a word only where the word alone is too heavy for a post.
 */
function splitRow(row: Line): Line[] {
  if (fitsInPost(row.text)) return [row];
  const pieces: string[] = [];
  let open = '';
  for (const atom of atomsOf(row.text)) {
    const longer = open + atom;
    if (blank.test(longer) || fitsInPost(longer.trimEnd())) open = longer;
    else {
      if (!blank.test(open)) pieces.push(open.trimEnd());
      open = atom.trimStart();
    }
  }
  if (!blank.test(open)) pieces.push(open.trimEnd());
  return pieces.map((text) => ({ text, at: row.at }));
}

/** Made when it is needed: it takes milliseconds, and overlong words are rare. */
let graphemes: Intl.Segmenter | undefined;

function graphemesOf(word: string): string[] {
  graphemes ??= new Intl.Segmenter('und', { granularity: 'grapheme' });
  return Array.from(graphemes.segment(word), ({ segment }) => segment);
}

/** The smallest parts a row may break between: words with the space before them, or the characters of an overlong word. */
function atomsOf(row: string): string[] {
  const words = row.match(/\s*\S+/gu) ?? [];
  return words.flatMap((word) => (fitsInPost(word.trimStart()) ? [word] : graphemesOf(word).flatMap(whole)));
}

/** A character under hundreds of accents is too heavy by itself; only then are its accents parted. */
const whole = (grapheme: string): string[] =>
  fitsInPost(grapheme) || blank.test(grapheme) ? [grapheme] : Array.from(grapheme);
