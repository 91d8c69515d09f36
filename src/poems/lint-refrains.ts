import { asKept } from './entities.ts';
import { fitsInPost } from './line-length.ts';
import type { Lint } from './lint.ts';
import type { Line } from './split-poem.ts';

/** How a poem is posted, as far as its refrains go. Durations in milliseconds. */
export interface Pace {
  /** The time from one post to the next, or undefined where there are not two. */
  every: number | undefined;
  /** How long X refuses a text again, as far as anybody knows. */
  remembers: number;
  refrain: 'join' | 'defer' | 'skip';
  atEnd: 'loop' | 'stop';
}

/** Lines that come again, how soon, and what the bot does where X refuses them. */
export function lintRefrains(lines: readonly Line[], pace: Pace): Lint[] {
  const texts = lines.map(({ text }) => asKept(text));
  const lastSeen = new Map<string, number>();
  const lints: Lint[] = [];
  lines.forEach(({ at }, index) => {
    const text = texts[index] ?? '';
    const before = lastSeen.get(text);
    lastSeen.set(text, index);
    if (before === undefined) return;
    const after = distance(index - before, pace);
    const message = `repeats line ${lines[before]?.at ?? 0}${after === undefined ? '' : `, ${after} after it`}: ${fate(texts, index, index - before, pace)}`;
    lints.push({ code: 'refrain', line: at, message });
  });
  return [...lints, ...lintLoop(lines, texts, lastSeen, pace)];
}

/** A poem that begins again repeats all of itself, and its last lines may be its first. */
function lintLoop(
  lines: readonly Line[],
  texts: readonly string[],
  lastSeen: ReadonlyMap<string, number>,
  pace: Pace,
): Lint[] {
  const { length } = lines;
  const [first] = lines;
  if (pace.atEnd === 'stop' || !first) return [];
  if (isTooSoon(length, pace)) {
    const message = `the poem begins again ${distance(length, pace) ?? ''} after it began: ${fate(texts, 0, length, pace)}`;
    return [{ code: 'refrain', line: first.at, message }];
  }
  const seen = new Set<string>();
  return lines.flatMap(({ at }, index) => {
    const text = texts[index] ?? '';
    const last = lastSeen.get(text) ?? index;
    const gap = length - last + index;
    if (seen.has(text) || last === index || !isTooSoon(gap, pace)) return [];
    seen.add(text);
    const message = `when the poem begins again, repeats line ${lines[last]?.at ?? 0}, ${distance(gap, pace) ?? ''} after it: ${fate(texts, index, gap, pace)}`;
    return [{ code: 'refrain' as const, line: at, message }];
  });
}

const isTooSoon = (posts: number, { every, remembers }: Pace): boolean =>
  every !== undefined && posts * every < remembers;

/** What becomes of a line that comes again after so many posts. */
function fate(texts: readonly string[], index: number, posts: number, pace: Pace): string {
  const may = isTooSoon(posts, pace) ? 'X will probably refuse it' : 'X may refuse it';
  return `${may}, and then ${policy(texts, index, pace)}`;
}

function policy(texts: readonly string[], index: number, { refrain }: Pace): string {
  const following = texts[index + 1];
  switch (refrain) {
    case 'join':
      return following !== undefined && fitsInPost(`${texts[index] ?? ''}\n${following}`)
        ? 'it goes into one post with the line after it'
        : 'it waits until X takes it (no line after it fits into its post)';
    case 'defer':
      return 'it waits until X takes it';
    case 'skip':
      return 'it is passed over';
  }
}

const units = [
  ['years', 365.25 * 86_400_000],
  ['days', 86_400_000],
  ['hours', 3_600_000],
  ['minutes', 60_000],
  ['seconds', 1000],
] as const;

/** `about 3 hours`: in the largest unit of which there are two at least. */
function distance(posts: number, { every }: Pace): string | undefined {
  if (every === undefined) return undefined;
  const [unit, length] = units.find(([, ms]) => posts * every >= 1.95 * ms) ?? ['seconds', 1000];
  return `about ${Math.round((posts * every) / length)} ${unit}`;
}
