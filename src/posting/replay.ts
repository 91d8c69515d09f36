import type { TimelinePost } from '../networks/network.ts';
import type { BotSettings } from '../config/flock-file.ts';
import type { Intent, LedgerEvent, Price } from '../ledger/events.ts';
import {
  advance,
  type BotState,
  type Cursor,
  fingerprint,
  fingerprints,
  isFinished,
  linesLeft,
  prints,
  startOf,
} from '../ledger/state.ts';
import type { Line } from '../poems/poem.ts';
import { comparable, type TextRules } from '../poems/tweet-text.ts';
import { allSplits, readingOf } from './edits.ts';

/*
 * Matches the posts of a timeline with the lines of a poem: which lines a bot has posted that its ledger does not know of.
 */

/** A bot, and when its timeline was looked at. Milliseconds since 1970. */
interface Look {
  bot: string;
  at: number;
}

/**
 * The events for what a look has found, as they would have been recorded at the time.
 *
 * @param open - the intent that the look is to settle
 * @param priceOf - the price in the intent of a post with this text
 */
export function eventsOfFound(
  found: readonly FoundPost[],
  { bot, at, open, priceOf }: Look & { open: Intent; priceOf: (text: string) => Price },
): LedgerEvent[] {
  const [first] = found;
  const checked = { event: 'checked', bot, at } as const;
  const absent = { event: 'absent', bot, at, by: 'timeline' } as const;
  if (!first) return [absent, ...(open.look ? [] : [checked])];
  // Whether the first post is the one that was in doubt at the export.
  const isOpen =
    !open.look && first.before.length === 0 && first.line === open.line && first.lines === open.lines;
  return [
    ...(open.look || isOpen ? [] : [absent]),
    ...found.flatMap(({ id, text, at: made, before, line, lines, print }, index): LedgerEvent[] => {
      const posted = {
        event: 'posted',
        bot,
        at,
        id,
        by: 'timeline',
        ...(made !== undefined && { made }),
      } as const;
      if (isOpen && index === 0) return [posted];
      const since = found[index - 1]?.id ?? open.since;
      const intent = { event: 'intent', bot, at: open.at, slot: at, until: at, line, lines, print } as const;
      const known = { ...priceOf(text), ...(since !== undefined && { since }), look: true } as const;
      return [...before, { ...intent, ...known }, posted];
    }),
    checked,
  ];
}

/** The current poem, and the rules by which it is split. */
interface PoemLines {
  lines: readonly Line[];
  rules: TextRules;
}

/** How a bot may have come from its place to a post. */
export interface ReplayPath {
  /** What it would have recorded: that it followed an edit, skipped lines, or began its poem again. */
  before: LedgerEvent[];
  /** Where it looks for the line of the post from. */
  from: Cursor;
}

/** A path that leads to a post: where the bot was right before the post, and how many lines the post has. */
interface ReplayStep {
  before: LedgerEvent[];
  at: Cursor;
  lines: number;
}

const skip = (line: number, { bot, at }: Look): LedgerEvent => ({ event: 'skipped', bot, at, line });

const skipsIn = (events: readonly LedgerEvent[]): number =>
  events.filter(({ event }) => event === 'skipped').length;

/**
 * The paths from a place: on in the poem as the bot knows it, on in the current one, and if it begins again at its end, the
 * start of both. A line that was posted before the bot followed an edit has its old text.
 */
export function* replayPaths(
  place: Cursor,
  { lines, rules }: PoemLines,
  atEnd: 'loop' | 'stop',
  look: Look,
): Generator<ReplayPath> {
  yield { before: [], from: place };
  const read = readingOf(place, lines, rules);
  const edited = read.poem === place.poem ? undefined : read.place;
  const edit: LedgerEvent[] = edited
    ? [{ event: 'edited', ...look, ...edited, ahead: [...edited.ahead] }]
    : [];
  if (edited) yield { before: edit, from: edited };
  if (atEnd === 'stop') return;
  const again = (poem: string, end: Cursor, followed: LedgerEvent[]): ReplayPath => {
    const rest = linesLeft(end).map((line) => skip(line, look));
    return { before: [...followed, ...rest, { event: 'again', ...look, poem }], from: startOf(poem) };
  };
  yield again(place.poem, place, []);
  const poem = fingerprints(lines);
  if (read.place && poem !== place.poem) yield again(poem, edited ?? place, edit);
}

/** The path to a post that skips the fewest lines, the first of several, or undefined if none leads to it. */
export function bestPath(
  paths: Iterable<ReplayPath>,
  text: string,
  known: KnownTexts,
  look: Look,
): ReplayStep | undefined {
  const says = sayerOf(text, known);
  let best: ReplayStep | undefined;
  let fewest = Infinity;
  for (const path of paths) {
    const found = stepTo(says, path, look, fewest);
    if (!found) continue;
    best = found;
    fewest = skipsIn(found.before);
    if (fewest === 0) break;
  }
  return best;
}

/** Advances to the first line that is not done and says so, alone or with the line after it. Skips fewer lines than `max`. */
function stepTo(says: Says, path: ReplayPath, look: Look, max: number): ReplayStep | undefined {
  const lines = prints(path.from.poem);
  const before = [...path.before];
  let left = max - skipsIn(before);
  for (let at = path.from; !isFinished(at) && left > 0; at = advance(at, 1), left--) {
    const { next } = at;
    if (says(lines[next])) return { before, at, lines: 1 };
    if (says(lines[next], lines[next + 1]) && !at.ahead.includes(next + 1)) return { before, at, lines: 2 };
    before.push(skip(next, look));
  }
  return undefined;
}

/** The known texts of lines, by fingerprint, and their comparable form. */
type KnownTexts = ReadonlyMap<string, { text: string; same: string }>;

