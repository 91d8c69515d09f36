import { fitsInPost, hasLink, isBlank, maxWeight, weigh, withoutControls } from './tweet-text.ts';

/** What a bot posts at a time: one line of the file, or each stanza of it. */
export type Unit = 'line' | 'stanza';

/** A postable unit of a poem. */
export interface Line {
  text: string;
  /** The line of the file it begins at, counted from 1. */
  at: number;
  /** Where a line or a stanza is too heavy for one post: the whole of it, and which of its posts this is, from 0. */
  part?: { of: string; nth: number };
}

/**
 * The lines of a poem in order, each fit for one post. Blank lines are passed over; what is too heavy for one post is split
 * into the fewest that hold it, at the best places, nothing lost or reordered.
 */
export function splitPoem(text: string, unit: Unit): Line[] {
  const rows = text.split(/\r\n|\n|\r/).map((row, index) => ({ text: row, at: index + 1 }));
  return (unit === 'line' ? rows.filter(isSeen).map((row) => [row]) : stanzasOf(rows)).flatMap(split);
}

const isSeen = (row: Line): boolean => !isBlank(row.text);

function stanzasOf(rows: Line[]): Line[][] {
  const stanzas: Line[][] = [[]];
  for (const row of rows) {
    if (isSeen(row)) stanzas.at(-1)?.push(row);
    else if (stanzas.at(-1)?.length !== 0) stanzas.push([]);
  }
  return stanzas.filter((stanza) => stanza.length > 0);
}

/** A stanza breaks between its rows; a row that is too heavy by itself breaks between its words. */
function split(rows: readonly Line[]): Line[] {
  const of = rows.map(({ text }) => text).join('\n');
  if (fitsInPost(of)) return [{ text: of, at: rows[0]?.at ?? 0 }];
  return postsOf(rows.flatMap(atomsOf)).map((post, nth) => ({ ...post, part: { of, nth } }));
}

/** A part of a line or a stanza that is not broken. */
interface Atom {
  /** The space before it, which is dropped where a post begins with it. */
  space: string;
  text: string;
  /** The line of the file it is in. */
  at: number;
  /** Whether the word it is of, too heavy for a post, goes on after it; and whether that word has a link. */
  isInWord?: boolean;
  isInLink?: boolean;
}

/** A row that fits; or the words of one that does not; or the characters of a word that does not. */
function atomsOf({ text: row, at }: Line, nth: number): Atom[] {
  const newline = nth > 0 ? '\n' : '';
  if (fitsInPost(row)) return [{ space: newline, text: row, at }];
  const atoms: Atom[] = [];
  for (const [, space = '', word = ''] of row.matchAll(/(\s*)(\S+)/gu)) {
    const isHeavy = !fitsInPost(word);
    const isInLink = isHeavy && hasLink(word);
    const parts = isHeavy ? graphemesOf(word).flatMap(whole) : afterDashes(word);
    for (const [index, text] of parts.entries()) {
      const before = atoms.length === 0 ? newline + space : index === 0 ? space : '';
      const last = atoms.at(-1);
      // Nobody would see a post of it.
      if (last && isBlank(text)) last.text += before + text;
      else if (!isHeavy) atoms.push({ space: before, text, at });
      else atoms.push({ space: before, text, at, isInWord: index < parts.length - 1, isInLink });
    }
  }
  return atoms;
}

/** Made when it is needed: it takes milliseconds, and overlong words are rare. */
let graphemes: Intl.Segmenter | undefined;

function graphemesOf(word: string): string[] {
  graphemes ??= new Intl.Segmenter('und', { granularity: 'grapheme' });
  return Array.from(graphemes.segment(word), ({ segment }) => segment);
}

/** A character under hundreds of accents is too heavy by itself; only then are its accents parted. */
const whole = (grapheme: string): string[] =>
  fitsInPost(grapheme) || isBlank(grapheme) ? [grapheme] : Array.from(grapheme);

/** A word may break after a dash between two words that have no space around it. */
const afterDashes = (word: string): string[] =>
  hasLink(word) ? [word] : word.split(/(?<=\p{L}\P{L}*(?:[\u2014\u2015]|(?<!-)--))(?=[^-]?\p{L})/u);

/** The posts that hold the atoms: as few as can be, and among those the ones with the best breaks. */
function postsOf(atoms: readonly Atom[]): Omit<Line, 'part'>[] {
  const best = bestBreaks(atoms).map(([from, to]) => postOf(atoms.slice(from, to), from));
  const isFit = best.length > 0 && best.every(({ text }) => fitsInPost(text));
  // A link in a word that is broken does not weigh what its characters weigh.
  if (isFit && !atoms.some(({ isInLink }) => isInLink)) return best;
  const filled = filledPosts(atoms);
  return isFit && best.length <= filled.length ? best : filled;
}

const postOf = (atoms: readonly Atom[], from: number): Omit<Line, 'part'> => ({
  text: atoms.map(({ space, text }, index) => (index === 0 && from > 0 ? text : space + text)).join('').trimEnd(), // prettier-ignore
  at: atoms[0]?.at ?? 0,
});

