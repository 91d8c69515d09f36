import { createHash } from 'node:crypto';
import twitterText from 'twitter-text';
import { cashtagsIn, linksIn, maxWeight, weigh } from '../poems/tweet-text.ts';
import type { Link, Post } from './state.ts';

export type TextFault = 'empty' | 'too-long' | 'not-permitted';

/** What X has against a normalized text, whoever posts it. */
export function judgeText(text: string): TextFault | undefined {
  if (text === '') return 'empty';
  if (weigh(text) > maxWeight) return 'too-long';
  if (twitterText.hasInvalidCharacters(text) || /\p{Surrogate}/u.test(text)) return 'not-permitted';
  // Self-serve apps may name one cashtag a post (X's changelog of 2026).
  return cashtagsIn(text) > 1 ? 'not-permitted' : undefined;
}

/** The links in a text, in order, each with the short one that X shows in its place. */
export function shortenLinks(text: string): Link[] {
  return linksIn(text).map(({ indices: [from, to] }) => {
    const url = text.slice(from, to);
    const name = createHash('sha256').update(url).digest('base64url').replaceAll(/[-_]/g, 'x');
    return {
      short: `https://t.co/${name.slice(0, 10)}`,
      expanded: /^https?:\/\//i.test(url) ? url : `http://${url}`,
    };
  });
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
  const found = linksIn(post.text);
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

const plainText = (text: string): string =>
  text.replaceAll(/&amp;|&lt;|&gt;/g, (name) => (name === '&amp;' ? '&' : name === '&lt;' ? '<' : '>'));

const withNumbers = (write: (code: number) => string) => (text: string) =>
  plainText(text).replaceAll(/[&<>"']/g, (char) => write(char.codePointAt(0) ?? 0));

/**
 * What X, or something between it and a bot, may make of a text that it shows: nothing that a reader would see. Each takes the
 * text as {@link showText} gives it.
 */
export const alterations = {
  decomposed: (text: string) => text.normalize('NFD'),
  'without-invisible': (text: string) => text.replaceAll(/\p{Default_Ignorable_Code_Point}/gu, ''),
  'without-variations': (text: string) => text.replaceAll(/[\ufe00-\ufe0f]/g, ''),
  'with-invisible': (text: string) => text.replaceAll(' ', ' \u200b').replaceAll(/$/g, '\u200e'),
  'single-spaces': (text: string) => text.replaceAll(/\s+/gu, ' ').trim(),
  'decimal-entities': withNumbers((code) => `&#${code};`),
  'hex-entities': withNumbers((code) => `&#x${code.toString(16)};`),
  'quotes-escaped': (text: string) => text.replaceAll('"', '&quot;').replaceAll("'", '&apos;'),
  'escaped-twice': (text: string) => escapeText(text),
  unescaped: plainText,
  'last-link-hidden': (text: string) => text.replace(/([\p{L}\p{N}\p{P}])\s+https:\/\/t\.co\/\w+$/u, '$1'),
};

export type Alteration = keyof typeof alterations;
