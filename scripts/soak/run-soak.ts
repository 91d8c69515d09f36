import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Stage } from '../bench/stage.ts';
import { soakRate } from './rate.ts';
import { findingsOf, grows, reportOf, type Course } from './report.ts';
import { soakYear } from './year.ts';

export interface SoakOptions {
  /** Its parts, in this order. */
  parts: readonly Course['id'][];
  /** In both parts; undefined for the usual flock of each. */
  bots: number | undefined;
  /** How long each part is. */
  days: number;
  minutes: number;
  /** Where the samples go as JSON, too. */
  out: string | undefined;
  /** Another program to live through the year. */
  yearProgram?: string;
}

const usualBots = { year: 1_000, rate: 10_000 };

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const rules = `Flat: the median of the last quarter of the samples is above that of the second
by no more than is allowed, which is half the height of a curve at most. The
first quarter is for warming up.
`;

/** Runs the soak, and prints its curves. @returns 1 where anything grows, or else 0 */
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
    const size = { bots: bots ?? usualBots[part], say };
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
