import type { LedgerEvent } from '../ledger/events.ts';
import type { Line } from '../poems/poem.ts';
import type { Reading } from './follow-split.ts';
import { fingerprints, isFinished, lengthOf, type Place } from './place.ts';

/** A poem as it is now: as the bot reads it, as it is split today, and by the other unit: a stanza a post, or a line. */
export interface PoemNow {
  read: Reading;
  lines: readonly Line[];
  other: Reading;
}

export type Edit = Extract<LedgerEvent, { event: 'edited' | 'parked' }>;

/**
 * What to write down where the poem is not as the bot knew it.
 *
 * @param key - tells the bot's key, for a bot that is parked
 */
export function editOf(
  bot: string,
  place: Place,
  { read, lines, other }: PoemNow,
  { at, key }: { at: number; key: () => string },
): Edit {
  const park = (why: string, hint: string): Edit => {
    return { event: 'parked', bot, at, why, hint, key: key(), cause: 'place' };
  };
  const goOn = ({ poem, next, ahead }: Place): Edit => ({
    event: 'edited',
    bot,
    at,
    poem,
    next,
    ahead: [...ahead],
  });
  if (other.poem === place.poem) {
    const found = followUnit(place, lines, other.lines);
    if (typeof found !== 'number') return goOn(found);
    return park(
      'its unit has been changed in the middle of a stanza',
      `put the unit back, then: flockd resume ${bot}; or go on with the stanza: flockd resume ${bot} --line ${found + 1}`,
    );
  }
  if (read.place) return goOn(read.place);
  return park(
    'its poem has become another one, and its place in it is lost',
    `put the poem back, then: flockd resume ${bot}; or begin this one: flockd resume ${bot} --line 1`,
  );
}

/** Whether an edit may be half of an upload: it ends the pass, takes away more than half of what is left, or loses the place. */
export function needsLongLook(place: Place, edit: Edit): boolean {
  if (edit.event === 'parked') return true;
  const left = (of: Pick<Place, 'poem' | 'next' | 'ahead'>): number =>
    lengthOf(of) - of.next - of.ahead.length;
  if (isFinished(place)) return false;
  return left(edit) <= 0 || left(edit) * 2 < left(place);
}

/**
 * The place in the same poem by another unit, or, where it is in the middle of a stanza, the position of that stanza.
 *
 * @param lines - the poem by the unit of now
 * @param before - the poem by the unit that the place is in
 */
function followUnit(place: Place, lines: readonly Line[], before: readonly Line[]): Place | number {
  const isDone = (line: number): boolean => line < place.next || place.ahead.includes(line);
  const rows = new Map<number, Set<boolean>>();
  for (const [line, piece] of before.entries())
    for (const row of rowsOf(piece)) rows.set(row, (rows.get(row) ?? new Set()).add(isDone(line)));
  const done = lines.map((piece) => {
    const found = new Set(rowsOf(piece).flatMap((row) => [...(rows.get(row) ?? [])]));
    return found.size === 1 ? found.has(true) : undefined;
  });
  const torn = done.indexOf(undefined);
  if (torn >= 0) return torn;
  const first = done.indexOf(false);
  const next = first < 0 ? lines.length : first;
  return {
    poem: fingerprints(lines),
    next,
    ahead: done.flatMap((isPast, line) => (isPast === true && line > next ? [line] : [])),
  };
}

/** The lines of the file that a piece of the poem takes. */
const rowsOf = ({ at, text }: Line): number[] => text.split('\n').map((_, index) => at + index);
