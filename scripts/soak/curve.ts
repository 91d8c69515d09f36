import { median, range } from '../bench/numbers.ts';

const columns = '▁▂▃▄▅▆▇█';

/**
 * Values over time as a row of columns, each the median of its share of them. Pure.
 *
 * @param least - what the whole height stands for at least, so that what is flat looks so
 */
export function curveOf(values: readonly number[], width: number, least: number): string {
  const count = Math.min(width, values.length);
  const edge = (column: number): number => Math.round((column * values.length) / count);
  const heights = range(count).map((column) => median(values.slice(edge(column), edge(column + 1))));
  const lowest = Math.min(...heights);
  const height = Math.max(Math.max(...heights) - lowest, least);
  const top = columns.length - 1;
  return heights
    .map((value) => columns[height === 0 ? 0 : Math.round(((value - lowest) / height) * top)])
    .join('');
}
