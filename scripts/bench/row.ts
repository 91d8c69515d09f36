import type { Figures } from './figures.ts';
import type { Sizes } from './sizes.ts';
import type { X } from './servers/x.ts';
import type { Stage } from './stage.ts';

/** What a row measures with. */
export interface Bench {
  stage: Stage;
  x: X;
  sizes: Sizes;
  figures: Figures;
  /** The folder of a flock of that size. The first call makes it. */
  flockOf: (bots: number) => string;
}

/** One part of the benchmark. */
export interface Row {
  id: string;
  title: string;
  /** How it is measured, in one or two sentences. */
  about: string;
  /** The competitor that the others are compared with. */
  reference?: string;
  measure: (bench: Bench) => Promise<void>;
}

/**
 * The rounds of a measurement: at most `count`, and only those that begin within `share`; at least one.
 *
 * @param share - the measurement's part of the five minutes. Milliseconds
 */
export function* roundsOf(count: number, share: number): Generator<number> {
  const began = performance.now();
  for (let round = 0; round < count && (round === 0 || performance.now() - began < share); round++)
    yield round;
}
