import type { BotSettings } from '../config/flock-file.ts';
import {
  advance,
  fingerprint,
  fingerprints,
  isFinished,
  lengthOf,
  type Cursor,
  prints,
  startOf,
} from '../ledger/cursor.ts';
import type { Intent, LedgerEvent, Price } from '../ledger/events.ts';
import type { BotState } from '../ledger/state.ts';
import type { TimelinePost } from '../networks/x/client.ts';
import type { Line } from '../poems/poem.ts';
import { comparable } from '../poems/tweet-text.ts';
import { allSplits, editedTo, readingOf } from './edits.ts';

/** A look at the timeline of a restored bot. */
interface Look {
  bot: string;
  /** When it was made. Milliseconds since 1970. */
  at: number;
  /** What it was to settle. */
  open: Intent;
  /** What a post's intent says of its cost. */
  priceOf: (text: string) => Price;
}

/** What a look has found, as if it were written down when it happened. */
export function eventsOfFound(found: readonly FoundPost[], look: Look): LedgerEvent[] {
  const { bot, at, open } = look;
  const [first] = found;
  const checked = { event: 'checked', bot, at } as const;
  const absent = { event: 'absent', bot, at, by: 'timeline' } as const;
  if (!first) return [absent, ...(open.look ? [] : [checked])];
  const isOpen = !open.look && isPostOf(open, first);
  return [
    ...(open.look || isOpen ? [] : [absent]),
    ...found.flatMap((post, index): LedgerEvent[] => [
      ...(isOpen && index === 0 ? [] : eventsBefore(post, found[index - 1]?.id ?? open.since, look)),
      { event: 'posted', bot, at, id: post.id, by: 'timeline' },
    ]),
    checked,
  ];
}

/** Whether what is found first is what was in doubt when the state was saved. */
const isPostOf = (open: Intent, { edited, again, skipped, line, lines }: FoundPost): boolean =>
  !edited && !again && skipped.length === 0 && line === open.line && lines === open.lines;

/** How the bot got to a post that it does not know of. @param since - the id of the one before it */
function eventsBefore(
  { edited, again, skipped, line, lines, poem, print, text }: FoundPost,
  since: string | undefined,
  { bot, at, open, priceOf }: Look,
): LedgerEvent[] {
  const pass = (over: number): LedgerEvent => ({ event: 'skipped', bot, at, line: over });
  const intent: LedgerEvent = {
    event: 'intent',
    bot,
    at: open.at,
    slot: at,
    until: at,
    line,
    lines,
    print,
    ...priceOf(text),
    ...(since !== undefined && { since }),
    look: true,
  };
  return [
    ...(edited ? [editedTo(edited, bot, at)] : []),
    ...(again ? [...again.rest.map(pass), { event: 'again', bot, at, poem } as const] : []),
    ...skipped.map(pass),
    intent,
  ];
}

/** How a bot may have come from where it was to a post. */
export interface ReplayPath {
  /** Its place in the poem as it is now, if it had learned of an edit by then. */
  edited: Cursor | undefined;
  /** Whether its poem began again, and the lines of the pass before that were passed over. */
  again: { rest: number[] } | undefined;
  /** Where it looks for the line of the post from. */
  from: Cursor;
}

/** A way that leads to a post. */
export interface ReplayStep extends ReplayPath {
  /** Lines that were passed over, in the pass of the post. */
  skipped: number[];
  /** Where the bot was just before the post, and how many lines the post is made of. */
  at: Cursor;
  lines: number;
}

/**
 * The ways from a place: on in the poem as it was, on in the poem as it is now, and where it begins again the start of
 * both. A line that was posted before the bot learned of an edit reads as it did.
 */
export function* replayPaths(
  place: Cursor,
  lines: readonly Line[],
  atEnd: 'loop' | 'stop',
): Generator<ReplayPath> {
  yield { edited: undefined, again: undefined, from: place };
  const read = readingOf(place, lines);
  const edited = read.poem === place.poem ? undefined : read.place;
  if (edited) yield { edited, again: undefined, from: edited };
  if (atEnd === 'stop') return;
  yield { edited: undefined, again: { rest: linesFrom(place) }, from: startOf(place.poem) };
  const poem = fingerprints(lines);
  if (read.place && poem !== place.poem)
    yield { edited, again: { rest: linesFrom(edited ?? place) }, from: startOf(poem) };
}

/** The way to a post that passes over the fewest lines, the first of those that are alike, or undefined where none leads to it. */
export function bestPath(
  ways: Iterable<ReplayPath>,
  text: string,
  known: KnownTexts,
): ReplayStep | undefined {
  const says = sayerOf(text, known);
  let best: ReplayStep | undefined;
  let fewest = Infinity;
  for (const way of ways) {
    const rest = way.again?.rest.length ?? 0;
    const found = pathTo(says, way, fewest - rest);
    if (!found) continue;
    best = found;
    fewest = rest + found.skipped.length;
    if (fewest === 0) break;
  }
  return best;
}

/** Goes on to the first line that is not done and reads so, alone or with the line after it, and passes over fewer than so many. */
function pathTo(says: Says, way: ReplayPath, most: number): ReplayStep | undefined {
  const { poem } = way.from;
  const lines = prints(poem);
  const skipped: number[] = [];
  for (let at = way.from; !isFinished(at) && skipped.length < most; at = advance(at, 1)) {
    const { next } = at;
    if (says(lines[next])) return { ...way, skipped, at, lines: 1 };
    if (says(lines[next], lines[next + 1]) && !at.ahead.includes(next + 1))
      return { ...way, skipped, at, lines: 2 };
    skipped.push(next);
  }
  return undefined;
}

