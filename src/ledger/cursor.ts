import { hash } from 'node:crypto';
import * as z from 'zod';
import { comparable, withoutLinks } from '../poems/tweet-text.ts';

export const cursorSchema = z.object({
  /** The poem as the bot knows it: a fingerprint of {@link printLength} characters for each line, in order. */
  poem: z.string(),
  /** The first line that is not done. As many as the poem has lines when all are. */
  next: z.int(),
  /** Lines after `next` that are done all the same, because the poem was reordered. Ascending. */
  ahead: z.array(z.int()).readonly(),
});

/**
 * Where a bot is in its poem. Lines are known by their text, not their number, so that the poem may be edited
 * while the bot is in the middle of it.
 */
export type Cursor = z.infer<typeof cursorSchema>;

/** 48 bits tell the lines of the longest poem apart. */
const printLength = 8;

/** Words of plain ASCII with one space between them, and without a link, which would have a stop in it. */
const plain = /^(?!.*\.\S)[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;

/**
 * A line's fingerprint, by which ledgers know it: the same in every version. Any link is as good as another, since X rewrites
 * them. To find a text on a timeline takes {@link markOf}: X changes more than this is blind for.
 */
export function fingerprint(text: string): string {
  const seen = plain.test(text) ? text : withoutLinks(text.normalize('NFC')).trim().replaceAll(/\s+/gu, ' ');
  return hash('sha256', seen, 'base64url').slice(0, printLength);
}

/** By the lines of the poem: every step of a bot asks for them. */
const ofPoems = new WeakMap<readonly object[], string>();

/** The fingerprints of all lines of a poem, as {@link Cursor} has them. */
export function fingerprints(lines: readonly { text: string }[]): string {
  const known = ofPoems.get(lines) ?? lines.map(({ text }) => fingerprint(text)).join('');
  ofPoems.set(lines, known);
  return known;
}

/** The fingerprints of a poem, one by one. */
export const prints = (poem: string): string[] => poem.match(new RegExp(`.{${printLength}}`, 'g')) ?? [];

export const startOf = (poem: string): Cursor => ({ poem, next: 0, ahead: [] });

export const lengthOf = ({ poem }: Pick<Cursor, 'poem'>): number => poem.length / printLength;

export const isFinished = (place: Cursor): boolean => place.next >= lengthOf(place);

/** The place after the next `count` lines are done. */
export function advance(place: Cursor, count: number): Cursor {
  if (place.ahead.length === 0) return { ...place, next: place.next + count };
  const ahead = new Set(place.ahead);
  let { next } = place;
  for (let done = 0; done < count; done++) {
    do next++;
    while (ahead.has(next));
  }
  return { ...place, next, ahead: place.ahead.filter((line) => line > next) };
}

/** Equal for texts that people would call the same, whatever X has made of one of them. */
export const markOf = (text: string): string =>
  hash('sha256', comparable(text), 'base64url').slice(0, printLength);

/** Tells which lines are done. */
export function doneIn({ next, ahead }: Cursor): (line: number) => boolean {
  const done = new Set(ahead);
  return (line) => line < next || done.has(line);
}

/** The lines that are still to come, in order. */
export function linesLeft(place: Cursor): number[] {
  const isDone = doneIn(place);
  return Array.from({ length: lengthOf(place) }, (_, line) => line).filter((line) => !isDone(line));
}
