import { median } from './numbers.ts';

/** What is measured: a competitor, a task and a unit. */
export interface Measure {
  /** The id of its row. */
  row: string;
  what: string;
  who: string;
  unit: string;
}

/** The result of a measure over all rounds. */
export interface Figure extends Measure {
  min: number;
  median: number;
  max: number;
  rounds: number;
  /** Its median divided by the median of the row's reference. */
  ratio?: number;
}

/** A measure without a result, and the reason. */
export interface Gap extends Measure {
  why: string;
}

/** The results of a run of the benchmark. */
export class Figures {
  readonly #samples = new Map<string, { measure: Measure; values: number[] }>();
  readonly #gaps = new Map<string, Gap>();
  /** Results that are not numbers. */
  readonly facts: Record<string, string[]> = {};

  /** @param value - ignored if it is not finite, like the cost of a post without posts */
  add(measure: Measure, value: number): void {
    if (!Number.isFinite(value)) return;
    const key = keyOf(measure);
    const known = this.#samples.get(key);
    if (known) known.values.push(value);
    else this.#samples.set(key, { measure, values: [value] });
  }

  /** Records why a measure has no result. */
  leaveOut(measure: Measure, why: string): void {
    this.#gaps.set(keyOf(measure), { ...measure, why });
  }

  /** Records a result that is not a number. */
  say(name: string, lines: string[]): void {
    this.facts[name] = lines;
  }

  fact(name: string): readonly string[] | undefined {
    return this.facts[name];
  }

  get gaps(): Gap[] {
    return [...this.#gaps.values()];
  }

  /** The median, or undefined if it was not measured. */
  median(measure: Measure): number | undefined {
    const found = this.#samples.get(keyOf(measure));
    return found && median(found.values);
  }

  /** @param referenceOf - returns the competitor that a row compares with */
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
