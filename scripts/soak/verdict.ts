import { median } from '../bench/numbers.ts';
import type { Tolerance } from './measures.ts';

/** Compares a measure after the warm-up with the same measure at the end. */
export interface Verdict {
  grows: boolean;
  /** The medians of the second quarter of the samples and of the last one. */
  warm: number;
  end: number;
  growth: number;
  /** The maximum growth that counts as flat. */
  allowed: number;
}

/** The samples of one of the four quarters of a course. */
export function quarter<T>(samples: readonly T[], which: 0 | 1 | 2 | 3): T[] {
  const edge = (quarters: number): number => Math.round((quarters * samples.length) / 4);
  return samples.slice(edge(which), edge(which + 1));
}

/** Four quarters need at least this many samples. */
const minSamples = 4;

/**
 * Decides whether a measure grows: compares the medians of the second and the last quarter of its values. The first quarter
 * is the warm-up. With medians neither a step at the start nor single samples change the verdict. Pure.
 *
 * @param values - at equal intervals
 * @throws {RangeError} for fewer than 4 values
 */
export function verdictOf(values: readonly number[], { share, min }: Tolerance): Verdict {
  if (values.length < minSamples)
    throw new RangeError(`${values.length} samples are too few; at least ${minSamples} are needed`);
  const warm = median(quarter(values, 1));
  const end = median(quarter(values, 3));
  const growth = end - warm;
  const allowed = Math.max(share * warm, min);
  // With NaN the measure is not flat.
  return { grows: !(growth <= allowed), warm, end, growth, allowed };
}
