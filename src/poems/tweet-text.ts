import twitterText from 'twitter-text';

/*
 * What X makes of a text: what it weighs, what it takes for links and names, how it keeps it and how it shows it. Everything
 * that posts, plans, splits, checks or compares texts asks here.
 */

/** The most a post may weigh. @see docs.x.com, counting characters */
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

/** Whether X would take a text as one post. Control characters count for nothing: they are not posted. */
export function fitsInPost(text: string): boolean {
  if (text.length <= maxWeight && isPlain(text) && /\S/.test(text)) return true;
  return twitterText.parseTweet(withKnownEmoji(withoutControls(text))).valid;
}

/** A full stop with something right after it: every link has one, and the stops of sentences are none. */
const stopInWord = /\.\S/;

/** Plain ASCII without a link weighs 1 a character: most lines need no parsing. */
const isPlain = (text: string): boolean => /^[\x20-\x7e]*$/.test(text) && !stopInWord.test(text);

/** Built at run time because the `v` flag is younger than the compile target. */
const emoji = new RegExp('\\p{RGI_Emoji}', 'gv');

/** A heart or the like within or at the end of a sequence, without the mark that makes it an emoji: X does not need the mark. */
const unmarked =
  /(?=\p{Extended_Pictographic})\P{Emoji_Presentation}(?=\u200d)|(?<=\u200d)\p{Extended_Pictographic}(?<!\p{Emoji_Presentation})(?!\ufe0f)/gu;

/** The list of twitter-text ends in 2018, and it would count the parts of a younger emoji: each becomes one that it knows. */
function withKnownEmoji(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text;
  return text.replaceAll(unmarked, '$&\ufe0f').replaceAll(emoji, '\u{1f426}');
}

/** The characters that X refuses anywhere in a post: byte order marks and noncharacters. */
export const refusedByX = /[\ufffe\ufeff\uffff]/;

/** Escape sequences of terminals, whole; then every control character but tabs and line ends. */
const controls = new RegExp(
  `${String.fromCodePoint(0x1b)}\\[[0-9;?]*[ -/]*[@-~]|(?![\\t\\n\\r])\\p{Cc}`,
  'gu',
);

/** The control characters of a text, and the first of each escape sequence: what {@link withoutControls} takes out. */
export const controlsIn = (text: string): string[] =>
  Array.from(text.matchAll(controls), ([control]) => control.slice(0, 1));

/** A text as it is sent: no control characters, and a space where one of them (VT, FF, NEL) ends a line. */
export const withoutControls = (text: string): string =>
  text.replaceAll(controls, (control) => (/^[\v\f\x85]$/.test(control) ? ' ' : ''));

/** The text as X keeps it, and holds it against what was posted before. */
export const asKept = (text: string): string => text.normalize('NFC').trim();

/** What X makes of a part of a text. A link is `accidental` where nothing but a full stop between words makes it one. */
export interface Entity {
  kind: 'link' | 'accidental-link' | 'mention' | 'hashtag' | 'cashtag';
  /** The part as it is written. */
  text: string;
  /** Where it begins, in UTF-16 units. */
  at: number;
}

