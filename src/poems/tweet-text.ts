import twitterText from 'twitter-text';

/*
 * X's rules for texts: the weight of a post, the links and mentions in it, and how X stores and shows it. All code that posts,
 * plans, splits, checks or compares texts uses these rules.
 */

/** How a network counts and reads texts. */
export interface TextRules {
  /** Tells rules apart: texts are split anew under others. */
  id: string;
  /** The maximum weight of a post. */
  maxWeight: number;
  /** The weight of a text without control characters. */
  weigh: (text: string) => number;
  /** Whether the network takes a text as one post. Control characters do not count, since they are not posted. */
  fits: (text: string) => boolean;
  hasLink: (text: string) => boolean;
}

/** The maximum weight of a post. @see docs.x.com, counting characters */
export const maxWeight = 280;

/**
 * The weight of a text as X counts it: 1 for Latin and general punctuation, 2 for most else, 2 for an emoji, 23 for a link,
 * after NFC.
 *
 * @see docs.x.com, counting characters
 */
export function weigh(text: string): number {
  if (isPlain(text)) return text.length;
  return twitterText.parseTweet(withKnownEmoji(text)).weightedLength;
}

/** Whether X accepts a text as one post. Control characters do not count, since they are not posted. */
export function fitsInPost(text: string): boolean {
  if (text.length <= maxWeight && isPlain(text) && /\S/.test(text)) return true;
  return twitterText.parseTweet(withKnownEmoji(withoutControls(text))).valid;
}

/** A full stop inside a word. Every link has one; the end of a sentence is none. */
const stopInWord = /\.\S/;

/** Whether a text is plain ASCII without a link, which weighs 1 a character. This saves most lines the parser. */
const isPlain = (text: string): boolean => /^[\x20-\x7e]*$/.test(text) && !stopInWord.test(text);

/** Built at run time because the `v` flag is younger than the compile target. */
const emoji = new RegExp('\\p{RGI_Emoji}', 'gv');

/** A heart or the like in a sequence of emoji, without the variation selector that makes it an emoji. X does not require it. */
const unmarked =
  /(?=\p{Extended_Pictographic})\P{Emoji_Presentation}(?=\u200d)|(?<=\u200d)\p{Extended_Pictographic}(?<!\p{Emoji_Presentation})(?!\ufe0f)/gu;

/** Replaces every emoji by one that twitter-text knows: its list ends in 2018, and it would count the parts of a newer emoji. */
function withKnownEmoji(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text;
  return text.replaceAll(unmarked, '$&\ufe0f').replaceAll(emoji, '\u{1f426}');
}

/** A whole escape sequence of terminals, or a control character except tabs and line ends: what {@link withoutControls} removes. */
export const controls = new RegExp(
  `${String.fromCodePoint(0x1b)}\\[[0-9;?]*[ -/]*[@-~]|(?![\\t\\n\\r])\\p{Cc}`,
  'gu',
);

/** A text as it is sent: without control characters; those that end a line (VT, FF, NEL) become a space. */
export const withoutControls = (text: string): string =>
  text.replaceAll(controls, (control) => (/^[\v\f\x85]$/.test(control) ? ' ' : ''));

/** A text as X stores it, and compares it with earlier posts to refuse a duplicate. */
export const asKept = (text: string): string => text.normalize('NFC').trim();

interface Part {
  indices: [from: number, to: number];
}

/** The number of cashtags in a text. X accepts one in a post. */
export const cashtagsIn = (text: string): number =>
  text.includes('$') ? twitterText.extractCashtags(text).length : 0;

/** The links that X finds in a text, with or without `https://`. */
export const linksIn = (text: string): Part[] =>
  stopInWord.test(text) ? twitterText.extractUrlsWithIndices(text, { extractUrlsWithoutProtocol: true }) : [];

/** Whether X finds a link in a text, which makes the post more expensive. */
export const hasLink = (text: string): boolean => linksIn(text).length > 0;

/** X's rules. */
export const rulesOfX: TextRules = { id: 'x', maxWeight, weigh, fits: fitsInPost, hasLink };

/** A placeholder for any link, the object replacement character. */
const anyLink = '\ufffc';

/** A text with the same placeholder for every link. */
export const withoutLinks = (text: string): string =>
  // From the end, so that the offsets of the earlier links stay valid.
  linksIn(text).reduceRight(
    (rest, { indices: [from, to] }) => `${rest.slice(0, from)}${anyLink}${rest.slice(to)}`,
    text,
  );

/** A link as X shows it, and as its author wrote it. */
interface ShownLink {
  url: string;
  expanded_url?: string | undefined;
}

/**
 * A timeline's text as its author wrote it: with expanded links and decoded character references. It takes one pass, so that
 * replacements are not replaced again.
 */
export function asWritten(text: string, links: readonly ShownLink[]): string {
  const written = new Map(links.map(({ url, expanded_url }) => [url, expanded_url]));
  const shortLinks = [...written.keys()].filter((url) => /^https?:\/\/[\w./-]+$/.test(url));
  // Longer links first, since a link may be the prefix of another.
  shortLinks.sort((a, b) => b.length - a.length);
  const shown = new RegExp([...shortLinks.map(literally), escape.source].join('|'), 'gi');
  return text.replaceAll(shown, (part) => written.get(part) ?? decoded(part));
}

/** A character reference of HTML, by name or number. */
const escape = /&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-f]{1,6});/gi;

const literally = (text: string): string => text.replaceAll('.', '\\.');

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The character of a character reference, or the text itself if it is none. */
function decoded(text: string): string {
  const [, hex, decimal, name = ''] = /^&(?:#x(.+)|#(.+)|(\w+));$/i.exec(text) ?? [];
  if (hex === undefined && decimal === undefined) return named[name.toLowerCase()] ?? text;
  const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
  const isCharacter = code > 0 && code <= 0x10_ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : text;
}

/** Decodes character references repeatedly: an author may write `&amp;`, which X may escape once more, or not. */
function unescaped(text: string): string {
  const once = text.replaceAll(escape, decoded);
  return once === text ? text : unescaped(once);
}

/** Invisible format characters: joiners, direction marks, variation selectors, soft hyphens, byte order marks. */
const invisible = /[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;

/**
 * A text without everything that X may change: equal for texts that people would call the same. All links become equal, and
 * links at the end are dropped: X rewrites links, and hides the last one if it quotes a post.
 */
export function comparable(text: string): string {
  const plain = withoutControls(unescaped(text)).replaceAll(invisible, '').normalize('NFC');
  // X adds a scheme to a link that twitter-text does not recognize.
  const seen = withoutLinks(withoutLinks(plain).replaceAll(/https?:\/\//gi, ''))
    .replaceAll(/\s+/gu, ' ')
    .trim();
  return seen.replace(/(?: ?\ufffc)+$/, '') || seen.slice(0, 1);
}
