import { fitsInPost, withoutControls } from '../poems/tweet-text.ts';
import { isFinished, type Place } from './place.ts';

/** The text to post next, as it is sent, and the lines it is made of. */
export interface PlannedPost {
  /** The position of its first line in the poem, counted from 0. */
  line: number;
  lines: number;
  text: string;
}

/**
 * What a bot posts next, or undefined at the poem's end.
 *
 * @param joinRefrain - the line alone was refused as a duplicate: it goes into one post with the line after it
 */
export function planPost(
  place: Place,
  texts: readonly string[],
  joinRefrain: boolean,
): PlannedPost | undefined {
  const { next } = place;
  const text = texts[next];
  if (isFinished(place) || text === undefined) return undefined;
  const following = texts[next + 1];
  if (joinRefrain && following !== undefined && !place.ahead.includes(next + 1)) {
    const joined = `${text}\n${following}`;
    if (fitsInPost(joined)) return { line: next, lines: 2, text: withoutControls(joined) };
  }
  return { line: next, lines: 1, text: withoutControls(text) };
}
