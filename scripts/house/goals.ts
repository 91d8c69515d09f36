import type { Figures } from './figures.ts';

/** A figure and its maximum. */
interface Goal {
  readonly name: string;
  readonly max: number;
  readonly valueOf: (figures: Figures) => number;
  /** The places of the faults, if they have one. */
  readonly placesOf?: (figures: Figures) => readonly string[];
}

export const goals: readonly Goal[] = [
  { name: 'files', max: 170, valueOf: ({ files }) => files },
  // Two networks with their keys, texts and sandboxes took 6,000 lines, as did the refusals and clocks of the owner's world.
  { name: 'lines', max: 41_000, valueOf: ({ lines }) => lines },
  { name: 'imports of own files per 1,000 lines', max: 30, valueOf: (all) => all.importsPerThousandLines },
  { name: '% of exports serving one other file', max: 33.3, valueOf: (all) => all.percentServingOneFile },
  { name: 'import cycles', max: 0, valueOf: (all) => all.cycles.length, placesOf: (all) => all.cycles },
  { name: 'any', max: 0, valueOf: (all) => all.anys.length, placesOf: (all) => all.anys },
];

/** One line for each missed goal. */
export function missedGoals(figures: Figures): readonly string[] {
  return goals
    .filter(({ max, valueOf }) => valueOf(figures) > max)
    .map(({ name, max, valueOf, placesOf }) => {
      const places = placesOf ? `: ${placesOf(figures).join(', ')}` : '';
      return `${name}: ${shown(valueOf(figures))}, at most ${shown(max)}${places}`;
    });
}

/** A table of the figures and their goals. */
export function tableOf(figures: Figures): string {
  return goals
    .map(
      ({ name, max, valueOf }) =>
        `${name.padEnd(38)}${shown(valueOf(figures)).padStart(8)}   at most ${shown(max)}`,
    )
    .join('\n');
}

const shown = (number: number): string => number.toLocaleString('en-US');
