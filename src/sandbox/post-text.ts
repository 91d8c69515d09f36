import { createHash } from 'node:crypto';
import twitterText from 'twitter-text';
import type { Link, Post } from './state.ts';

/** The most a post may weigh, by X's count. */
export const longestPost = 280;

/** The text as X stores it. */
export function normalizeText(text: string): string {
  return text.normalize('NFC').trim();
}

/** Built at run time because the `v` flag is younger than the compile target. */
const emoji = new RegExp('\\p{RGI_Emoji}', 'gv');

/**
 * X's weighted length. Every emoji weighs 2; twitter-text's own list ends in 2018 and would count
 * the parts of a younger one, so emoji are weighed as one wide letter each.
 */
export function weigh(text: string): number {
  return twitterText.parseTweet(text.replace(emoji, '\u4E00')).weightedLength;
}

export type TextFault = 'empty' | 'too-long' | 'not-permitted';

/** What X has against a normalized text, whoever posts it. */
export function judgeText(text: string): TextFault | undefined {
  if (text === '') return 'empty';
  if (weigh(text) > longestPost) return 'too-long';
  if (twitterText.hasInvalidCharacters(text) || /\p{Surrogate}/u.test(text)) return 'not-permitted';
  // Self-serve apps may name one cashtag a post (X's changelog of 2026).
  return twitterText.extractCashtags(text).length > 1 ? 'not-permitted' : undefined;
}

/** The links in a text, in order, each with the short one that X shows in its place. */
export function shortenLinks(text: string): Link[] {
  return twitterText.extractUrls(text, { extractUrlsWithoutProtocol: true }).map((url) => ({
    short: `https://t.co/${createHash('sha256').update(url).digest('base64url').replaceAll(/[-_]/g, 'x').slice(0, 10)}`,
    expanded: /^https?:\/\//i.test(url) ? url : `http://${url}`,
  }));
}

/** A link where the shown text has it; `start` and `end` count code points of that text. */
export interface UrlEntity {
  start: number;
  end: number;
  url: string;
  expanded_url: string;
  display_url: string;
}

/** A post's text as X's answers show it: `&`, `<` and `>` escaped, links shortened. */
export function showText(post: Post): { text: string; urls: UrlEntity[] } {
  const found = twitterText.extractUrlsWithIndices(post.text, { extractUrlsWithoutProtocol: true });
  const urls: UrlEntity[] = [];
  let text = '';
  let read = 0;
  found.forEach(({ indices: [from, to] }, n) => {
    const link = post.links[n];
    if (!link) return;
    text += escapeText(post.text.slice(read, from));
    urls.push(urlEntity(link, Array.from(text).length));
    text += link.short;
    read = to;
  });
  return { text: text + escapeText(post.text.slice(read)), urls };
}

function urlEntity({ short, expanded }: Link, start: number): UrlEntity {
  return {
    start,
    end: start + short.length,
    url: short,
    expanded_url: expanded,
    display_url: expanded.replace(/^https?:\/\/(www\.)?/i, ''),
  };
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
