import { median } from './numbers.ts';

/** What is measured: who, doing what, counted how. */
export interface Measure {
  /** The id of the row it belongs to. */
  row: string;
  what: string;
  who: string;
  unit: string;
}

/** What came out of it, over all rounds. */
export interface Figure extends Measure {
  min: number;
  median: number;
  max: number;
  rounds: number;
  /** Its median over that of the row's reference. */
  ratio?: number;
}

/** What was not measured, and why. */
export interface Gap extends Measure {
  why: string;
}

/** All that a run of the benchmark finds out. */
export class Figures {
  readonly #samples = new Map<string, { measure: Measure; values: number[] }>();
  readonly #gaps = new Map<string, Gap>();
  /** What is no number. */
  readonly facts: Record<string, string[]> = {};

  /** @param value - where it is none (the cost of a post, where nobody posted) nothing is added */
  add(measure: Measure, value: number): void {
    if (!Number.isFinite(value)) return;
    const key = keyOf(measure);
    const known = this.#samples.get(key);
    if (known) known.values.push(value);
    else this.#samples.set(key, { measure, values: [value] });
  }

  /** Says why something has no figure. */
  leaveOut(measure: Measure, why: string): void {
    this.#gaps.set(keyOf(measure), { ...measure, why });
  }

  /** Says something that is no number. */
  say(name: string, lines: string[]): void {
    this.facts[name] = lines;
  }

  fact(name: string): readonly string[] | undefined {
    return this.facts[name];
  }

  get gaps(): Gap[] {
    return [...this.#gaps.values()];
  }

  /** The median, or undefined where it was not measured. */
  median(measure: Measure): number | undefined {
    const found = this.#samples.get(keyOf(measure));
    return found && median(found.values);
  }

  /** @param referenceOf - whom the others of a row are held against */
  list(referenceOf: (row: string) => string | undefined): Figure[] {
    return Array.from(this.#samples.values(), ({ measure, values }) => {
      const reference = referenceOf(measure.row);
      const against = reference === undefined ? undefined : this.median({ ...measure, who: reference });
      const middle = median(values);
      return {
        ...measure,
        min: Math.min(...values),
        median: middle,
        max: Math.max(...values),
        rounds: values.length,
        ...(against !== undefined && against !== 0 && { ratio: middle / against }),
      };
    });
  }
}

const keyOf = ({ row, what, who, unit }: Measure): string => [row, what, who, unit].join('\n');
