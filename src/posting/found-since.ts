import type { BotState } from './bot-state.ts';
import { bestWay, halvesOf, waysOn } from './ways-on.ts';
import { advance, fingerprint, prints, type Place } from './place.ts';

/** A post as the timeline shows it. */
export interface TimelinePost {
  id: string;
  text: string;
}

export interface Memory {
  /** What the bot knows of itself. */
  state: Pick<BotState, 'place' | 'last'>;
  /** The fingerprints of the poem as it is now. */
  poem: string;
  /** Its timeline since its last post that it knows of, oldest first. */
  timeline: readonly TimelinePost[];
  atEnd: 'loop' | 'stop';
}

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
  const { state, poem, atEnd } = memory;
  const found: FoundPost[] = [];
  let { place } = state;
  for (const post of sinceLast(memory)) {
    const way = bestWay(waysOn(place, poem, atEnd), post.text);
    if (!way) continue;
    const { edited, again, skipped, lines, at } = way;
    const own = { line: at.next, lines, poem: at.poem, print: fingerprint(post.text) };
    found.push({ ...post, ...own, edited, again, skipped });
    place = advance(at, lines);
  }
  return found;
}

/** Where the bot's last post has no id, the timeline was read from its instant on, and the post itself may be there. */
function sinceLast({ state: { place, last }, timeline }: Memory): readonly TimelinePost[] {
  if (!last || last.id !== undefined) return timeline;
  const itself = prints(place.poem)[last.line];
  return timeline.slice(timeline.findIndex(({ text }) => fingerprint(text) === itself) + 1);
}

/**
 * The line that comes next for a bot of which only its poem and the newest posts of its account are known: the one after the
 * newest post that reads as lines of the poem. Where these stand in it more than once, the posts before it tell which they are.
 *
 * @param poem - the fingerprints of its lines
 * @param timeline - oldest first
 */
export function placeByTimeline(
  poem: string,
  timeline: readonly TimelinePost[],
): number | 'not there' | 'unclear' {
  const lines = prints(poem);
  const posts = timeline
    .toReversed()
    .map((post) => ({ ...post, spans: spansOf(post.text, lines) }))
    .filter(({ spans }) => spans.length > 0);
  const [newest, ...older] = posts;
  if (!newest) return 'not there';
  let left = newest.spans.map((span) => ({ newest: span, line: span.line }));
  for (const { spans } of older) {
    if (left.length === 1) break;
    // Each may have come right after one of these; the first line, after the last one.
    const before = left.flatMap(({ newest: end, line }) =>
      spans
        .filter((span) => (span.line + span.lines) % lines.length === line)
        .map((span) => ({ newest: end, line: span.line })),
    );
    if (before.length === 0) break;
    left = before;
  }
  const [next, ...others] = new Set(left.map(({ newest: { line, lines: count } }) => line + count));
  return next === undefined || others.length > 0 ? 'unclear' : next;
}

/** The lines of a poem that a text reads as: one, or one joined with the one after it. */
function spansOf(text: string, lines: readonly string[]): { line: number; lines: number }[] {
  const whole = fingerprint(text);
  const halves = halvesOf(text);
  return lines.flatMap((print, line) => {
    if (print === whole) return [{ line, lines: 1 }];
    const isJoined = halves.some(([first, second]) => first === print && second === lines[line + 1]);
    return isJoined ? [{ line, lines: 2 }] : [];
  });
}
