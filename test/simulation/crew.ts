import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Done, Work } from './work.ts';

const worker = fileURLToPath(new URL('worker.ts', import.meta.url));

/** Has each piece of work done by a process of its own, all at once; returns what came of all. */
export async function share(works: readonly Work[]): Promise<Done> {
  const all = await Promise.all(works.map(inProcess));
  return {
    ran: all.reduce((sum, { ran }) => sum + ran, 0),
    seconds: Math.max(...all.map(({ seconds }) => seconds)),
    broken: all.flatMap(({ broken }) => broken),
  };
}

async function inProcess(work: Work): Promise<Done> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--max-semi-space-size=64', '--import', 'tsx', worker, JSON.stringify(work)],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return JSON.parse(stdout) as Done;
}
