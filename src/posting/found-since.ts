import type { BotState } from './bot-state.ts';
import { advance, fingerprint, isFinished, prints, startOf, type Place } from './place.ts';
import { planPost } from './plan-post.ts';

/** A post as the timeline shows it. */
interface TimelinePost {
  id: string;
  text: string;
}

export interface Memory {
  /** What the bot knows of itself. */
  state: Pick<BotState, 'place' | 'last'>;
  /** The poem's posts, or undefined where it is not as the bot knows it. */
  texts: readonly string[] | undefined;
  /** Its timeline since its last post that it knows of, oldest first. */
  timeline: readonly TimelinePost[];
  atEnd: 'loop' | 'stop';
}

/** A post of the timeline, and the lines it is made of, counted from 0. */
export interface FoundPost extends TimelinePost {
  line: number;
  lines: number;
  print: string;
  /** Whether the poem began again with it. */
  again: boolean;
  /** Lines before it that were passed over. */
  skipped: number[];
}

/**
 * What a restored bot has posted since its state was saved. Its posts came in the order of the poem, so each is the next
 * line with that text; lines passed over on the way were refused by X, or have been changed since. What no line reads is
 * not the poem's.
 */
export function foundSince(memory: Memory): FoundPost[] {
  const { state, texts, atEnd } = memory;
  const found: FoundPost[] = [];
  let { place } = state;
  for (const post of sinceLast(memory)) {
    const print = fingerprint(post.text);
    const again = isFinished(place) && atEnd === 'loop';
    const hit = findIn(again ? startOf(place.poem) : place, texts, print);
    if (!hit) continue;
    place = advance(hit.place, hit.lines);
    found.push({ ...post, print, again, line: hit.place.next, lines: hit.lines, skipped: hit.skipped });
  }
  return found;
}

/** Where the bot's last post has no id, the timeline was read from its instant on, and the post itself may be there. */
function sinceLast({ state: { place, last }, timeline }: Memory): readonly TimelinePost[] {
  if (!last || last.id !== undefined) return timeline;
  const itself = prints(place.poem)[last.line];
  return timeline.slice(timeline.findIndex(({ text }) => fingerprint(text) === itself) + 1);
}

interface Hit {
  /** Where the bot was just before it. */
  place: Place;
  lines: number;
  skipped: number[];
}

/** The first line that is not done and reads so, alone or with the line after it. */
function findIn(from: Place, texts: readonly string[] | undefined, print: string): Hit | undefined {
  const all = prints(from.poem);
  const skipped: number[] = [];
  for (let place = from; !isFinished(place); place = advance(place, 1)) {
    if (all[place.next] === print) return { place, lines: 1, skipped };
    const joined = texts && planPost(place, texts, true);
    if (joined?.lines === 2 && fingerprint(joined.text) === print) return { place, lines: 2, skipped };
    skipped.push(place.next);
  }
  return undefined;
}
