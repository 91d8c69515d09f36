import { asKept, fitsInPost, withoutControls } from './tweet-text.ts';
import type { Lint } from './lint.ts';
import type { Line } from './split-poem.ts';

/** How a poem is posted, as far as its refrains go. Durations in milliseconds. */
export interface Pace {
  /** The time from one post to the next, or undefined where there are not two. */
  every: number | undefined;
  /** How long X refuses a text again: probably, and perhaps. */
  remembers: { surely: number; maybe: number };
  refrain: 'join' | 'defer' | 'skip';
  atEnd: 'loop' | 'stop';
}

/** Lines that come again, how soon, and what the bot does where X refuses them. */
export function lintRefrains(lines: readonly Line[], pace: Pace): Lint[] {
  const texts = lines.map(({ text }) => asKept(withoutControls(text)));
  const lastSeen = new Map<string, number>();
  const lints: Lint[] = [];
  lines.forEach(({ at }, index) => {
    const text = texts[index] ?? '';
    const before = lastSeen.get(text);
    lastSeen.set(text, index);
    if (before === undefined) return;
    const message = `repeats line ${lines[before]?.at ?? 0}${comesAfter(index - before, pace)}${fate(texts, index, index - before, pace)}`;
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
  if (pace.atEnd === 'stop' || pace.every === undefined || !first) return [];
  const lints: Lint[] = [];
  const whole = doubt(length, pace);
  if (whole > 0) {
    const message = `the poem begins again ${distance(length, pace) ?? ''} after it began${fate(texts, 0, length, pace)}`;
    lints.push({ code: 'refrain', line: first.at, message });
  }
  const seen = new Set<string>();
  lines.forEach(({ at }, index) => {
    const text = texts[index] ?? '';
    const last = lastSeen.get(text) ?? index;
    const gap = length - last + index;
    // What comes no sooner than all the rest is told with it.
    if (seen.has(text) || last === index || doubt(gap, pace) <= whole) return;
    seen.add(text);
    const message = `when the poem begins again, repeats line ${lines[last]?.at ?? 0}${comesAfter(gap, pace)}${fate(texts, index, gap, pace)}`;
    lints.push({ code: 'refrain', line: at, message });
  });
  return lints;
}

/** Whether X refuses a line that comes again after so many posts: 0 where it hardly does, 1 perhaps, 2 probably. */
function doubt(posts: number, { every, remembers }: Pace): 0 | 1 | 2 {
  if (every === undefined) return 1;
  if (posts * every < remembers.surely) return 2;
  return posts * every <= remembers.maybe ? 1 : 0;
}

/** What becomes of a line that comes again after so many posts. */
function fate(texts: readonly string[], index: number, posts: number, pace: Pace): string {
  const may = ['', 'X may refuse it', 'X will probably refuse it'][doubt(posts, pace)] ?? '';
  return may === '' ? '' : `: ${may}, and then ${policy(texts, index, pace)}`;
}

function policy(texts: readonly string[], index: number, { refrain }: Pace): string {
  switch (refrain) {
    case 'join': {
      const hindrance = whyAlone(texts, index);
      return hindrance === undefined
        ? 'it goes into one post with the line after it'
        : `it waits until X takes it (${hindrance})`;
    }
    case 'defer':
      return 'it waits until X takes it';
    case 'skip':
      return 'it is passed over';
  }
}

function whyAlone(texts: readonly string[], index: number): string | undefined {
  const following = texts[index + 1];
  if (following === undefined) return texts.length === 1 ? 'it is the only line' : 'it is the last line';
  const fits = fitsInPost(`${texts[index] ?? ''}\n${following}`);
  return fits ? undefined : 'the line after it does not fit into its post';
}

const units = [
  ['years', 365.25 * 86_400_000],
  ['days', 86_400_000],
  ['hours', 3_600_000],
  ['minutes', 60_000],
  ['seconds', 1000],
] as const;

const comesAfter = (posts: number, pace: Pace): string => {
  const after = distance(posts, pace);
  return after === undefined ? '' : `, ${after} after it`;
};

/** `about 3 hours`: in the largest unit of which there are two at least. */
function distance(posts: number, { every }: Pace): string | undefined {
  if (every === undefined) return undefined;
  const [unit, length] = units.find(([, ms]) => posts * every >= 1.95 * ms) ?? ['seconds', 1000];
  return `about ${Math.round((posts * every) / length)} ${unit}`;
}
