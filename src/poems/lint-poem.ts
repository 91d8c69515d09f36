import type { PriceTable } from '../cost/price-table.ts';
import { lintEntities } from './lint-entities.ts';
import { lintRefrains, type Pace } from './lint-refrains.ts';
import type { Lint } from './lint.ts';
import type { Line, Unit } from './split-poem.ts';
import { controlsIn } from './tweet-text.ts';

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
    ...lines.flatMap(lintControls),
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

/** Control characters, which are not posted; those of C1 are what Latin-1 makes of the quotes and dashes of Windows-1252. */
function lintControls({ text, at }: Line): Lint[] {
  return text.split('\n').flatMap((row, index) => {
    const names = [...new Set(controlsIn(row).map(nameOf))];
    if (names.length === 0) return [];
    const [what, them] =
      names.length === 1 ? ['the control character', 'it'] : ['the control characters', 'them'];
    const isC1 = /[\x80-\x9f]/.test(row);
    const why = isC1
      ? '; they were quotes or dashes where a Windows-1252 file was converted as Latin-1: convert it again, with iconv -f windows-1252 -t utf-8'
      : '';
    const message = `holds ${what} ${names.join(', ')}, and is posted without ${them}${why}`;
    return [{ code: 'control-character', line: at + index, message }];
  });
}

const nameOf = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}${controlNames[code] ?? ''}`;
};

const controlNames: Record<number, string> = {
  0x07: ' (BEL)',
  0x08: ' (backspace)',
  0x0b: ' (vertical tab)',
  0x0c: ' (form feed)',
  0x1a: ' (^Z, the end of a DOS file)',
  0x1b: ' (ESC)',
  0x7f: ' (DEL)',
};

/** Lines, or stanzas, that are too heavy for one post, and where they break. */
function lintSplits(lines: readonly Line[], unit: Unit): Lint[] {
  const lints: Lint[] = [];
  for (let from = 0, to = 1; from < lines.length; from = to, to = from + 1) {
    while ((lines[to]?.part?.nth ?? 0) > 0) to++;
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

/** Where a post begins: `“and the tide…”`, with its line where that is another one. */
function breakBefore({ text, at }: Line, first: Line): string {
  const words = text.trim().split(/\s+/u).slice(0, 3).join(' ');
  const begin = Array.from(words).slice(0, 24).join('');
  const shown = `“${begin}${begin.length < text.trim().length ? '…' : ''}”`;
  return at === first.at ? shown : `line ${at}, ${shown}`;
}
