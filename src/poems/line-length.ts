import twitterText from 'twitter-text';

/** The most a post may weigh. @see docs.x.com, counting characters */
export const heaviest = 280;

/**
 * The weight of a text as X counts it: 1 for Latin and general punctuation, 2 for most else, 23 for a link, after NFC.
 *
 * @see docs.x.com, counting characters
 */
export function weigh(text: string): number {
  return twitterText.parseTweet(text).weightedLength;
}

/** A full stop with something right after it: every link has one, and the stops of sentences are none. */
const stopInWord = /\.\S/;

/** Whether X would take the text as one post. */
export function fitsInPost(text: string): boolean {
  // Plain ASCII without a link weighs 1 a character: most lines need no parsing.
  if (text.length <= heaviest && /^[\x20-\x7e]*$/.test(text) && /\S/.test(text) && !stopInWord.test(text))
    return true;
  return twitterText.parseTweet(text).valid;
}

/** The characters that X refuses anywhere in a post: byte order marks and noncharacters. */
export const refusedByX = /[\ufffe\ufeff\uffff]/;

/** The text with one mark in the place of every link, whether or not it is written with `https://`. */
export function withoutLinks(text: string): string {
  if (!stopInWord.test(text)) return text;
  const links = twitterText.extractUrlsWithIndices(text, { extractUrlsWithoutProtocol: true });
  // From the end, so that the places of those before stay right.
  return links.reduceRight(
    (rest, { indices: [from, to] }) => `${rest.slice(0, from)}\ufffc${rest.slice(to)}`,
    text,
  );
}

/** Whether X would take something in the text for a link, which it charges for; a full stop without its space makes one. */
export const hasLink = (text: string): boolean => withoutLinks(text) !== text;