/** The texts that are known of lines, by their fingerprints, and what is comparable of them. */
type KnownTexts = ReadonlyMap<string, { text: string; same: string }>;

export const knownTexts = (lines: readonly Line[]): KnownTexts =>
  new Map(lines.map(({ text }) => [fingerprint(text), { text, same: comparable(text) }]));

/** Whether a post says just these lines, which are given by their fingerprints. */
type Says = (...lines: (string | undefined)[]) => boolean;

/** X may have changed the post's text. Of a line that is not in the poem any more nothing but its fingerprint is left. */
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

/** The fingerprints of two lines that a text may have been joined of: what is before and after each of its line breaks. */
const halvesOf = (text: string): [first: string, second: string][] =>
  Array.from(text.matchAll(/\n/g), ({ index }) => [
    fingerprint(text.slice(0, index)),
    fingerprint(text.slice(index + 1)),
  ]);

/** The lines of a pass that are still to come. */
function linesFrom(place: Cursor): number[] {
  const ahead = new Set(place.ahead);
  const left = Array.from({ length: lengthOf(place) - place.next }, (_, index) => place.next + index);
  return left.filter((line) => !ahead.has(line));
}

export interface Memory {
  /** What the bot knows of itself. */
  state: Pick<BotState, 'place' | 'last'>;
  /** The poem as it is now. */
  lines: readonly Line[];
  /** Its timeline since its last post that it knows of, oldest first. */
  timeline: readonly TimelinePost[];
  atEnd: 'loop' | 'stop';
}

/** A bot passes over so many lines at most, where X refuses them as repetitions; more than that it has not done by itself. */
export const maxPassedOver = 3;

/** A post of the timeline, and the lines it is made of, counted from 0. */
export interface FoundPost extends TimelinePost {
  line: number;
  lines: number;
  print: string;
  /** The fingerprints of the poem that it was found in. */
  poem: string;
  /** Where the bot was in the poem as it is now, if it had learned of an edit before this post. */
  edited: Cursor | undefined;
  /** Whether the poem began again with it, and the lines of the pass before that were passed over. */
  again: { rest: number[] } | undefined;
  /** Lines before it that were passed over, in its own pass. */
  skipped: number[];
}

/**
 * What a restored bot has posted since its state was saved. Its posts came in the order of the poem, as it was then or is
 * now, so each is the next line with that text; lines passed over on the way were refused by X, or have been changed since.
 * Where one can be told in two ways it is the one that passes over fewer lines. What no line reads is not the poem's.
 */
export function foundSince(memory: Memory): FoundPost[] {
  const { state, lines: poem, atEnd } = memory;
  const known = knownTexts(allSplits(poem));
  const found: FoundPost[] = [];
  let { place } = state;
  for (const post of sinceLast(memory, known)) {
    const way = bestPath(replayPaths(place, poem, atEnd), post.text, known);
    if (!way) continue;
    const { edited, again, skipped, lines, at } = way;
    // X may have changed the text; a line's own fingerprint finds it in the poem.
    const line = lines === 1 ? prints(at.poem)[at.next] : undefined;
    const own = { line: at.next, lines, poem: at.poem, print: line ?? fingerprint(post.text) };
    found.push({ ...post, ...own, edited, again, skipped });
    place = advance(at, lines);
  }
  return found;
}

/** Where the bot's last post has no id, the timeline was read from its instant on, and the post itself may be there. */
function sinceLast({ state: { place, last }, timeline }: Memory, known: KnownTexts): readonly TimelinePost[] {
  if (!last || last.id !== undefined) return timeline;
  const itself = prints(place.poem).slice(last.line, last.line + (last.lines ?? 1));
  return timeline.slice(timeline.findIndex(({ text }) => sayerOf(text, known)(...itself)) + 1);
}

/**
 * The line that comes next for a bot of which only its poem and the newest posts of its account are known: the one after the
 * newest post that reads as lines of the poem. Where these stand in it more than once, the posts before it tell which they are.
 *
 * @param timeline - oldest first
 * @param settings - whether the poem begins again at its end, and whether lines that X refuses are passed over
 */
export function placeByTimeline(
  poem: readonly Line[],
  timeline: readonly TimelinePost[],
  { atEnd, refrain }: Pick<BotSettings, 'atEnd' | 'refrain'>,
): number | 'not there' | 'unclear' {
  const passedOver = refrain === 'skip' ? maxPassedOver : 0;
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
    // Each may have come right after one of these, but for lines that were passed over; the first line, after the last one.
    const before = left.flatMap(({ newest: end, line }) =>
      spans
        .filter((span) => {
          const gap = line - span.line - span.lines;
          const distance = gap < 0 && atEnd === 'loop' ? gap + lines.length : gap;
          return distance >= 0 && distance <= passedOver;
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
function spansOf(
  lines: readonly string[],
  says: ReturnType<typeof sayerOf>,
): { line: number; lines: number }[] {
  return lines.flatMap((print, line) => {
    if (says(print)) return [{ line, lines: 1 }];
    const next = lines[line + 1];
    return next !== undefined && says(print, next) ? [{ line, lines: 2 }] : [];
  });
}
