import type { Line } from '../poems/poem.ts';
import { comparable } from '../poems/tweet-text.ts';
import { readingOf } from './follow-split.ts';
import {
  advance,
  fingerprint,
  fingerprints,
  isFinished,
  lengthOf,
  type Place,
  prints,
  startOf,
} from './place.ts';

/** How a bot may have come from where it was to a post. */
export interface Way {
  /** Its place in the poem as it is now, if it had learned of an edit by then. */
  edited: Place | undefined;
  /** Whether its poem began again, and the lines of the pass before that were passed over. */
  again: { rest: number[] } | undefined;
  /** Where it looks for the line of the post from. */
  from: Place;
}

/** A way that leads to a post. */
export interface WayTo extends Way {
  /** Lines that were passed over, in the pass of the post. */
  skipped: number[];
  /** Where the bot was just before the post, and how many lines the post is made of. */
  at: Place;
  lines: number;
}

/**
 * The ways from a place: on in the poem as it was, on in the poem as it is now, and where it begins again the start of
 * both. A line that was posted before the bot learned of an edit reads as it did.
 */
export function* waysOn(place: Place, lines: readonly Line[], atEnd: 'loop' | 'stop'): Generator<Way> {
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
export function bestWay(ways: Iterable<Way>, text: string, known: KnownTexts): WayTo | undefined {
  const says = sayerOf(text, known);
  let best: WayTo | undefined;
  let fewest = Infinity;
  for (const way of ways) {
    const rest = way.again?.rest.length ?? 0;
    const found = walkTo(says, way, fewest - rest);
    if (!found) continue;
    best = found;
    fewest = rest + found.skipped.length;
    if (fewest === 0) break;
  }
  return best;
}

/** Goes on to the first line that is not done and reads so, alone or with the line after it, and passes over fewer than so many. */
function walkTo(says: Says, way: Way, most: number): WayTo | undefined {
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
export type KnownTexts = ReadonlyMap<string, { text: string; same: string }>;

export const knownTexts = (lines: readonly Line[]): KnownTexts =>
  new Map(lines.map(({ text }) => [fingerprint(text), { text, same: comparable(text) }]));

/** Whether a post says just these lines, which are given by their fingerprints. */
type Says = (...lines: (string | undefined)[]) => boolean;

/** X may have changed the post's text. Of a line that is not in the poem any more nothing but its fingerprint is left. */
export function sayerOf(text: string, known: KnownTexts): Says {
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
export const halvesOf = (text: string): [first: string, second: string][] =>
  Array.from(text.matchAll(/\n/g), ({ index }) => [
    fingerprint(text.slice(0, index)),
    fingerprint(text.slice(index + 1)),
  ]);

/** The lines of a pass that are still to come. */
function linesFrom(place: Place): number[] {
  const ahead = new Set(place.ahead);
  const left = Array.from({ length: lengthOf(place) - place.next }, (_, index) => place.next + index);
  return left.filter((line) => !ahead.has(line));
}
