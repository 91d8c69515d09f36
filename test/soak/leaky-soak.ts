/** The soak, as its command runs it, of a year in which something grows. Arguments: bots and days. */
import path from 'node:path';
import { runSoak } from '../../scripts/soak/run-soak.ts';

const [bots, days] = process.argv.slice(2).map(Number);
const yearProgram = path.join(import.meta.dirname, 'leaky-year.ts');
process.exit(
  await runSoak({ parts: ['year'], bots, days: days ?? 0, minutes: 0, out: undefined, yearProgram }),
);
