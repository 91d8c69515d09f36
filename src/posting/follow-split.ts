import { type Line, olderSplit } from '../poems/poem.ts';
import { followEdits, placeWhere } from './follow-edits.ts';
import { fingerprint, fingerprints, type Place, prints } from './place.ts';

/** A poem as a bot reads it, and where the bot is in it. */
export interface Reading {
  lines: readonly Line[];
  /** Their fingerprints. */
  poem: string;
  /** Undefined where too little is left of the poem that the bot knows to tell where it was. */
  place: Place | undefined;
}

/**
 * Where a bot is in its poem as that is now. What it has begun to post, and knows by the split of an older version, stays
 * broken as it was until the poem begins again: no other split has a place for what is left of it. All else is split as it
 * is today.
 *
 * @param lines - the poem as it is split today
 */
export function readingOf(place: Place, lines: readonly Line[]): Reading {
  const poem = fingerprints(lines);
  if (poem === place.poem) return { lines, poem, place };
  const parts = partsOf(lines);
  if (parts.every(({ older }) => older === undefined))
    return { lines, poem, place: followEdits(place, poem) };
  // 1. The poem was edited, too: its edits are followed in the split that the bot knows.
  const known = new Set(prints(place.poem));
  const knows = (some: readonly Line[]): number =>
    some.filter(({ text }) => known.has(fingerprint(text))).length;
  const asKnown = parts.map(({ today, older }) => (older && knows(older) > knows(today) ? older : today));
  const inOld = splitsIn(place.poem, parts) ?? asKnown;
  const poemInOld = poemOf(inOld);
  const followed = poemInOld === place.poem ? place : followEdits(place, poemInOld);
  if (!followed) return { lines, poem, place: undefined };
  // 2. What is not begun is split as it is today.
  const isDone = doneIn(followed);
  const done: boolean[] = [];
  let from = 0;
  const read = inOld.flatMap((some, index) => {
    const flags = some.map((_, nth) => isDone(from + nth));
    from += some.length;
    const { today = some } = parts[index] ?? {};
    const stays = some === today || flags.includes(true);
    done.push(...(stays ? flags : today.map(() => false)));
    return stays ? some : today;
  });
  const readPoem = poemOf([read]);
  return { lines: read, poem: readPoem, place: readPoem === place.poem ? place : placeWhere(readPoem, done) };
}

/** Every post that a bot may have made of a poem as it is now: by the split of today, and by the older one. */
export const allSplits = (lines: readonly Line[]): readonly Line[] => [
  ...lines,
  ...partsOf(lines).flatMap(({ older = [] }) => older),
];

/** A line or a stanza, in posts as they are split today and, where that was otherwise, as they were. */
interface Part {
  today: readonly Line[];
  older: readonly Line[] | undefined;
}

function partsOf(lines: readonly Line[]): Part[] {
  const wholes: Line[][] = [];
  for (const line of lines) {
    if (line.part && line.part.nth > 0) wholes.at(-1)?.push(line);
    else wholes.push([line]);
  }
  return wholes.map((today) => {
    const [first] = today;
    const of = first?.part?.of ?? first?.text ?? '';
    const older = olderSplit(of).map((text, nth) => ({ text, at: first?.at ?? 0, part: { of, nth } }));
    const isSame = older.length === today.length && older.every(({ text }, n) => text === today[n]?.text);
    return { today, older: isSame ? undefined : older };
  });
}

/** The split of each part in a poem as a bot knows it, or undefined where the poem was edited since. */
function splitsIn(poem: string, parts: readonly Part[]): (readonly Line[])[] | undefined {
  const splits: (readonly Line[])[] = [];
  let at = 0;
  for (const { today, older } of parts) {
    const split = [today, older].find((some) => some && poem.startsWith(poemOf([some]), at));
    if (!split) return undefined;
    splits.push(split);
    at += poemOf([split]).length;
  }
  return at === poem.length ? splits : undefined;
}

const poemOf = (splits: readonly (readonly Line[])[]): string =>
  splits.flatMap((lines) => lines.map(({ text }) => fingerprint(text))).join('');

function doneIn({ next, ahead }: Place): (line: number) => boolean {
  const done = new Set(ahead);
  return (line) => line < next || done.has(line);
}
