/**
 * How many columns of a terminal a text takes. A sign of East Asian scripts and an emoji take two, a mark joins the letter
 * before it.
 */
export function widthOf(text: string): number {
  // Most texts are ASCII, and a flock of thousands is drawn again each second.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const sign of text) if (!isJoined.test(sign)) width += isWide.test(sign) ? 2 : 1;
  return width;
}

const isJoined = /[\p{Mn}\p{Me}\p{Cf}]/u;
const isWide =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Bopomofo}\p{sc=Yi}\p{Emoji_Presentation}\u3001-\u303e\u30fb-\u30fc\uff01-\uff60\uffe0-\uffe6]/u;

/** A text with spaces after it up to a width. */
export const padded = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - widthOf(text)));

/** As much of a text as fits, with `…` where that is not all. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (widthOf(kept + segment) > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