/** Fills one post after the other as far as each will go. */
function filledPosts(atoms: readonly Atom[]): Omit<Line, 'part'>[] {
  const posts: Omit<Line, 'part'>[] = [];
  let open: Omit<Line, 'part'> | undefined;
  for (const { space, text, at } of atoms) {
    const longer: string = (open?.text ?? '') + space + text;
    if (open && (isBlank(longer) || fitsInPost(longer.trimEnd()))) open.text = longer;
    else posts.push((open = { text: posts.length === 0 ? space + text : text, at }));
  }
  return posts.filter(({ text }) => !isBlank(text)).map(({ text, at }) => ({ text: text.trimEnd(), at }));
}

/** A post that weighs less is an orphan: no break is so good that it is worth one. */
const orphan = maxWeight / 8;

/** Worse than any difference in how even the posts are. */
const perPoint = 1e7;

/**
 * Where each post begins and ends: the fewest posts; among those the fewest orphans; then the best breaks; then the most
 * even. Of each beginning of the text the best way is known when the next atom is looked at, so no way is looked at twice.
 *
 * @returns nothing where an atom is too heavy for a post
 */
function bestBreaks(atoms: readonly Atom[]): [from: number, to: number][] {
  const { length } = atoms;
  const weightOf = weigher();
  const weights = atoms.map(({ text }) => weightOf(text));
  const spaces = atoms.map(({ space }) => weightOf(space));
  const badness = atoms.map((_, index) => badnessBefore(atoms, index) * perPoint);
  /** The best way to break what is before an atom, for each of them, and where its last post begins. */
  const ways: { posts: number; orphans: number; cost: number; from: number }[] = [];
  ways.push({ posts: 0, orphans: 0, cost: 0, from: 0 });
  for (let to = 1; to <= length; to++) {
    let weight = 0;
    let best = { posts: Infinity, orphans: 0, cost: 0, from: 0 };
    for (let from = to - 1; from >= 0; from--) {
      weight += (weights[from] ?? 0) + (from < to - 1 ? (spaces[from + 1] ?? 0) : 0);
      const before = ways[from];
      if (weight > maxWeight || !before) break;
      const posts = before.posts + 1;
      const orphans = before.orphans + (weight < orphan ? 1 : 0);
      const cost = before.cost + (badness[from] ?? 0) + weight * weight;
      if ((posts - best.posts || orphans - best.orphans || cost - best.cost) < 0)
        best = { posts, orphans, cost, from };
    }
    ways.push(best);
  }
  const found: [from: number, to: number][] = [];
  for (let to = length; to > 0; to = found.at(-1)?.[0] ?? 0) {
    const { posts, from } = ways[to] ?? { posts: Infinity, from: 0 };
    if (posts === Infinity) return [];
    found.push([from, to]);
  }
  return found.reverse();
}

/** Words and characters come again: each is weighed once. */
function weigher(): (text: string) => number {
  const known = new Map<string, number>();
  return (text) => {
    const weight = known.get(text) ?? weigh(withoutControls(text));
    known.set(text, weight);
    return weight;
  };
}

/** The end of a sentence, whatever closes after it. */
const sentenceEnd =
  /[.!?\u2026\u3002\uff01\uff0e\uff1f\u203d\u061f\u06d4\u0964]["'\u201d\u2019\u00bb\u203a)\]\u300d\u300f\u3011]*$/u;

/** A full stop that ends no sentence. */
const abbreviation =
  /(?:^|[\s"'\u201c\u2018(])(?:\p{Lu}|Mrs?|Ms|Dr|St|Mt|Prof|Rev|Capt|Col|Gen|Lt|vs|etc|cf|e\.g|i\.e)\.$/u;

const closing = /["'\u201d\u2019\u00bb\u203a)\]\u300d\u300f\u3011]*$/u;

/** How bad it is to break before an atom: worse than nothing only by what is broken there. */
function badnessBefore(atoms: readonly Atom[], index: number): number {
  const [before, after] = [atoms[index - 1], atoms[index]];
  if (!before || !after) return 0;
  // The characters of a word that is broken tell little, one by one.
  const near = atoms.slice(Math.max(0, index - 4), index);
  const text = near.map((atom) => atom.space + atom.text).join('');
  // What closes belongs to what it closes.
  if (after.space === '' && /^[\p{Pe}\p{Pf}\p{Po}\p{M}]/u.test(after.text)) return 60;
  const goesOn = /^\P{L}*\p{Ll}/u.test(after.text);
  if (sentenceEnd.test(text) && !goesOn && !abbreviation.test(text)) return 0;
  const last = text.replace(closing, '');
  if (after.space.includes('\n')) return 2;
  if (/[;:\u2013\u2014\u2015\uff1b\uff1a\u061b\u2026]$|--$|(?:^|\s)-$/u.test(last)) return 3;
  if (/[,\uff0c\u3001\u060c]$/u.test(last) || sentenceEnd.test(text)) return abbreviation.test(text) ? 16 : 4;
  return before.isInWord ? 40 : 16;
}
