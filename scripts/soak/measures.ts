import { z } from 'zod';
import { defaultSockets } from '../../src/http/exchange.ts';

/** What a process says of itself. @see ProcessState */
export const processState = z.object({
  heap: z.number(),
  rss: z.number(),
  files: z.number(),
  listeners: z.number(),
  warnings: z.number(),
  active: z.number(),
});

/** What was seen at one moment. */
export interface Sample extends z.infer<typeof processState> {
  /** Since the beginning, in the unit of its course. */
  at: number;
  /** Made so far. */
  posts: number;
  /** The ledger, as short as it can be written, and as it was on the disk. Kilobytes. */
  ledger: number;
  journal: number;
  /** Posts per second of real time, since the sample before. */
  pace: number;
}

/** How much more something may be in the end than it was, and still be called flat: the larger of two. */
export interface Tolerance {
  /** Of what it was. */
  share: number;
  least: number;
}

export interface Measure {
  id: Exclude<keyof Sample, 'at' | 'posts'>;
  unit: string;
  /** Undefined where it is only shown. */
  allowed: Tolerance | undefined;
}

export const measures: readonly Measure[] = [
  { id: 'heap', unit: 'MB', allowed: { share: 0.05, least: 2 } },
  // The allocator gives back what it likes.
  { id: 'rss', unit: 'MB', allowed: { share: 0.25, least: 32 } },
  { id: 'files', unit: '', allowed: { share: 0, least: 4 } },
  { id: 'listeners', unit: '', allowed: { share: 0, least: 8 } },
  { id: 'warnings', unit: '', allowed: { share: 0, least: 0 } },
  // Requests are under way or not.
  { id: 'active', unit: '', allowed: { share: 0, least: defaultSockets + 8 } },
  // A ledger remembers the flock's last 400 days one by one.
  { id: 'ledger', unit: 'KB', allowed: { share: 0.05, least: 24 } },
  // It is written anew when it has become a few times as long; one that never is more than doubles.
  { id: 'journal', unit: 'KB', allowed: { share: 1, least: 8_000 } },
  { id: 'pace', unit: '/s', allowed: undefined },
];
