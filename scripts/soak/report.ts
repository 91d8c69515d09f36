import { median, shown } from '../bench/numbers.ts';
import { curveOf } from './curve.ts';
import { measures, type Measure, type Sample } from './measures.ts';
import { quarter, verdictOf, type Verdict } from './verdict.ts';

/** The samples of one part of the soak. */
export interface Course {
  id: 'year' | 'rate';
  /** The title for people. */
  title: string;
  samples: readonly Sample[];
  /** The unit of growth: an amount of days or posts, and its name. */
  per: { of: 'at' | 'posts'; amount: number; called: string };
}

/** The values of a measure, and the verdict; undefined if the measure is only shown. */
export interface Finding {
  measure: Measure;
  values: readonly number[];
  verdict: Verdict | undefined;
}

/** @throws {RangeError} if there are too few samples */
export const findingsOf = ({ samples }: Course): Finding[] =>
  measures.map((measure) => {
    const values = samples.map((sample) => sample[measure.id]);
    return { measure, values, verdict: measure.allowed && verdictOf(values, measure.allowed) };
  });

export const grows = (findings: readonly Finding[]): boolean =>
  findings.some(({ verdict }) => verdict?.grows === true);

/** The width of a curve. With it a line has at most 80 characters. */
const width = 30;

/** The report for people: curves, then verdicts. Lines have at most 80 characters. */
export function reportOf(course: Course, findings: readonly Finding[]): string {
  return [
    course.title,
    '',
    ['', '', 'over time'.padEnd(width), 'min', 'first', 'last'].map(inCurves).join(' ').trimEnd(),
    ...findings.map(curveLine),
    '',
    ['', '', 'warm', 'in the end', 'change', 'allowed', course.per.called]
      .map(inVerdicts)
      .join(' ')
      .trimEnd(),
    ...findings.flatMap(({ measure, verdict }) => (verdict ? [verdictLine(course, measure, verdict)] : [])),
    '',
  ].join('\n');
}

const columnsOf =
  (...widths: number[]) =>
  (text: string, column: number): string => {
    const size = widths[column] ?? 0;
    return size < 0 ? text.padEnd(-size) : text.padStart(size);
  };
const inCurves = columnsOf(-9, -3, -width, 9, 9, 9);
const inVerdicts = columnsOf(-9, -6, 10, 11, 10, 10, 16);

function curveLine({ measure: { id, unit }, values, verdict }: Finding): string {
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  // The allowed growth is at most half of the height.
  const curve = curveOf(values, width, verdict ? 2 * verdict.allowed : highest);
  const ends = [lowest, values[0] ?? NaN, values.at(-1) ?? NaN];
  return [id, unit, curve, ...ends.map(shown)].map(inCurves).join(' ');
}

function verdictLine(course: Course, { id }: Measure, verdict: Verdict): string {
  const { warm, end, growth, allowed } = verdict;
  const figures = [shown(warm), shown(end), signed(growth), shown(allowed), signed(ratePer(course, growth))];
  return [id, verdict.grows ? 'GROWS' : 'flat', ...figures].map(inVerdicts).join(' ');
}

/** The growth from the second quarter to the last, for the unit of the course. */
function ratePer({ samples, per: { of, amount } }: Course, growth: number): number {
  const middle = (which: 1 | 3): number => median(quarter(samples, which).map((sample) => sample[of]));
  return (growth / (middle(3) - middle(1))) * amount;
}

const signed = (value: number): string => {
  const text = shown(Number(value.toPrecision(2)));
  return value > 0 ? `+${text}` : text;
};
