/** The longest text that messages repeat, and the longest part of one, without a space, that need not be words. Characters. */
const longest = 100;
const shortPart = 15;

/**
 * A word, a few of them as in `postsPerDay`, or a number, as names and times are made of them. Tokens are ASCII: what is
 * written in another script is words.
 */
const word =
  /^(?:\p{Lu}?\p{Ll}{1,15}(?:\p{Lu}\p{Ll}{2,15})*\d{0,4}|\p{Lu}{1,15}\d{0,4}|\d{1,4}|(?:(?!\p{ASCII})[\p{L}\p{M}\p{N}])+\d{0,4})$/u;

/**
 * Whether a text could be a secret that was put in the wrong place: a token, or a password that no person made up. Names,
 * time zones and schedules are words and numbers with signs between them: `America/Argentina/Buenos_Aires`.
 */
export const couldBeSecret = (text: string): boolean =>
  text.length > longest || text.split(/\s+/).some((part) => part.length > shortPart && !isWords(part));

const isWords = (part: string): boolean =>
  part.split(/[-/_.,:*+]+/).every((piece) => piece === '' || word.test(piece));

/** What messages show of a name that a person wrote: nothing where it could be a secret. */
export const shown = (name: string): string => (couldBeSecret(name) ? '…' : name);

/** The same for a text, in quotes. */
export const quoted = (text: string): string => JSON.stringify(shown(text));

/** The most of another program's words that a message of ours repeats. Characters. */
const maxWords = 240;

/**
 * What another program said, fit to be quoted in a line of ours: bounded, without control characters or what could be a secret.
 * Empty where no word is left.
 */
export function quotable(text: string): string {
  const parts = text
    .slice(0, 16 * maxWords)
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .split(' ')
    .map((part) => (couldBeSecret(part.replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')) ? '…' : part));
  const words = parts
    .filter((part, index) => part !== '…' || parts[index - 1] !== '…')
    .join(' ')
    .slice(0, maxWords)
    .replaceAll(/^\s+|[\s.\p{C}]+$/gu, '');
  return /[\p{L}\p{N}]/u.test(words) ? words : '';
}