/** What X takes for more than words, in the order of the text. */
export function entitiesOf(text: string): Entity[] {
  const found = linksIn(text).map((link) => partOf(text, link, kindOfLink));
  // Most lines have none of the signs, and need no parsing.
  if (/[@\uff20]/.test(text)) {
    const mentions = twitterText.extractMentionsOrListsWithIndices(text);
    found.push(...mentions.map((mention) => partOf(text, mention, () => 'mention')));
  }
  if (/[#\uff03]/.test(text)) {
    const hashtags = twitterText.extractHashtagsWithIndices(text);
    found.push(...hashtags.map((hashtag) => partOf(text, hashtag, () => 'hashtag')));
  }
  if (text.includes('$')) {
    const cashtags = twitterText.extractCashtagsWithIndices(text);
    found.push(...cashtags.map((cashtag) => partOf(text, cashtag, () => 'cashtag')));
  }
  return withoutOverlaps(found.sort((a, b) => a.at - b.at));
}

/** A link may hold signs of its own: they are part of it. */
function withoutOverlaps(found: readonly Entity[]): Entity[] {
  let end = 0;
  return found.filter(({ at, text }) => {
    if (at < end) return false;
    end = at + text.length;
    return true;
  });
}

interface Part {
  indices: [from: number, to: number];
}

function partOf(
  text: string,
  { indices: [at, end] }: Part,
  kindOf: (part: string) => Entity['kind'],
): Entity {
  const part = text.slice(at, end);
  return { kind: kindOf(part), text: part, at };
}

/** Nobody writes a protocol, a `www.` or a path by forgetting a space. */
const kindOfLink = (part: string): 'link' | 'accidental-link' =>
  /^(https?:\/\/|www\.)|\//i.test(part) ? 'link' : 'accidental-link';

/** How many cashtags a text names. X takes one in a post. */
export const cashtagsIn = (text: string): number =>
  text.includes('$') ? twitterText.extractCashtags(text).length : 0;

/** Where X sees links, whether or not they are written with `https://`. */
export const linksIn = (text: string): Part[] =>
  stopInWord.test(text) ? twitterText.extractUrlsWithIndices(text, { extractUrlsWithoutProtocol: true }) : [];

/** Whether X would take something in the text for a link, which it charges for; a full stop without its space makes one. */
export const hasLink = (text: string): boolean => linksIn(text).length > 0;

/** Stands for any link: no text has it. */
const anyLink = '\ufffc';

/** The text with one mark in the place of every link. */
export const withoutLinks = (text: string): string =>
  // From the end, so that the places of those before stay right.
  linksIn(text).reduceRight(
    (rest, { indices: [from, to] }) => `${rest.slice(0, from)}${anyLink}${rest.slice(to)}`,
    text,
  );

/** What X shows in the place of a link, and what was written there. */
export interface ShownLink {
  url: string;
  expanded_url?: string | undefined;
}

/**
 * A text of a timeline as its author wrote it: links whole again, `&`, `<` and `>` themselves. One pass, so that what is put
 * in is not taken for something to replace.
 */
export function asWritten(text: string, links: readonly ShownLink[]): string {
  const written = new Map(links.map(({ url, expanded_url }) => [url, expanded_url]));
  const shortLinks = [...written.keys()].filter((url) => /^https?:\/\/[\w./-]+$/.test(url));
  // The longer first: one may begin with another.
  shortLinks.sort((a, b) => b.length - a.length);
  const shown = new RegExp([...shortLinks.map(literally), escape.source].join('|'), 'gi');
  return text.replaceAll(shown, (part) => written.get(part) ?? decoded(part));
}

/** A character as HTML escapes it, by its name or its number. */
const escape = /&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-f]{1,6});/gi;

const literally = (text: string): string => text.replaceAll('.', '\\.');

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The character that a text stands for, or the text itself where it stands for none. */
function decoded(text: string): string {
  const [, hex, decimal, name = ''] = /^&(?:#x(.+)|#(.+)|(\w+));$/i.exec(text) ?? [];
  if (hex === undefined && decimal === undefined) return named[name.toLowerCase()] ?? text;
  const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
  const isCharacter = code > 0 && code <= 0x10_ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : text;
}

/** However often it was escaped: an author may have written `&amp;`, and X may escape that once more, or not at all. */
function unescaped(text: string): string {
  const once = text.replaceAll(escape, decoded);
  return once === text ? text : unescaped(once);
}

/** Format characters that nobody sees: joiners, marks of direction, variation selectors, soft hyphens, byte order marks. */
const invisible = /[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;

/** A text with nothing to see in it. */
export const isBlank = (text: string): boolean =>
  /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]*$/u.test(text);

/**
 * What is left of a text when everything is taken away that X may change: equal for texts that people would call the same.
 * Any link is as good as another, and none at the end: X rewrites links, and hides the last one where it quotes a post.
 */
export function comparable(text: string): string {
  const plain = withoutControls(unescaped(text)).replaceAll(invisible, '').normalize('NFC');
  // A link that X sees and twitter-text does not has a scheme that its author may not have written.
  const seen = withoutLinks(withoutLinks(plain).replaceAll(/https?:\/\//gi, ''))
    .replaceAll(/\s+/gu, ' ')
    .trim();
  return seen.replace(/(?: ?\ufffc)+$/, '') || seen.slice(0, 1);
}
