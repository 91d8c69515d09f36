import { followEdits } from './follow-edits.ts';
import { advance, fingerprint, isFinished, lengthOf, prints, startOf, type Place } from './place.ts';

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
export function* waysOn(place: Place, poem: string, atEnd: 'loop' | 'stop'): Generator<Way> {
  yield { edited: undefined, again: undefined, from: place };
  const edited = place.poem === poem ? undefined : followEdits(place, poem);
  if (edited) yield { edited, again: undefined, from: edited };
  if (atEnd === 'stop') return;
  yield { edited: undefined, again: { rest: linesFrom(place) }, from: startOf(place.poem) };
  if (edited) yield { edited, again: { rest: linesFrom(edited) }, from: startOf(poem) };
}

/** The way to a post that passes over the fewest lines, the first of those that are alike, or undefined where none leads to it. */
export function bestWay(ways: Iterable<Way>, text: string): WayTo | undefined {
  let best: WayTo | undefined;
  let fewest = Infinity;
  for (const way of ways) {
    const rest = way.again?.rest.length ?? 0;
    const found = walkTo(text, way, fewest - rest);
    if (!found) continue;
    best = found;
    fewest = rest + found.skipped.length;
    if (fewest === 0) break;
  }
  return best;
}

/** Goes on to the first line that is not done and reads so, alone or with the line after it, and passes over fewer than so many. */
function walkTo(text: string, way: Way, most: number): WayTo | undefined {
  const { poem } = way.from;
  const lines = prints(poem);
  const whole = fingerprint(text);
  const halves = halvesOf(text);
  const skipped: number[] = [];
  for (let at = way.from; !isFinished(at) && skipped.length < most; at = advance(at, 1)) {
    const { next } = at;
    if (lines[next] === whole) return { ...way, skipped, at, lines: 1 };
    const isJoined = halves.some(([first, second]) => first === lines[next] && second === lines[next + 1]);
    if (isJoined && !at.ahead.includes(next + 1)) return { ...way, skipped, at, lines: 2 };
    skipped.push(next);
  }
  return undefined;
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
