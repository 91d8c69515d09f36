import { wrapAnsi } from 'fast-wrap-ansi';

/** How wide a terminal is; one that does not know says 0, as in a container or over a bare connection. */
export const columnsOf = ({ columns }: { columns: number }): number => columns || 80;

/** So far in are the lines that a long one becomes, but for the first. */
const hanging = '  ';

/**
 * Breaks lines that are too long between words. A word that is longer than a line, as links are, is left whole for the
 * terminal to break.
 */
export const wrapped = (text: string, columns: number): string =>
  text
    .split('\n')
    .map((line) => wrappedLine(line, columns))
    .join('\n');

function wrappedLine(line: string, columns: number): string {
  // No sign is wider than two.
  if (2 * line.length <= columns || wrapAnsi(line, columns, { trim: false }) === line) return line;
  const [indent = ''] = /^ */.exec(line) ?? [];
  const hung = indent + hanging;
  const [first = '', ...rest] = wrapAnsi(line.slice(indent.length), Math.max(1, columns - hung.length)).split(
    '\n',
  );
  return [indent + first, ...rest.map((part) => hung + part)].join('\n');
}
