import type { Figures } from './figures.ts';
import type { Sizes } from './sizes.ts';
import type { X } from './servers/x.ts';
import type { Stage } from './stage.ts';

/** All that a row needs. */
export interface Bench {
  stage: Stage;
  x: X;
  sizes: Sizes;
  figures: Figures;
  /** The folder of a flock of so many bots, made when it is first asked for. */
  flockOf: (bots: number) => string;
}

/** One row of the benchmark: a question, and how it is answered. */
export interface Row {
  id: string;
  title: string;
  /** How it is measured, in a sentence or two. */
  about: string;
  /** Whom the others are held against. */
  reference?: string;
  measure: (bench: Bench) => Promise<void>;
}

/**
 * The rounds of a measurement: so many, or as many as begin within its share of the five minutes; one at least.
 *
 * @param share - milliseconds
 */
export function* roundsOf(count: number, share: number): Generator<number> {
  const began = performance.now();
  for (let round = 0; round < count && (round === 0 || performance.now() - began < share); round++)
    yield round;
}
