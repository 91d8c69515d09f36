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

/** Whether X would take the text as one post. */
export function fitsInPost(text: string): boolean {
  // No character weighs more than 2 and a link needs no fewer than 4 of them, so most lines need no parsing.
  if (text.length > 0 && text.length * 2 <= heaviest && !/[.\ufffe\ufeff\uffff]/.test(text)) return true;
  return twitterText.parseTweet(text).valid;
}

/** The characters that X refuses anywhere in a post: byte order marks and noncharacters. */
export const refusedByX = /[\ufffe\ufeff\uffff]/;
