import { diffArrays } from 'diff';
import { prints, startOf, type Place } from './place.ts';

/**
 * The place in a poem after the poem was edited: what was posted stays done wherever it stands now, what was not is still
 * to come. A changed line counts as the line it replaced; a line put in before the place has missed its turn.
 *
 * @param poem - the fingerprints of the poem as it is now
 * @returns undefined where too little is left of the old poem to tell where the bot was
 */
export function followEdits(place: Place, poem: string): Place | undefined {
  if (place.next === 0 && place.ahead.length === 0) return startOf(poem);
  const old = prints(place.poem);
  const lines = prints(poem);
  const wasDone = old.map((_, line) => line < place.next || place.ahead.includes(line));
  const done = lines.map((): boolean | undefined => undefined);

  // 1. Lines that stayed, and the gaps between them.
  const gaps = stay(old, lines, (from, to) => (done[to] = wasDone[from]));
  // 2. Lines that moved from one gap to another.
  const moved = new Map<string, number[]>();
  for (const line of gaps.flatMap((gap) => gap.old))
    moved.set(old[line] ?? '', [...(moved.get(old[line] ?? '') ?? []), line]);
  const gone = new Set(gaps.flatMap((gap) => gap.old));
  for (const line of gaps.flatMap((gap) => gap.added)) {
    const from = moved.get(lines[line] ?? '')?.shift();
    if (from === undefined) continue;
    gone.delete(from);
    done[line] = wasDone[from];
  }
  const kept = done.filter((known) => known !== undefined).length;
  if (kept * 2 < Math.min(old.length, lines.length)) return undefined;
  // 3. Lines that were changed, each in the place of the one before it.
  for (const gap of gaps) {
    const replaced = gap.old.filter((line) => gone.has(line));
    for (const line of gap.added.filter((added) => done[added] === undefined)) {
      const from = replaced.shift();
      if (from !== undefined) done[line] = wasDone[from];
    }
  }
  // 4. Lines that are new: their turn is over where what follows them is done.
  for (let line = lines.length - 1; line >= 0; line--) done[line] ??= done[line + 1] ?? false;
  return placeWhere(poem, done);
}

interface Gap {
  old: number[];
  added: number[];
}

/** Calls `each` for every line that stayed; returns what stands between them on either side. */
function stay(old: string[], lines: string[], each: (from: number, to: number) => void): Gap[] {
  const gaps: Gap[] = [{ old: [], added: [] }];
  let from = 0;
  let to = 0;
  // What is equal at both ends stayed: among equal lines a diff may pair others, and take a line for its neighbour.
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

export function placeWhere(poem: string, done: readonly (boolean | undefined)[]): Place {
  const first = done.findIndex((isDone) => isDone !== true);
  const next = first < 0 ? done.length : first;
  return {
    poem,
    next,
    ahead: done.flatMap((isDone, line) => (isDone === true && line > next ? [line] : [])),
  };
}
