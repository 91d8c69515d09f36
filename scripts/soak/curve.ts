import { median, range } from '../bench/numbers.ts';

const columns = '▁▂▃▄▅▆▇█';

/**
 * Draws values over time as columns of block characters, each the median of its part of the values. Pure.
 *
 * @param minHeight - the minimum range of the whole height, so that a flat curve looks flat
 */
export function curveOf(values: readonly number[], width: number, minHeight: number): string {
  const count = Math.min(width, values.length);
  const edge = (column: number): number => Math.round((column * values.length) / count);
  const heights = range(count).map((column) => median(values.slice(edge(column), edge(column + 1))));
  const lowest = Math.min(...heights);
  const height = Math.max(Math.max(...heights) - lowest, minHeight);
  const top = columns.length - 1;
  return heights
    .map((value) => columns[height === 0 ? 0 : Math.round(((value - lowest) / height) * top)])
    .join('');
}
