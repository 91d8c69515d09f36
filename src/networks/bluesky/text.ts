import {
  type EntitiesNoted,
  type Entity,
  type TextRules,
  withoutControls,
  withoutInner,
} from '../../poems/tweet-text.ts';

/*
 * Bluesky's rules for texts: the length of a post, its links and tags. Bluesky stores a text as it is sent, so it also comes back
 * as it was written.
 */

/** The limits of a post's text. @see the lexicon app.bsky.feed.post */
const textLimits = { graphemes: 300, bytes: 3000 } as const;

const segmenter = new Intl.Segmenter();

/** The length of a text as Bluesky counts it, in graphemes. A link counts whole. */
export const lengthOf = (text: string): number =>
  isPlain(text) ? text.length : Array.from(segmenter.segment(text)).length;

/** A fast path: each of these characters is a grapheme and a byte. */
const isPlain = (text: string): boolean => /^[\x20-\x7e\n]*$/.test(text);

/** The length of a text in UTF-8. */
const bytesOf = (text: string): number => (isPlain(text) ? text.length : Buffer.byteLength(text));

/** Why Bluesky cannot have a text as one post, as in `it is …`; undefined if it can. */
export function textFault(text: string): string | undefined {
  if (!/[^\s\p{Default_Ignorable_Code_Point}]/u.test(text)) return 'empty';
  // JSON and UTF-8 have no form for half a character.
  if (/\p{Surrogate}/u.test(text)) return 'not valid Unicode';
  if (lengthOf(text) > textLimits.graphemes)
    return `longer than ${textLimits.graphemes} characters (${lengthOf(text)})`;
  if (bytesOf(text) > textLimits.bytes) return `longer than ${textLimits.bytes} bytes (${bytesOf(text)})`;
  return undefined;
}

export const rulesOfBluesky: TextRules = {
  id: 'bluesky',
  maxWeight: textLimits.graphemes,
  weigh: lengthOf,
  fits: (text) => textFault(withoutControls(text)) === undefined,
  hasLink: (text) => linksIn(text).length > 0,
  title: 'Bluesky',
  dropsLeadingSpace: false,
  entitiesIn,
  effectOf,
};

/** What makes a part of a text a link or a tag. The offsets are bytes in UTF-8. @see docs.bsky.app, rich text */
export interface Facet {
  index: { byteStart: number; byteEnd: number };
  features: [
    | { $type: 'app.bsky.richtext.facet#link'; uri: string }
    | { $type: 'app.bsky.richtext.facet#tag'; tag: string },
  ];
}

/** A link: what follows `http(s)://` at the start of a word. A name without it, as in `night.It`, is none. */
const links = /(?<=^|[\s(\p{Ps}\p{Pi}"'])https?:\/\/\S+/giu;

/** What ends a sentence after a link. A closing bracket belongs to the link if the link has the opening one. */
const afterLink = /(?:[.,;:!?'"\p{Pi}\p{Pf}…。、！？」』]|(?<!\([^)]*)\))+$/u;

/** What may be a tag: it ends before a space, a soft hyphen or an invisible joint. @see @atproto/api, TAG_REGEX */
const tags = /(?<=^|\s)[#＃](?!\ufe0f)(?:(?![\u00ad\u2060\u200a-\u200d]|\u20e2)\S)+/gu;

/** The lexicon's limits of a tag. */
const maxTag = { graphemes: 64, bytes: 640 };

/** The maximum length of a URI in a record. @see atproto.com/specs/lexicon, string formats */
const maxUri = 8192;

/** A link or a tag, with its place in UTF-16 units. */
interface Found {
  at: number;
  length: number;
  feature: Facet['features'][0];
}

/** The links and tags in a text, in order. Mentions stay text: a poem notifies no account. */
export const facetsOf = (text: string): Facet[] =>
  foundIn(text).map(({ at, length, feature }) => {
    const byteStart = bytesOf(text.slice(0, at));
    const byteEnd = byteStart + bytesOf(text.slice(at, at + length));
    return { index: { byteStart, byteEnd }, features: [feature] };
  });

function foundIn(text: string): Found[] {
  const found: Found[] = [];
  for (const { 0: match, index } of text.matchAll(links)) {
    const uri = match.replace(afterLink, '');
    if (uri.length <= maxUri && URL.canParse(uri))
      found.push({ at: index, length: uri.length, feature: { $type: 'app.bsky.richtext.facet#link', uri } });
  }
  for (const { 0: match, index } of text.matchAll(tags)) {
    const shown = match.replace(/\p{P}+$/u, '');
    const tag = shown.slice(1);
    // A number alone is no tag.
    if (/[^\d\p{P}]/u.test(tag) && lengthOf(tag) <= maxTag.graphemes && bytesOf(tag) <= maxTag.bytes)
      found.push({ at: index, length: shown.length, feature: { $type: 'app.bsky.richtext.facet#tag', tag } });
  }
  return found.sort((a, b) => a.at - b.at);
}

/** The links in a text. */
export const linksIn = (text: string): string[] =>
  text.includes('://') ? foundIn(text).flatMap(({ feature }) => ('uri' in feature ? feature.uri : [])) : [];

/** What would be a mention: a handle, which is a name with a dot. @see atproto.com/specs/handle */
const mention = /(?<=^|[\s(])@(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*[a-z0-9]/giu;

function entitiesIn(text: string): Entity[] {
  if (!/[@#＃]|:\/\//.test(text)) return [];
  return withoutInner([
    ...foundIn(text).map(({ at, length, feature }): Entity => {
      return { kind: 'uri' in feature ? 'link' : 'hashtag', text: text.slice(at, at + length), at };
    }),
    ...Array.from(text.matchAll(mention), ({ 0: part, index: at }): Entity => {
      return { kind: 'mention', text: part, at };
    }),
  ]);
}

function effectOf({ kind, areMany }: EntitiesNoted): string {
  const it = areMany ? 'each' : 'it';
  if (kind === 'mention') return `: ${it} is posted as plain text, which notifies nobody on Bluesky`;
  return kind === 'link' ? `: ${it} counts in full` : `: Bluesky shows ${it} as a link to a search`;
}
