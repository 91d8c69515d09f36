import { z } from 'zod';
import { defaultSockets } from '../../src/http/exchange.ts';

/** The report of a process about itself. @see ProcessState */
export const processState = z.object({
  heap: z.number(),
  rss: z.number(),
  files: z.number(),
  listeners: z.number(),
  warnings: z.number(),
  active: z.number(),
});

/** All measures at one moment. */
export interface Sample extends z.infer<typeof processState> {
  /** The time since the start: days in the year, seconds at full rate. */
  at: number;
  /** Posts so far. */
  posts: number;
  /** The size of the ledger if it were compacted now, and its size on the disk. Kilobytes. */
  ledger: number;
  journal: number;
  /** Posts per second of real time since the previous sample. */
  pace: number;
}

/** How much a measure may grow and still count as flat: the larger of `share` times its value and `min`. */
export interface Tolerance {
  share: number;
  min: number;
}

export interface Measure {
  id: Exclude<keyof Sample, 'at' | 'posts'>;
  unit: string;
  /** Undefined if the measure is only shown. */
  allowed: Tolerance | undefined;
}

export const measures: readonly Measure[] = [
  { id: 'heap', unit: 'MB', allowed: { share: 0.05, min: 2 } },
  // The allocator does not return all free memory to the system.
  { id: 'rss', unit: 'MB', allowed: { share: 0.25, min: 32 } },
  { id: 'files', unit: '', allowed: { share: 0, min: 4 } },
  { id: 'listeners', unit: '', allowed: { share: 0, min: 8 } },
  { id: 'warnings', unit: '', allowed: { share: 0, min: 0 } },
  // The number of current requests varies.
  { id: 'active', unit: '', allowed: { share: 0, min: defaultSockets + 8 } },
  // A ledger has one entry for each of the flock's last 400 days.
  { id: 'ledger', unit: 'KB', allowed: { share: 0.05, min: 24 } },
  // flockd compacts it when it is a few times as long. One that is never compacted more than doubles.
  { id: 'journal', unit: 'KB', allowed: { share: 1, min: 8_000 } },
  { id: 'pace', unit: '/s', allowed: undefined },
];
