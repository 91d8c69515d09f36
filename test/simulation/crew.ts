import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { bundle } from '../support/bundle.ts';
import type { Done, Work } from './work.ts';

const source = path.join(import.meta.dirname, 'worker.ts');

/** Has each piece of work done by a process of its own, all at once; returns what came of all. */
export async function share(works: readonly Work[]): Promise<Done> {
  const worker = await bundle(source);
  const all = await Promise.all(works.map((work) => inProcess(worker, work)));
  return {
    ran: all.reduce((sum, { ran }) => sum + ran, 0),
    seconds: Math.max(...all.map(({ seconds }) => seconds)),
    broken: all.flatMap(({ broken }) => broken),
  };
}

async function inProcess(worker: string, work: Work): Promise<Done> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--max-semi-space-size=64', worker, JSON.stringify(work)],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return JSON.parse(stdout) as Done;
}
