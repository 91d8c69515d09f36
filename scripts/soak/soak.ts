/**
 * The soak: `npm run soak [-- --only year|rate] [--days N] [--minutes N] [--bots N] [--out FOLDER]`. Runs a
 * flock through a simulated year, and flockd at full rate for ten minutes. Ends with 1 if memory, open files, listeners or the
 * ledger grow.
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { runSoak } from './run-soak.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    days: { type: 'string', default: '365' },
    minutes: { type: 'string', default: '10' },
    bots: { type: 'string' },
    out: { type: 'string' },
  },
});

const flags = z.object({
  only: z.enum(['year', 'rate']).optional(),
  days: z.coerce.number().int().min(4),
  minutes: z.coerce.number().positive(),
  bots: z.coerce.number().int().min(1).optional(),
  out: z.string().optional(),
});

const { only, bots, days, minutes, out } = flags.parse(values);
const parts = only === undefined ? (['year', 'rate'] as const) : [only];
// Its helpers would keep the process alive.
process.exit(await runSoak({ parts, bots, days, minutes, out }));
