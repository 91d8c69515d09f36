import type { LintOfBot } from '../poems/lint.ts';

/** What is the same of several lines of one poem. */
export interface LintGroup extends Omit<LintOfBot, 'line'> {
  /** Lines of the file, counted from 1. */
  lines: number[];
}

/** Tells once what several lines of a poem have in common; the lints of a poem follow each other. */
export function* groupedLints(lints: Iterable<LintOfBot>): Generator<LintGroup> {
  let groups = new Map<string, LintGroup>();
  let last: string | undefined;
  for (const { line, ...lint } of lints) {
    if (lint.bot !== last) {
      yield* groups.values();
      groups = new Map();
    }
    last = lint.bot;
    const key = lint.code === 'leading-space' ? lint.code : `${lint.code} ${lint.message}`;
    const known = groups.get(key);
    if (known) known.lines.push(line);
    else groups.set(key, { ...lint, lines: [line] });
  }
  yield* groups.values();
}

/** So many lines are named. */
const mostLines = 12;

/** `poems/howl.txt:12: night.It is a link to X: …`, or `poems/howl.txt: lines 3 and 9: …` */
export function describeLints({ file, lines, code, message }: LintGroup): string {
  const [first = 0, ...others] = lines;
  if (others.length === 0) return `${file}:${first}: ${message}`;
  const more = lines.length - mostLines;
  const named = `lines ${lines.slice(0, mostLines).join(', ')}${more > 0 ? ` and ${more.toLocaleString('en-US')} more` : ''}`;
  return code === 'leading-space'
    ? `${file}: ${named} begin with spaces, which X drops`
    : `${file}: ${named}: ${message}`;
}
