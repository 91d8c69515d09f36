import { median } from '../bench/numbers.ts';
import type { Tolerance } from './measures.ts';

/** Where something was once it was warm, where it was in the end, and whether that is too far from each other. */
export interface Verdict {
  grows: boolean;
  /** The medians of the second quarter of the samples and of the last one. */
  warm: number;
  end: number;
  growth: number;
  /** How much growth is none. */
  allowed: number;
}

/** The samples of one of the four quarters of a course. */
export function quarter<T>(samples: readonly T[], which: 0 | 1 | 2 | 3): T[] {
  const edge = (quarters: number): number => Math.round((quarters * samples.length) / 4);
  return samples.slice(edge(which), edge(which + 1));
}

/** The fewest samples that make four quarters. */
const fewest = 4;

/**
 * Whether something grows: its first quarter is for warming up, and of the second and the last one the medians are compared,
 * so that neither a step at the beginning nor single samples tell anything. Pure.
 *
 * @param values - at even distances
 * @throws {RangeError} for fewer than 4 values
 */
export function verdictOf(values: readonly number[], { share, least }: Tolerance): Verdict {
  if (values.length < fewest) throw new RangeError(`${values.length} samples say nothing; 4 do`);
  const warm = median(quarter(values, 1));
  const end = median(quarter(values, 3));
  const growth = end - warm;
  const allowed = Math.max(share * warm, least);
  // What cannot be compared is not flat.
  return { grows: !(growth <= allowed), warm, end, growth, allowed };
}