export const knownTexts = (lines: readonly Line[]): KnownTexts =>
  new Map(lines.map(({ text }) => [fingerprint(text), { text, same: comparable(text) }]));

/** Whether a post says exactly these lines, given by their fingerprints. */
type Says = (...lines: (string | undefined)[]) => boolean;

/** X may have changed the post's text. Of a line that was removed from the poem only the fingerprint is known. */
function sayerOf(text: string, known: KnownTexts): Says {
  const whole = fingerprint(text);
  const same = comparable(text);
  const halves = halvesOf(text);
  return (...lines) => {
    const [line, other] = lines;
    const first = known.get(line ?? '');
    if (lines.length === 1) return line === whole || first?.same === same;
    const second = known.get(other ?? '');
    return (
      halves.some((half) => half[0] === line && half[1] === other) ||
      (first !== undefined &&
        second !== undefined &&
        same.startsWith(first.same) &&
        comparable(`${first.text}\n${second.text}`) === same)
    );
  };
}

/** The fingerprints of two lines that a text may be joined of: the parts before and after each line break. */
const halvesOf = (text: string): [first: string, second: string][] =>
  Array.from(text.matchAll(/\n/g), ({ index }) => [
    fingerprint(text.slice(0, index)),
    fingerprint(text.slice(index + 1)),
  ]);

export interface ReplayOptions extends Look, PoemLines {
  /** What the bot knows of itself. */
  state: Pick<BotState, 'place' | 'last'>;
  /** The timeline since the last post that the bot knows, oldest first. */
  timeline: readonly TimelinePost[];
  atEnd: 'loop' | 'stop';
}

/** A post of the timeline, and the path that led to it. */
interface FoundPost extends TimelinePost, Pick<ReplayStep, 'before' | 'lines'> {
  /** Its first line, counted from 0. */
  line: number;
  print: string;
}

/** The most lines that a bot skips in a row; if X refuses more as repetitions, it is no refrain but the whole poem. */
export const maxSkips = 3;

/** Whether a bot would have skipped more lines before a post than it does by itself. */
export const isFar = ({ before }: FoundPost): boolean => skipsIn(before) > maxSkips;

/**
 * What a restored bot has posted since its state was exported. It posts in the order of the poem as it was then or is now, so
 * each post is the next line with that text; lines in between were refused by X, or have been changed since. Of two
 * explanations the one with fewer skipped lines counts. A post that is no line is not the bot's.
 */
export function foundSince(options: ReplayOptions): FoundPost[] {
  const { state, lines: poem, rules, atEnd, bot, at: now } = options;
  const known = knownTexts(allSplits(poem, rules));
  const found: FoundPost[] = [];
  let { place } = state;
  for (const post of sinceLast(options, known)) {
    const look = { bot, at: now };
    const path = bestPath(replayPaths(place, options, atEnd, look), post.text, known, look);
    if (!path) continue;
    const { before, lines, at } = path;
    // X may have changed the text; a line's own fingerprint finds it in the poem.
    const line = lines === 1 ? prints(at.poem)[at.next] : undefined;
    const print = line ?? fingerprint(post.text);
    found.push({ ...post, before, line: at.next, lines, print });
    place = advance(at, lines);
  }
  return found;
}

/** If the bot's last post has no id, the timeline begins at its instant, and may contain that post itself. */
function sinceLast(
  { state: { place, last }, timeline }: ReplayOptions,
  known: KnownTexts,
): readonly TimelinePost[] {
  if (!last || last.id !== undefined) return timeline;
  const itself = prints(place.poem).slice(last.line, last.line + (last.lines ?? 1));
  return timeline.slice(timeline.findIndex(({ text }) => sayerOf(text, known)(...itself)) + 1);
}

/**
 * The next line of a bot of which only the poem and the account's newest posts are known: the one after the newest post that
 * is a line of the poem. If its text is in the poem more than once, the posts before it tell which line it is.
 *
 * @param timeline - oldest first
 */
export function placeByTimeline(
  poem: readonly Line[],
  timeline: readonly TimelinePost[],
  { atEnd, refrain }: Pick<BotSettings, 'atEnd' | 'refrain'>,
): number | 'not there' | 'unclear' {
  const maxGap = refrain === 'skip' ? maxSkips : 0;
  const lines = prints(fingerprints(poem));
  const known = knownTexts(poem);
  const posts = timeline
    .toReversed()
    .map(({ text }) => spansOf(lines, sayerOf(text, known)))
    .filter((spans) => spans.length > 0);
  const [newest, ...older] = posts;
  if (!newest) return 'not there';
  let left = newest.map((span) => ({ newest: span, line: span.line }));
  for (const spans of older) {
    if (left.length === 1) break;
    // Each may have come right after one of these, except for skipped lines; the first line, after the last one.
    const before = left.flatMap(({ newest: end, line }) =>
      spans
        .filter((span) => {
          const gap = line - span.line - span.lines;
          const distance = gap < 0 && atEnd === 'loop' ? gap + lines.length : gap;
          return distance >= 0 && distance <= maxGap;
        })
        .map((span) => ({ newest: end, line: span.line })),
    );
    if (before.length === 0) break;
    left = before;
  }
  const [next, ...others] = new Set(left.map(({ newest: { line, lines: count } }) => line + count));
  return next === undefined || others.length > 0 ? 'unclear' : next;
}

/** The lines of a poem that a post says: one, or one joined with the one after it. */
const spansOf = (lines: readonly string[], says: Says): { line: number; lines: number }[] =>
  lines.flatMap((print, line) => {
    if (says(print)) return [{ line, lines: 1 }];
    const next = lines[line + 1];
    return next !== undefined && says(print, next) ? [{ line, lines: 2 }] : [];
  });
