import {
  type EntitiesNoted,
  type Entity,
  type TextRules,
  withoutControls,
  withoutInner,
} from '../../poems/tweet-text.ts';

/*
 * Mastodon's rules for texts: how long a post is, the links and mentions in it, and the text in the HTML of a timeline.
 */

/** A server's limits for a post. */
interface TextLimits {
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

/** A tag, which is not a number alone. @see Mastodon, Tag::HASHTAG_RE */
const hashtag = /(?<![=/)\p{L}\p{N}_])[#＃][\p{L}\p{M}\p{N}_]*[\p{L}\p{M}_][\p{L}\p{M}\p{N}_·\u200c]*/gu;

function entitiesIn(text: string): Entity[] {
  const parts = (kind: Entity['kind'], sign: RegExp, found: RegExp): Entity[] =>
    sign.test(text)
      ? Array.from(text.matchAll(found), ({ 0: part, index: at }) => ({ kind, text: part, at }))
      : [];
  return withoutInner([
    ...linksIn(text).map(({ from, url }): Entity => ({ kind: 'link', text: url, at: from })),
    ...parts('mention', /@/, mention),
    ...parts('hashtag', /[#＃]/, hashtag),
  ]);
}

function effectOf({ kind, areMany }: EntitiesNoted, { charactersPerLink }: TextLimits): string {
  const it = areMany ? 'each' : 'it';
  if (kind === 'link') return `: ${it} counts ${charactersPerLink}`;
  if (kind === 'hashtag') return `: Mastodon shows ${it} as a link to a search`;
  const [whom, them] = areMany ? ['these people', 'them'] : ['this person', 'it'];
  return `: Mastodon notifies ${whom} of every such post; write ${them} without the @ to notify nobody`;
}

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

/**
 * The rules of a server with these limits, for posts with a content warning or without one. The maximum weight is less than 1
 * where the warning leaves no room for a text.
 */
export function rulesOfMastodon(limits: TextLimits = usualLimits, contentWarning = ''): TextRules {
  const { maxCharacters, charactersPerLink } = limits;
  const maxWeight = maxCharacters - lengthOf('', limits, contentWarning);
  return {
    id: `mastodon ${maxWeight} ${charactersPerLink}`,
    maxWeight,
    weigh: (text) => lengthOf(text, limits),
    fits: (text) => {
      const sent = withoutControls(text);
      const isShort = sent.length <= maxWeight && !sent.includes('://');
      return sent.trim() !== '' && (isShort || lengthOf(sent, limits) <= maxWeight);
    },
    hasLink: (text) => linksIn(text).length > 0,
    title: 'Mastodon',
    // @see Mastodon, Status#prepare_contents
    dropsLeadingSpace: true,
    entitiesIn,
    effectOf: (noted) => effectOf(noted, limits),
  };
}
