import twitterText from 'twitter-text';
import type { Clock } from '../clock.ts';
import { FlockError } from '../errors.ts';
import { type TextRules, withoutControls } from './tweet-text.ts';

/*
 * A poem: its text split into posts, and whether its file is still being written.
 */

/** The lines of a text, by the line ends of any system. */
export const rowsIn = (text: string): string[] => text.split(/\r\n|\n|\r/);

/** What one post is: a line of the file, or a stanza. */
export type Unit = 'line' | 'stanza';

/** How a poem is split into posts. */
export interface Split {
  unit: Unit;
  rules: TextRules;
}

/** The text of one post. */
export interface Line {
  text: string;
  /** The line of the file where it begins, counted from 1. */
  at: number;
  /** Only if a line or stanza is too long for one post: its whole text, and the index of this post in it, from 0. */
  part?: { of: string; nth: number };
}

type Post = Pick<Line, 'text' | 'at'>;

/**
 * Splits a poem into posts, in order. Blank lines are left out. A line or stanza that is too long for one post is split into the
 * fewest posts that hold it, at the best places; nothing is lost or reordered.
 */
export function splitPoem(text: string, { unit, rules }: Split): Line[] {
  const rows = rowsIn(text).map((row, index) => ({ text: row, at: index + 1 }));
  const wholes = unit === 'line' ? rows.filter(isSeen).map((row) => [row]) : stanzasOf(rows);
  return wholes.flatMap((whole) => split(whole, rules));
}

/** Whether a text has no visible character. */
const isBlank = (text: string): boolean => /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]*$/u.test(text);

const isSeen = (row: Line): boolean => !isBlank(row.text);

function stanzasOf(rows: Line[]): Line[][] {
  const stanzas: Line[][] = [[]];
  for (const row of rows) {
    if (isSeen(row)) stanzas.at(-1)?.push(row);
    else if (stanzas.at(-1)?.length !== 0) stanzas.push([]);
  }
  return stanzas.filter((stanza) => stanza.length > 0);
}

/** Splits a line or stanza into posts: between rows, or inside a row that is too long by itself. */
function split(rows: readonly Line[], rules: TextRules): Line[] {
  const of = rows.map(({ text }) => text).join('\n');
  if (rules.fits(of)) return [{ text: of, at: rows[0]?.at ?? 0 }];
  const atoms = rows.flatMap((row, nth) => atomsOf(row, nth, rules));
  return postsOf(atoms, rules).map((post, nth) => ({ ...post, part: { of, nth } }));
}

/** A part of a line or stanza that is not split. */
interface Atom {
  /** The space before it, which is dropped at the start of a post. */
  space: string;
  text: string;
  /** Its line of the file. */
  at: number;
  /** For a part of a word that is too long for a post: whether the word continues after it, and whether the word has a link. */
  isInWord?: boolean;
  isInLink?: boolean;
}

/** The atoms of a row: the row itself if it fits a post, otherwise its words, and the characters of words that do not fit. */
function atomsOf({ text: row, at }: Line, nth: number, rules: TextRules): Atom[] {
  const { fits, hasLink } = rules;
  const newline = nth > 0 ? '\n' : '';
  if (fits(row)) return [{ space: newline, text: row, at }];
  const atoms: Atom[] = [];
  for (const [, space = '', word = ''] of row.matchAll(/(\s*)(\S+)/gu)) {
    const isHeavy = !fits(word);
    const isInLink = isHeavy && hasLink(word);
    const parts = isHeavy
      ? graphemesOf(word).flatMap((one) => wholeOrParts(one, rules))
      : hasLink(word)
        ? [word]
        : afterDashes(word);
    for (const [index, text] of parts.entries()) {
      const before = atoms.length === 0 ? newline + space : index === 0 ? space : '';
      const last = atoms.at(-1);
      // A post of an invisible text would be blank.
      if (last && isBlank(text)) last.text += before + text;
      else if (!isHeavy) atoms.push({ space: before, text, at });
      else atoms.push({ space: before, text, at, isInWord: index < parts.length - 1, isInLink });
    }
  }
  return atoms;
}

/** Made on first use: it takes milliseconds, and words that are too long are rare. */
let graphemes: Intl.Segmenter | undefined;

function graphemesOf(word: string): string[] {
  graphemes ??= new Intl.Segmenter('und', { granularity: 'grapheme' });
  return Array.from(graphemes.segment(word), ({ segment }) => segment);
}

/** A grapheme as one part; its code points only if it does not fit a post, such as a letter with hundreds of accents. */
const wholeOrParts = (grapheme: string, { fits }: TextRules): string[] =>
  fits(grapheme) || isBlank(grapheme) ? [grapheme] : Array.from(grapheme);

/** Splits a word after a dash between two words without spaces. */
const afterDashes = (word: string): string[] =>
  word.split(/(?<=\p{L}\P{L}*(?:[\u2014\u2015]|(?<!-)--))(?=[^-]?\p{L})/u);

