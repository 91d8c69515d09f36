import type { PriceTable } from '../cost/price-table.ts';
import { lintEntities } from './lint-entities.ts';
import { lintRefrains, type Pace } from './lint-refrains.ts';
import type { Lint } from './lint.ts';
import type { Line, Unit } from './split-poem.ts';

export interface LintOptions {
  unit: Unit;
  prices: PriceTable;
  /** How the poem is posted, which tells whether a refrain comes too soon. */
  pace: Pace;
}

/** What X will make of a poem, in the order of its lines. */
export function lintPoem(lines: readonly Line[], { unit, prices, pace }: LintOptions): Lint[] {
  const lints = [
    ...lines.flatMap(leadingSpace),
    ...lintEntities(lines, prices),
    ...lintSplits(lines, unit),
    ...lintRefrains(lines, pace),
  ];
  return lints.sort((a, b) => a.line - b.line);
}

function leadingSpace({ text, at }: Line): Lint[] {
  const { length } = /^\s*/u.exec(text)?.[0] ?? '';
  const spaces = length === 1 ? 'a space' : `${length} spaces`;
  return length === 0
    ? []
    : [{ code: 'leading-space', line: at, message: `begins with ${spaces}, which X drops` }];
}

/** Lines, or stanzas, that are too heavy for one post, and where they break. */
function lintSplits(lines: readonly Line[], unit: Unit): Lint[] {
  const lints: Lint[] = [];
  for (let from = 0, to = 1; from < lines.length; from = to, to = from + 1) {
    for (let next = lines[to]; next && continues(lines[to - 1], next, unit); next = lines[to]) to++;
    const [first, ...rest] = lines.slice(from, to);
    if (!first || rest.length === 0) continue;
    const breaks = rest.slice(0, mostBreaks).map((piece) => breakBefore(piece, first));
    const more = rest.length > mostBreaks ? ', …' : '';
    const what = unit === 'stanza' ? 'this stanza' : 'this line';
    const message = `${what} is too long for one post and makes ${rest.length + 1}: it breaks before ${breaks.join(', ')}${more}`;
    lints.push({ code: 'split', line: first.at, message });
  }
  return lints;
}

const mostBreaks = 3;

/** Whether a post goes on where the one before it broke off: in the same row, or, in a stanza, without a blank row between. */
function continues(before: Line | undefined, { at }: Line, unit: Unit): boolean {
  if (!before) return false;
  if (unit === 'line') return before.at === at;
  return at - before.at - (before.text.match(/\n/g)?.length ?? 0) <= 1;
}

/** Where a post begins: `“and the tide…”`, with its line where that is another one. */
function breakBefore({ text, at }: Line, first: Line): string {
  const words = text.trim().split(/\s+/u).slice(0, 3).join(' ');
  const begin = Array.from(words).slice(0, 24).join('');
  const shown = `“${begin}${begin.length < text.trim().length ? '…' : ''}”`;
  return at === first.at ? shown : `line ${at}, ${shown}`;
}
