import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../clock.ts';
import { reasonOf, replaceFile } from '../fs.ts';

export interface ProbeOptions {
  /** The state folder. */
  folder: string;
  clock: Clock;
  /** Writes a file and takes it away again. */
  write?: (folder: string) => Promise<void>;
}

/** Why a folder cannot be written, or undefined where it can. */
type Answer = string | undefined;

/** For how long an answer holds, and how long a write may take. Milliseconds. */
const holds = 5_000;
const patience = 2_000;

/**
 * Asks whether a folder can be written, by writing to it: one write at a time and one in five seconds at most, however often
 * it is asked, so that no post has to wait for it.
 *
 * @returns the way to ask
 */
export function openProbe({ folder, clock, write = writeProbe }: ProbeOptions): () => Promise<Answer> {
  let last: { began: number; written: Promise<Answer>; ended?: number } | undefined;
  const begin = (): NonNullable<typeof last> => {
    const written = write(folder).then(() => undefined, reasonOf);
    const begun: NonNullable<typeof last> = { began: clock.elapsed(), written };
    void written.then(() => (begun.ended = clock.elapsed()));
    return begun;
  };
  return () => {
    const now = clock.elapsed();
    if (!last || (last.ended !== undefined && now - last.ended >= holds)) last = begin();
    if (last.ended !== undefined) return last.written;
    return within(clock, last.began + patience - now, last.written);
  };
}

/** @param left - milliseconds */
function within(clock: Clock, left: number, written: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve) => {
    const cancel = clock.at(clock.now() + left, () => {
      resolve(`it takes longer than ${patience / 1000} seconds`);
    });
    void written.then((answer) => {
      cancel();
      resolve(answer);
    });
  });
}

/** A new file, because an old one may have room where the disk has none. */
async function writeProbe(folder: string): Promise<void> {
  const file = path.join(folder, 'probe');
  await replaceFile(file, 'flockd can write here\n');
  await rm(file);
}
