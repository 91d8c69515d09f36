import twitterText from 'twitter-text';

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

const isBlank = (text: string): boolean => /^[\s\p{Cf}]*$/u.test(text);

function splitRow(row: string): string[] {
  if (fits(row)) return [row];
  const pieces: string[] = [];
  let open = '';
  for (const atom of atomsOf(row)) {
    const longer = open + atom;
    if (isBlank(longer) || fits(longer.trimEnd())) open = longer;
    else {
      if (!isBlank(open)) pieces.push(open.trimEnd());
      open = atom.trimStart();
    }
  }
  if (!isBlank(open)) pieces.push(open.trimEnd());
  return pieces;
}

function atomsOf(row: string): string[] {
  const words = row.match(/\s*\S+/gu) ?? [];
  return words.flatMap((word) => (fits(word.trimStart()) ? [word] : graphemesOf(word).flatMap(whole)));
}

let graphemes: Intl.Segmenter | undefined;

function graphemesOf(word: string): string[] {
  graphemes ??= new Intl.Segmenter('und', { granularity: 'grapheme' });
  return Array.from(graphemes.segment(word), ({ segment }) => segment);
}

const whole = (grapheme: string): string[] =>
  fits(grapheme) || isBlank(grapheme) ? [grapheme] : Array.from(grapheme);
