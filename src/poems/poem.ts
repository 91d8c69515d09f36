import twitterText from 'twitter-text';
import type { Clock } from '../clock.ts';
import { FlockError } from '../errors.ts';
import { fitsInPost, hasLink, isBlank, maxWeight, refusedByX, weigh, withoutControls } from './tweet-text.ts';

/**
 * The text of a poem's file, read strictly: UTF-8, or UTF-16 with a byte order mark; the mark at the start is dropped.
 *
 * @throws {FlockError} `data`, naming file and line, for bytes that are not UTF-8, for NUL and for characters X refuses
 */
export function decodePoem(bytes: Uint8Array, file: string): string {
  const text = decode(bytes, file);
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    throw new FlockError('data', `${file}:${lineAt(text, nul)}: a NUL byte; this is not a text`, {
      hint: hintForNul(bytes, file),
    });
  }
  const refused = text.search(refusedByX);
  if (refused >= 0) {
    throw new FlockError(
      'data',
      `${file}:${lineAt(text, refused)}: ${nameOf(text, refused)}, which X refuses`,
      {
        hint: 'delete that invisible character',
      },
    );
  }
  return text;
}

function decode(bytes: Uint8Array, file: string): string {
  const encoding = markedEncoding(bytes);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    if (encoding !== 'utf-8')
      throw new FlockError('data', `${file}: begins as UTF-16 does and is not valid UTF-16`, {
        hint: 'save the file as UTF-8 in the program that wrote it',
        cause,
      });
    throw new FlockError('data', `${file}:${firstBadLine(bytes)}: not valid UTF-8`, {
      hint: hintFor(bytes, file),
      cause,
    });
  }
}

/** What a byte order mark says. The mark of UTF-32 begins like one of UTF-16; what follows are NULs. */
function markedEncoding([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}

function hintForNul(bytes: Uint8Array, file: string): string {
  const [first, second, third, fourth] = bytes;
  const iconv = (from: string): string =>
    `is it ${from}? then: iconv -f ${from.toLowerCase()} -t utf-8 ${file}`;
  if (first === 0xff && second === 0xfe && third === 0 && fourth === 0) return iconv('UTF-32');
  // Western text in UTF-16: every other byte is NUL.
  if (first !== 0 && second === 0 && third !== 0 && fourth === 0) return iconv('UTF-16LE');
  if (first === 0 && second !== 0 && third === 0 && fourth !== 0) return iconv('UTF-16BE');
  return 'is it a poem at all? save it as plain UTF-8 text';
}

/** So much of a file tells its encoding. Bytes. */
const sample = 1024 * 1024;

/** How to repair a file that is not UTF-8. It says no more than its bytes can tell. */
function hintFor(whole: Uint8Array, file: string): string {
  const bytes = whole.subarray(0, sample);
  const rows = [...rowsOf(bytes)];
  const foreign = rows.filter(({ isValid }) => !isValid).length;
  // By chance, a few lines of another encoding are UTF-8 as well.
  if (rows.filter(({ row, isValid }) => isValid && row.some(isHigh)).length > foreign)
    return 'other lines of the file are UTF-8: write anew what is not';
  const high = bytes.filter(isHigh);
  const letters = bytes.filter((byte) => isHigh(byte) || /[a-z]/i.test(String.fromCharCode(byte))).length;
  // Words of western languages are mostly ASCII. Those in other scripts are not, nor are Chinese and Japanese.
  const looksLike = (name: string, from: string): string =>
    `it looks like ${name}; save it as UTF-8: iconv -f ${from} -t utf-8 ${file}`;
  if (high.length * 3 <= letters) {
    if (!high.some((byte) => byte < 0xa0)) return looksLike('Latin-1', 'latin1');
    if (!high.some((byte) => notInWindows.has(byte))) return looksLike('Windows-1252', 'windows-1252');
  }
  return `save it as UTF-8 in the program that wrote it, or by its encoding: iconv -f ENCODING -t utf-8 ${file}`;
}

const isHigh = (byte: number): boolean => byte >= 0x80;

/** Windows-1252 has quotes and dashes where Latin-1 has control characters, but for these. */
const notInWindows = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

function firstBadLine(bytes: Uint8Array): number {
  let line = 1;
  for (const { isValid } of rowsOf(bytes)) {
    if (!isValid) break;
    line++;
  }
  return line;
}

/** No character's bytes contain a newline byte, so each row can be decoded by itself. */
function* rowsOf(bytes: Uint8Array): Generator<{ row: Uint8Array; isValid: boolean }> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(0x0a, start);
    const row = bytes.subarray(start, newline < 0 ? bytes.length : newline + 1);
    yield { row, isValid: isUtf8(row, decoder) };
    start += row.length;
  }
}