/** Distributes atoms over posts: the fewest posts, with the best breaks. */
function postsOf(atoms: readonly Atom[], rules: TextRules): Post[] {
  const best = bestBreaks(atoms, rules).map(([from, to]) => postOf(atoms.slice(from, to), from));
  const isFit = best.length > 0 && best.every(({ text }) => rules.fits(text));
  // A link in a broken word does not weigh the sum of its characters, so the result may not be the fewest posts.
  if (isFit && !atoms.some(({ isInLink }) => isInLink)) return best;
  const filled = filledPosts(atoms, rules);
  return isFit && best.length <= filled.length ? best : filled;
}

const postOf = (atoms: readonly Atom[], from: number): Post => ({
  text: atoms.map(({ space, text }, index) => (index === 0 && from > 0 ? text : space + text)).join('').trimEnd(), // prettier-ignore
  at: atoms[0]?.at ?? 0,
});

/** Distributes atoms greedily: fills one post after the other. */
function filledPosts(atoms: readonly Atom[], { fits }: TextRules): Post[] {
  const posts: Post[] = [];
  let open: Post | undefined;
  for (const { space, text, at } of atoms) {
    const longer: string = (open?.text ?? '') + space + text;
    if (open && (isBlank(longer) || fits(longer.trimEnd()))) open.text = longer;
    else posts.push((open = { text: posts.length === 0 ? space + text : text, at }));
  }
  return posts.filter(({ text }) => !isBlank(text)).map(({ text, at }) => ({ text: text.trimEnd(), at }));
}

/** A post of a lower share of the maximum weight is an orphan. Avoiding an orphan counts more than the quality of the breaks. */
const minShare = 1 / 8;

/** The cost of one point of badness. It outweighs any unevenness of the posts, which is a sum of squared weights. */
const costPerPoint = 1e7;

/**
 * Where each post begins and ends: the fewest posts, then the fewest orphans, then the best breaks, then the most even posts.
 * Dynamic programming: the best way to split the atoms before each atom follows from those of the earlier ones.
 *
 * @returns an empty list if an atom is too long for a post
 */
