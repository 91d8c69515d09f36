import { diffArrays } from 'diff';
import {
  doneIn,
  fingerprint,
  fingerprints,
  isFinished,
  linesLeft,
  type Cursor,
  prints,
  startOf,
} from '../ledger/state.ts';
import type { LedgerEvent } from '../ledger/events.ts';
import { type Line, olderSplit, type Split, splitPoem } from '../poems/poem.ts';
import { rulesOfX, type TextRules } from '../poems/tweet-text.ts';

/** The event that moves a bot's cursor into an edited poem, or parks the bot if its place is lost. */
export type Edit = Extract<LedgerEvent, { event: 'edited' | 'parked' }>;

/** The text of a poem's file, and its lines by today's split. */
export interface PoemText {
  text: string;
  split: Split;
  lines: readonly Line[];
}

/**
 * A poem as a bot reads it now, and the event to record first if the bot knows it otherwise.
 *
 * @param stamp - `key` identifies the bot's key, for a bot that is parked
 */
export function readFor(
  bot: string,
  place: Cursor,
  { text, split, lines }: PoemText,
  { at, key }: { at: number; key: string },
): { lines: readonly Line[]; edit: Edit | undefined } {
  const park = (why: string, hint: string): Edit => {
    return { event: 'parked', bot, at, why, hint, key, cause: 'place' };
  };
  const { unit, rules } = split;
  const read = readingOf(place, lines, rules);
  if (read.poem === place.poem) return { lines: read.lines, edit: undefined };
  const otherUnit = { unit: unit === 'line' ? 'stanza' : 'line', rules } as const;
  const other = readingOf(place, splitPoem(text, otherUnit), rules);
  const found = other.poem === place.poem ? followUnit(place, lines, other.lines) : read.place;
  let edit: Edit;
  if (typeof found === 'number')
    edit = park(
      'its unit has been changed in the middle of a stanza',
      `put the unit back, then: flockd resume ${bot}; or go on with the stanza: flockd resume ${bot} --line ${found + 1}`,
    );
  else if (found) edit = { event: 'edited', bot, at, ...found, ahead: [...found.ahead] };
  else
    edit = park(
      'its poem has become another one, and its place in it is lost',
      `put the poem back, then: flockd resume ${bot}; or begin this one: flockd resume ${bot} --line 1`,
    );
  return { lines: read.lines, edit };
}

/** Whether an edit may be half of an upload: it ends the pass, removes more than half of what is left, or loses the place. */
export function needsLongLook(place: Cursor, edit: Edit): boolean {
  if (edit.event === 'parked') return true;
  if (isFinished(place)) return false;
  const left = linesLeft(edit).length;
  return left === 0 || left * 2 < linesLeft(place).length;
}

/**
 * The place in a poem after an edit: what was posted stays done wherever it is now, what was not is still to come. A changed
 * line counts as the line that it replaced; a line inserted before the place has missed its turn.
 *
 * @param poem - the fingerprints of the current poem
 * @returns undefined if too little is left of the old poem to tell where the bot was
 */
export function followEdits(place: Cursor, poem: string): Cursor | undefined {
  if (place.next === 0 && place.ahead.length === 0) return startOf(poem);
  const old = prints(place.poem);
  const lines = prints(poem);
  const wasDone = doneIn(place);
  const done = lines.map((): boolean | undefined => undefined);

  // 1. Lines that stayed, and the gaps between them.
  const gaps = stay(old, lines, (from, to) => (done[to] = wasDone(from)));
  // 2. Lines that moved from one gap to another.
  const moved = new Map<string, number[]>();
  for (const line of gaps.flatMap((gap) => gap.old))
    moved.set(old[line] ?? '', [...(moved.get(old[line] ?? '') ?? []), line]);
  const gone = new Set(gaps.flatMap((gap) => gap.old));
  for (const line of gaps.flatMap((gap) => gap.added)) {
    const from = moved.get(lines[line] ?? '')?.shift();
    if (from === undefined) continue;
    gone.delete(from);
    done[line] = wasDone(from);
  }
  const kept = done.filter((known) => known !== undefined).length;
  if (kept * 2 < Math.min(old.length, lines.length)) return undefined;
  // 3. Lines that were changed, each in the place of the one before it.
  for (const gap of gaps) {
    const replaced = gap.old.filter((line) => gone.has(line));
    for (const line of gap.added.filter((added) => done[added] === undefined)) {
      const from = replaced.shift();
      if (from !== undefined) done[line] = wasDone(from);
    }
  }
  // 4. Lines that are new: their turn is over if what follows them is done.
  for (let line = lines.length - 1; line >= 0; line--) done[line] ??= done[line + 1] ?? false;
  return placeWhere(poem, done);
}

interface Gap {
  old: number[];
  added: number[];
}