function isUtf8(row: Uint8Array, decoder: { decode: (bytes: Uint8Array) => string }): boolean {
  try {
    decoder.decode(row);
    return true;
  } catch {
    return false;
  }
}

const lineAt = (text: string, index: number): string =>
  String(text.slice(0, index).split(/\r\n|\n|\r/).length);

const nameOf = (text: string, index: number): string =>
  `the character U+${(text.codePointAt(index) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

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

/** Of all that are kept in one place. Characters. */
const maxLength = 2_000_000;

/** What was last made of each of many texts, as far as the texts are not too much to keep. */
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

/** Each poem as it was split last: a bot needs its whole poem for every post, and it is rarely another one. */
const recent = new RecentTexts<{ text: string; unit: Unit; lines: readonly Line[] }>();

/** @throws {FlockError} `data` where the poem cannot be read or has nothing to post */
export async function linesOf(
  file: string,
  unit: Unit,
  readPoem: (file: string) => Promise<string>,
): Promise<readonly Line[]> {
  const text = await readPoem(file);
  const known = recent.get(file);
  const lines = known?.text === text && known.unit === unit ? known.lines : splitPoem(text, unit);
  if (lines !== known?.lines) recent.set(file, { text, unit, lines });
  if (lines.length > 0) return lines;
  throw new FlockError('data', `${file} has no lines`, { hint: 'write the poem, one post a line' });
}

/*
 * How version 0.1.0 split a line or a stanza: it filled each post as far as it would go, by weights that knew no emoji younger
 * than 2018. Ledgers know their poems so, and a bot in the middle of a line has to go on where that split broke it. So this
 * never changes, and nothing new is split with it.
 */

/** The posts of a line, or of a stanza with its rows, as they were. */
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

/** How a poem's file stands: for how long it has read alike, and how old it was when it was read. Milliseconds. */
interface Stillness {
  alike: number;
  /** Infinity where nobody can tell, or where it was not written lately. */
  age: number;
}

/**
 * How long poems have stood still, so that nothing is posted from a file that is being written: an upload, an editor and
 * rsync write a file piece by piece. Counted on the clock that nobody sets, from when this process first read the file so.
 */
export class PoemWatch {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { text: string; modified: number | undefined; since: number }>();
  readonly #unread = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param text - what tells two readings apart
   * @param modified - when the file was written last, by its own time stamp, where it has one
   */
  look(file: string, text: string, modified: number | undefined): Stillness {
    this.#unread.delete(file);
    const now = this.#clock.elapsed();
    const known = this.#seen.get(file);
    const isAlike = known?.text === text && known.modified === modified;
    const since = isAlike ? known.since : now;
    if (!isAlike) this.#seen.set(file, { text, modified, since });
    const age = modified === undefined ? Infinity : this.#clock.now() - modified;
    // A file from the future says nothing of its age: one of the two clocks is wrong.
    return { alike: now - since, age: age < 0 ? 0 : age };
  }

  /** Forgets a file that reads as it is known. */
  forget(file: string): void {
    if (this.#seen.size > 0) this.#seen.delete(file);
  }

  /** For how long a file could not be read as a poem, this time included. */
  unread(file: string): number {
    const now = this.#clock.elapsed();
    const since = this.#unread.get(file) ?? now;
    this.#unread.set(file, since);
    return now - since;
  }
}