function bestBreaks(atoms: readonly Atom[], { maxWeight, weigh }: TextRules): [from: number, to: number][] {
  const { length } = atoms;
  const minWeight = maxWeight * minShare;
  const weightOf = weigher(weigh);
  const weights = atoms.map(({ text }) => weightOf(text));
  const spaces = atoms.map(({ space }) => weightOf(space));
  const badness = atoms.map((_, index) => badnessBefore(atoms, index) * costPerPoint);
  /** By atom: the best way to split all atoms before it, and where the last post of that way begins. */
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
      const orphans = before.orphans + (weight < minWeight ? 1 : 0);
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

/** Weighs texts and caches their weights, since words and characters repeat. */
function weigher(weigh: TextRules['weigh']): (text: string) => number {
  const known = new Map<string, number>();
  return (text) => {
    const weight = known.get(text) ?? weigh(withoutControls(text));
    known.set(text, weight);
    return weight;
  };
}

/** The end of a sentence, with closing quotes and brackets. */
const sentenceEnd =
  /[.!?\u2026\u3002\uff01\uff0e\uff1f\u203d\u061f\u06d4\u0964]["'\u201d\u2019\u00bb\u203a)\]\u300d\u300f\u3011]*$/u;

/** An abbreviation, whose full stop does not end a sentence. */
const abbreviation =
  /(?:^|[\s"'\u201c\u2018(])(?:\p{Lu}|Mrs?|Ms|Dr|St|Mt|Prof|Rev|Capt|Col|Gen|Lt|vs|etc|cf|e\.g|i\.e)\.$/u;

const closing = /["'\u201d\u2019\u00bb\u203a)\]\u300d\u300f\u3011]*$/u;

/** The badness of a break before an atom, in points: 0 after a sentence, more the more it interrupts. */
function badnessBefore(atoms: readonly Atom[], index: number): number {
  const [before, after] = [atoms[index - 1], atoms[index]];
  if (!before || !after) return 0;
  // Several atoms, since an atom may be a single character of a broken word.
  const near = atoms.slice(Math.max(0, index - 4), index);
  const text = near.map((atom) => atom.space + atom.text).join('');
  // A closing quote or bracket belongs to the text before it.
  if (after.space === '' && /^[\p{Pe}\p{Pf}\p{Po}\p{M}]/u.test(after.text)) return 60;
  const goesOn = /^\P{L}*\p{Ll}/u.test(after.text);
  if (sentenceEnd.test(text) && !goesOn && !abbreviation.test(text)) return 0;
  const last = text.replace(closing, '');
  if (after.space.includes('\n')) return 2;
  if (/[;:\u2013\u2014\u2015\uff1b\uff1a\u061b\u2026]$|--$|(?:^|\s)-$/u.test(last)) return 3;
  if (/[,\uff0c\u3001\u060c]$/u.test(last) || sentenceEnd.test(text)) return abbreviation.test(text) ? 16 : 4;
  return before.isInWord ? 40 : 16;
}

/** The maximum total length of the texts in one cache. Characters. */
const maxLength = 2_000_000;

/** A cache of results for texts, by name. It is emptied when the texts become too long in total. */
export class RecentTexts<T extends { text: string }> {
  readonly #kept = new Map<string, T>();
  #size = 0;

  get(name: string): T | undefined {
    return this.#kept.get(name);
  }

  set(name: string, made: T): void {
    this.#size += made.text.length - (this.#kept.get(name)?.text.length ?? 0);
    if (this.#size > maxLength) {
      this.#kept.clear();
      this.#size = made.text.length;
    }
    this.#kept.set(name, made);
  }
}

/** A cache of split poems: a bot needs its whole poem for every post, and poems rarely change. */
const recent = new RecentTexts<{ text: string; lines: readonly Line[] }>();

/** Reads and splits a poem. @throws {FlockError} `data` if it cannot be read or has no lines */
export async function linesOf(
  file: string,
  split: Split,
  readPoem: (file: string) => Promise<string>,
): Promise<readonly Line[]> {
  const text = await readPoem(file);
  const key = `${file}\n${split.unit} ${split.rules.id}`;
  const known = recent.get(key);
  const lines = known?.text === text ? known.lines : splitPoem(text, split);
  if (lines !== known?.lines) recent.set(key, { text, lines });
  if (lines.length > 0) return lines;
  throw new FlockError('data', `${file} has no lines`, { hint: 'write the poem, one post a line' });
}

/*
 * How version 0.1.0 split a line or stanza: greedily, with weights that knew no emoji newer than 2018. Old ledgers hold marks of
 * these posts, and a bot in the middle of such a line must continue at its next post. So this code must not change, and nothing
 * new is split with it.
 */

/** The posts of a line or stanza in version 0.1.0. */
export function olderSplit(whole: string): string[] {
  const rows = whole.split('\n').flatMap(splitRow);
  if (!whole.includes('\n')) return rows;
  const posts: string[] = [];
  for (const row of rows) {
    const joined = `${posts.at(-1) ?? ''}\n${row}`;
    if (posts.length > 0 && fits(joined)) posts[posts.length - 1] = joined;
    else posts.push(row);
  }
  return posts;
}

const fits = (text: string): boolean =>
  (text.length <= 280 && /^[\x20-\x7e]*$/.test(text) && /\S/.test(text) && !/\.\S/.test(text)) ||
  twitterText.parseTweet(text).valid;

const wasBlank = (text: string): boolean => /^[\s\p{Cf}]*$/u.test(text);

function splitRow(row: string): string[] {
  if (fits(row)) return [row];
  const pieces: string[] = [];
  let open = '';
  for (const atom of olderAtomsOf(row)) {
    const longer = open + atom;
    if (wasBlank(longer) || fits(longer.trimEnd())) open = longer;
    else {
      if (!wasBlank(open)) pieces.push(open.trimEnd());
      open = atom.trimStart();
    }
  }
  if (!wasBlank(open)) pieces.push(open.trimEnd());
  return pieces;
}

function olderAtomsOf(row: string): string[] {
  const words = row.match(/\s*\S+/gu) ?? [];
  return words.flatMap((word) => (fits(word.trimStart()) ? [word] : graphemesOf(word).flatMap(olderWhole)));
}

const olderWhole = (grapheme: string): string[] =>
  fits(grapheme) || wasBlank(grapheme) ? [grapheme] : Array.from(grapheme);

/** How long a poem's file has been unchanged, and the time since it was modified. Milliseconds. */
interface Stillness {
  /** Since this process first read the present text, on the monotonic clock. */
  alike: number;
  /** By the file's modification time; Infinity if it is not known. */
  age: number;
}

/**
 * Watches how long poems have been unchanged, so that nothing is posted from a file that is being written: uploads, editors and
 * rsync write a file in pieces.
 */
export class PoemWatch {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { text: string; modified: number | undefined; since: number }>();
  readonly #unread = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Notes a reading of a file.
   *
   * @param text - the text, or anything that differs if the text differs
   * @param modified - the file's modification time, if it is known
   */
  look(file: string, text: string, modified: number | undefined): Stillness {
    this.#unread.delete(file);
    const now = this.#clock.elapsed();
    const known = this.#seen.get(file);
    const isAlike = known?.text === text && known.modified === modified;
    const since = isAlike ? known.since : now;
    if (!isAlike) this.#seen.set(file, { text, modified, since });
    const age = modified === undefined ? Infinity : this.#clock.now() - modified;
    // With a modification time in the future, one of the two clocks is wrong; the file counts as new.
    return { alike: now - since, age: age < 0 ? 0 : age };
  }

  /** Forgets a file whose text is the known one. */
  forget(file: string): void {
    if (this.#seen.size > 0) this.#seen.delete(file);
  }

  /** Notes that a file could not be read as a poem. @returns for how long it could not */
  unread(file: string): number {
    const now = this.#clock.elapsed();
    const since = this.#unread.get(file) ?? now;
    this.#unread.set(file, since);
    return now - since;
  }
}