/** Calls `each` for every line that stayed. @returns the lines between them on either side */
function stay(old: string[], lines: string[], each: (from: number, to: number) => void): Gap[] {
  const gaps: Gap[] = [{ old: [], added: [] }];
  let from = 0;
  let to = 0;
  // What is equal at both ends stayed: among equal lines a diff may pair others, and mistake a line for its neighbour.
  const shorter = Math.min(old.length, lines.length);
  let head = 0;
  while (head < shorter && old[head] === lines[head]) head++;
  let tail = 0;
  while (tail < shorter - head && old.at(-1 - tail) === lines.at(-1 - tail)) tail++;
  const middle = diffArrays(old.slice(head, old.length - tail), lines.slice(head, lines.length - tail));
  const same = (count: number) => ({ added: false, removed: false, count });
  for (const { added, removed, count } of [same(head), ...middle, same(tail)]) {
    for (let line = 0; line < count; line++) {
      if (added) gaps.at(-1)?.added.push(to++);
      else if (removed) gaps.at(-1)?.old.push(from++);
      else each(from++, to++);
    }
    if (!added && !removed) gaps.push({ old: [], added: [] });
  }
  return gaps;
}

function placeWhere(poem: string, done: readonly (boolean | undefined)[]): Cursor {
  const first = done.findIndex((isDone) => isDone !== true);
  const next = first < 0 ? done.length : first;
  return {
    poem,
    next,
    ahead: done.flatMap((isDone, line) => (isDone === true && line > next ? [line] : [])),
  };
}

/**
 * The place in the same poem by another unit, or the position of the stanza that it is in the middle of.
 *
 * @param lines - the poem by the current unit
 * @param before - the poem by the unit of the place
 */
function followUnit(place: Cursor, lines: readonly Line[], before: readonly Line[]): Cursor | number {
  const isDone = doneIn(place);
  const rows = new Map<number, Set<boolean>>();
  for (const [line, piece] of before.entries())
    for (const row of rowsOf(piece)) rows.set(row, (rows.get(row) ?? new Set()).add(isDone(line)));
  const done = lines.map((piece) => {
    const found = new Set(rowsOf(piece).flatMap((row) => [...(rows.get(row) ?? [])]));
    return found.size === 1 ? found.has(true) : undefined;
  });
  const torn = done.indexOf(undefined);
  return torn >= 0 ? torn : placeWhere(fingerprints(lines), done);
}

/** The lines of the file that a piece of the poem takes. */
const rowsOf = ({ at, text }: Line): number[] => text.split('\n').map((_, index) => at + index);

/** A poem as a bot reads it, and the bot's place in it. */
interface Reading {
  lines: readonly Line[];
  /** Their fingerprints. */
  poem: string;
  /** Undefined if too little is left of the poem that the bot knows to tell where it was. */
  place: Cursor | undefined;
}

/**
 * The place of a bot in the current poem. A line that the bot has begun to post, and knows by the split of an older version,
 * stays split that way until the poem begins again: no other split has a place for the rest of it. Everything else has today's
 * split.
 *
 * @param lines - the poem by today's split
 */
export function readingOf(place: Cursor, lines: readonly Line[], rules: TextRules): Reading {
  const poem = fingerprints(lines);
  if (poem === place.poem) return { lines, poem, place };
  const parts = partsOf(lines, rules);
  if (parts.every(({ older }) => older === undefined))
    return { lines, poem, place: followEdits(place, poem) };
  // 1. The poem was edited, too: its edits are followed in the split that the bot knows.
  const known = new Set(prints(place.poem));
  const knows = (some: readonly Line[]): number =>
    some.filter(({ text }) => known.has(fingerprint(text))).length;
  const asKnown = parts.map(({ today, older }) => (older && knows(older) > knows(today) ? older : today));
  const inOld = splitsIn(place.poem, parts) ?? asKnown;
  const poemInOld = fingerprints(inOld.flat());
  const followed = poemInOld === place.poem ? place : followEdits(place, poemInOld);
  if (!followed) return { lines, poem, place: undefined };
  // 2. What is not begun has today's split.
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
  const readPoem = fingerprints(read);
  return { lines: read, poem: readPoem, place: readPoem === place.poem ? place : placeWhere(readPoem, done) };
}

/** Every post that a bot may have made of the current poem: by today's split, and by the older one. */
export const allSplits = (lines: readonly Line[], rules: TextRules): readonly Line[] => [
  ...lines,
  ...partsOf(lines, rules).flatMap(({ older = [] }) => older),
];

/** A line or a stanza in posts by today's split and, if that was different, by the older one. */
interface Part {
  today: readonly Line[];
  older: readonly Line[] | undefined;
}

/** The older version posted to X only. */
function partsOf(lines: readonly Line[], rules: TextRules): Part[] {
  const wholes: Line[][] = [];
  for (const line of lines) {
    if (line.part && line.part.nth > 0) wholes.at(-1)?.push(line);
    else wholes.push([line]);
  }
  return wholes.map((today) => {
    const [first] = today;
    if (rules !== rulesOfX) return { today, older: undefined };
    const of = first?.part?.of ?? first?.text ?? '';
    const older = olderSplit(of).map((text, nth) => ({ text, at: first?.at ?? 0, part: { of, nth } }));
    const isSame = older.length === today.length && older.every(({ text }, n) => text === today[n]?.text);
    return { today, older: isSame ? undefined : older };
  });
}

/** The split of each part in a poem as a bot knows it, or undefined if the poem was edited since. */
function splitsIn(poem: string, parts: readonly Part[]): (readonly Line[])[] | undefined {
  const splits: (readonly Line[])[] = [];
  let at = 0;
  for (const { today, older } of parts) {
    const split = [today, older].find((some) => some && poem.startsWith(fingerprints(some), at));
    if (!split) return undefined;
    splits.push(split);
    at += fingerprints(split).length;
  }
  return at === poem.length ? splits : undefined;
}
