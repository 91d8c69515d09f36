import type { BotSettings } from '../config/flock-file.ts';
import type { BotState } from '../ledger/state.ts';
import type { TimelinePost } from '../networks/x/client.ts';
import type { Line } from '../poems/poem.ts';
import { allSplits } from './follow-split.ts';
import { advance, fingerprint, fingerprints, type Place, prints } from './place.ts';
import { bestWay, knownTexts, type KnownTexts, sayerOf, waysOn } from './ways-on.ts';

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
export const mostPassedOver = 3;

/** A post of the timeline, and the lines it is made of, counted from 0. */
export interface FoundPost extends TimelinePost {
  line: number;
  lines: number;
  print: string;
  /** The fingerprints of the poem that it was found in. */
  poem: string;
  /** Where the bot was in the poem as it is now, if it had learned of an edit before this post. */
  edited: Place | undefined;
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
    const way = bestWay(waysOn(place, poem, atEnd), post.text, known);
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
  const passedOver = refrain === 'skip' ? mostPassedOver : 0;
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
