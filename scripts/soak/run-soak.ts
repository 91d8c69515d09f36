import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Stage } from '../bench/stage.ts';
import { soakRate } from './rate.ts';
import { findingsOf, grows, reportOf, type Course } from './report.ts';
import { soakYear } from './year.ts';

export interface SoakOptions {
  /** The parts to run, in this order. */
  parts: readonly Course['id'][];
  /** The number of bots in both parts; undefined for each part's default. */
  bots: number | undefined;
  /** The length of the year, and of the run at full rate. */
  days: number;
  minutes: number;
  /** A folder for the samples as JSON. */
  out: string | undefined;
  /** Another program to run the year. */
  yearProgram?: string;
}

const defaultBots = { year: 1_000, rate: 10_000 };

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const rules = `Flat: the median of the last quarter of the samples is at most the allowed value
above the median of the second quarter. The allowed value is at most half the
height of the curve. The first quarter is the warm-up.
`;

/** Runs the soak and prints its curves. @returns 1 if a measure grows, otherwise 0 */
export async function runSoak({
  parts,
  bots,
  days,
  minutes,
  out,
  yearProgram,
}: SoakOptions): Promise<number> {
  using stage = new Stage();
  stage.closeAtExit();
  let code = 0;
  for (const part of parts) {
    const size = { bots: bots ?? defaultBots[part], say };
    const course =
      part === 'year'
        ? await soakYear(stage, { ...size, days, ...(yearProgram !== undefined && { program: yearProgram }) })
        : await soakRate(stage, { ...size, minutes });
    const findings = findingsOf(course);
    process.stdout.write(`${reportOf(course, findings)}\n`);
    if (out !== undefined) keep(out, course, findings);
    if (grows(findings)) code = 1;
  }
  process.stdout.write(rules);
  return code;
}

function keep(folder: string, course: Course, findings: ReturnType<typeof findingsOf>): void {
  mkdirSync(folder, { recursive: true });
  const verdicts = Object.fromEntries(findings.map(({ measure, verdict }) => [measure.id, verdict]));
  const text = JSON.stringify({ ...course, verdicts }, null, 2);
  writeFileSync(path.join(folder, `${course.id}.json`), `${text}\n`);
}
