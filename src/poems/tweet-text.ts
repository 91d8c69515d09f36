import twitterText from 'twitter-text';
import { type PriceTable, showPrice } from '../cost.ts';

/*
 * X's rules for texts: the weight of a post, the links and mentions in it, and how X stores and shows it. All code that posts,
 * plans, splits, checks or compares texts uses these rules.
 */

/** A part of a text that a network treats specially. A link is accidental if only a full stop between two words makes it one. */
export interface Entity {
  kind: 'link' | 'accidental-link' | 'mention' | 'hashtag' | 'cashtag';
  /** The part itself. */
  text: string;
  /** Its offset in the text, in UTF-16 units. */
  at: number;
}

/** Some parts of one kind in a text, of which a warning tells. */
export interface EntitiesNoted {
  kind: Entity['kind'];
  /** Whether the warning is about several of them. */
  areMany: boolean;
  /** How many parts of this kind the whole text has. */
  inText: number;
  prices: PriceTable;
}

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
  /** Its name, for people. */
  title: string;
  /** Whether it drops the spaces that a text begins with. */
  dropsLeadingSpace: boolean;
  /** The parts of a text that it treats specially, in order, without those inside another one, such as a `#` in a link. */
  entitiesIn: (text: string) => Entity[];
  /** What it does with such parts, as it follows `night.It is a link`. */
  effectOf: (noted: EntitiesNoted) => string;
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

function entitiesIn(text: string): Entity[] {
  const parts = (kind: Entity['kind'], found: readonly Part[]): Entity[] =>
    found.map(({ indices: [at, end] }) => ({ kind, text: text.slice(at, end), at }));
  // Each kind is parsed only if its sign occurs; most lines have none.
  const has = (sign: RegExp): string => (sign.test(text) ? text : '');
  return withoutInner([
    ...parts('link', linksIn(text)).map((link) => (isIntended(link.text) ? link : accidental(link))),
    ...parts('mention', twitterText.extractMentionsOrListsWithIndices(has(/[@\uff20]/))),
    ...parts('hashtag', twitterText.extractHashtagsWithIndices(has(/[#\uff03]/))),
    ...parts('cashtag', twitterText.extractCashtagsWithIndices(has(/\$/))),
  ]);
}

/** Entities in order, without those that begin inside another one. */
export function withoutInner(entities: readonly Entity[]): Entity[] {
  let end = 0;
  return entities
    .toSorted((a, b) => a.at - b.at)
    .filter((entity) => {
      if (entity.at < end) return false;
      end = entity.at + entity.text.length;
      return true;
    });
}

/** A link with a protocol, a `www.` or a path is no accident; one without may be a missing space. */
const isIntended = (link: string): boolean => /^(https?:\/\/|www\.)|\//i.test(link);
const accidental = (link: Entity): Entity => ({ ...link, kind: 'accidental-link' });

/** The weight of any link. @see docs.x.com, counting characters */
const linkWeight = 23;

function effectOf({ kind, areMany, inText, prices }: EntitiesNoted): string {
  const it = areMany ? 'each' : 'it';
  switch (kind) {
    case 'accidental-link':
      return ` to X: ${it} counts ${linkWeight}, and the post may cost ${priceOfLink(prices)}; a space after the full stop would mend it`;
    case 'link':
      return `: ${it} counts ${linkWeight}, and the post costs ${priceOfLink(prices)}`;
    case 'mention':
      return ': X tells the account, and may refuse mentions that a program makes';
    case 'hashtag':
      return `: X shows ${it} as a link to a search`;
    case 'cashtag':
      return inText > 1
        ? `, and there are ${inText} in one post: X refuses more than one, and the bot needs you there`
        : `: X shows ${it} as a link to a search, and takes one in a post`;
  }
}

/** `$0.20 in place of $0.015, 13 times as much` */
function priceOfLink({ post, linkPost }: PriceTable): string {
  const [withLink, plain] = [showPrice(linkPost), showPrice(post)];
  if (linkPost === post) return `${withLink}, as any other`;
  const times = post > 0 ? Math.round(linkPost / post) : 0;
  return `${withLink} in place of ${plain}${times >= 2 ? `, ${times} times as much` : ''}`;
}

/** X's rules. */
export const rulesOfX: TextRules = {
  id: 'x',
  maxWeight,
  weigh,
  fits: fitsInPost,
  hasLink,
  title: 'X',
  dropsLeadingSpace: true,
  entitiesIn,
  effectOf,
};

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
