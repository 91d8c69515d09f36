import { asWritten, type TextRules, withoutControls } from '../../poems/tweet-text.ts';

/*
 * Mastodon's rules for texts: how long a post is, the links and mentions in it, and the text in the HTML of a timeline.
 */

/** A server's limits for a post. */
export interface TextLimits {
  /** The maximum length of a post, its content warning included. Graphemes. */
  maxCharacters: number;
  /** The length that every link counts as. */
  charactersPerLink: number;
}

/** The limits of a server that names none. */
export const usualLimits: TextLimits = { maxCharacters: 500, charactersPerLink: 23 };

/**
 * A link: it needs its scheme and a name with a dot, so that `night.It` is none. Its end is as a reader would see it: a
 * closing bracket belongs to it only if the link has the opening one.
 */
const link =
  /(?<![\p{L}\p{N}@/])https?:\/\/[^\s<>"/?#:@]+\.[\p{L}\p{N}-]{2,}(?::\d{1,5})?(?:[/?#][^\s<>"]*)?/giu;
const afterLink = /[.,:;!?'"*~&…。、！？」』)\]]+$/u;

/** A mention of a local account, or with a host. @see Mastodon, Account::MENTION_RE */
const mention =
  /(?<![=/\p{L}\p{N}_])@([a-z0-9_]+(?:[a-z0-9_.-]+[a-z0-9_]+)?)(?:@([\p{L}\p{N}_.-]+[\p{L}\p{N}_]))?/giu;

/** The links in a text, in order. */
export const linksIn = (text: string): { from: number; to: number; url: string }[] =>
  Array.from(text.matchAll(link), ({ index, 0: found }) => {
    const url = withoutEnd(found);
    return { from: index, to: index + url.length, url };
  });

function withoutEnd(url: string): string {
  const [end = ''] = afterLink.exec(url) ?? [];
  const bare = url.slice(0, url.length - end.length);
  // `…/wiki/Rain_(poem)`
  return end.startsWith(')') && bare.split('(').length > bare.split(')').length ? `${bare})` : bare;
}

/** The accounts that a post would notify, as they are written: `@anna`, `@anna@example.org`. */
export const mentionsIn = (text: string): string[] =>
  Array.from(withoutLinks(text, ' ').matchAll(mention), ([found]) => found);

/** From the end, so that the offsets of the earlier links stay valid. */
const withoutLinks = (text: string, instead: string): string =>
  linksIn(text).reduceRight((rest, { from, to }) => rest.slice(0, from) + instead + rest.slice(to), text);

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * The length of a post as a server counts it: graphemes of the content warning and the text, every link as long as any, and
 * mentions without their host.
 *
 * @see Mastodon, StatusLengthValidator
 */
export function lengthOf(text: string, { charactersPerLink }: TextLimits, contentWarning = ''): number {
  const counted =
    contentWarning + withoutLinks(text, 'x'.repeat(charactersPerLink)).replaceAll(mention, '@$1');
  if (/^[\x20-\x7e]*$/.test(counted)) return counted.length;
  let length = 0;
  for (const _ of graphemes.segment(counted)) length += 1;
  return length;
}

/** The rules of a server with these limits, for posts with a content warning or without one. */
export function rulesOfMastodon(limits: TextLimits = usualLimits, contentWarning = ''): TextRules {
  const { maxCharacters, charactersPerLink } = limits;
  const maxWeight = Math.max(1, maxCharacters - lengthOf('', limits, contentWarning));
  return {
    id: `mastodon ${maxWeight} ${charactersPerLink}`,
    maxWeight,
    weigh: (text) => lengthOf(text, limits),
    fits: (text) => {
      const sent = withoutControls(text);
      return (
        sent.trim() !== '' &&
        ((sent.length <= maxWeight && !sent.includes('://')) || lengthOf(sent, limits) <= maxWeight)
      );
    },
    hasLink: (text) => linksIn(text).length > 0,
  };
}

/**
 * The text in a post's HTML: `<br>` ends a line, a paragraph ends with a blank line, other tags are dropped, and character
 * references are decoded. It is what was written only where the server changed nothing: some do not escape `<`, complete
 * mentions or render Markdown.
 */
export function textOfHtml(html: string): string {
  const lines = html
    .replaceAll(/<!--.*?-->/gs, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(/<br\b[^<>]*>/gi, '\n')
    .replaceAll(/<\/(p|div|blockquote|h[1-6]|ul|ol|pre)>/gi, '\n\n')
    .replaceAll(/<\/li>/gi, '\n')
    .replaceAll(/<\/?[a-z][^<>]*>/gi, '');
  return asWritten(lines.replaceAll(/&nbsp;/gi, '\u00a0'), []).trim();
}
