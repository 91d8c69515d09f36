import Table, { type TableConstructorOptions } from 'cli-table3';

/** cli-table3 holds every cell against all those above it: a table takes as long as the square of its rows. */
const rowsOfBlock = 32;

/**
 * The lines of a table without borders, as cli-table3 draws it, without the spaces at their ends.
 *
 * @param rows - the heads are the first of them
 */
export function tableLines(
  options: Omit<TableConstructorOptions, 'colWidths'>,
  rows: readonly string[][],
): string[] {
  const blocks = Array.from({ length: Math.ceil(rows.length / rowsOfBlock) }, (_, n) =>
    drawn(options, rows.slice(n * rowsOfBlock, (n + 1) * rowsOfBlock)),
  );
  const widths = (rows[0] ?? []).map((_, column) =>
    blocks.reduce((most, block) => Math.max(most, block.widths[column] ?? 0), 0),
  );
  const isWide = (block: Block): boolean => widths.every((width, column) => block.widths[column] === width);
  return blocks.flatMap((block) => (isWide(block) ? block : drawn(options, block.rows, widths)).lines);
}

interface Block {
  rows: readonly string[][];
  lines: string[];
  widths: readonly number[];
}

/** @param colWidths - those that the table finds where they are not given */
function drawn(options: TableConstructorOptions, rows: readonly string[][], colWidths: number[] = []): Block {
  const table = new Table({ ...options, colWidths });
  for (const row of rows) table.push(row);
  const lines = table.toString().split('\n');
  return { rows, lines: lines.map((line) => line.trimEnd()), widths: colWidths };
}
