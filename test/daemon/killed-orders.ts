/**
 * Takes the orders of a state folder, and dies on the way: `node killed-orders.mjs STATE "HOW N"`. The N-th call that changes
 * the disk is the last: HOW says whether it dies `before` it or `after` it. Every call is a line of output. An order to post is
 * a line in the file `posts`, one to reload ends the process.
 */
import { appendFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import type { Execute } from '../../src/daemon/control.ts';
import { receiveOrders } from '../../src/daemon/control.ts';
import { EventLog } from '../../src/log.ts';
import { folderWatcher } from '../../src/watch.ts';

const [, , state = '', wanted = ''] = process.argv;
const [how, last] = wanted.split(' ');
let calls = 0;

type Call = (...args: unknown[]) => Promise<unknown>;

/** One touch of the disk, counted, and the last where it is its turn. */
async function touch(name: string, act: () => unknown): Promise<void> {
  const isLast = String(++calls) === last;
  process.stdout.write(`${name}\n`);
  if (isLast && how === 'before') process.kill(process.pid, 'SIGKILL');
  await act();
  if (isLast) process.kill(process.pid, 'SIGKILL');
}

const counted = (name: string, act: Call): Call =>
  function (this: unknown, ...args) {
    return touch(name, () => act.apply(this, args));
  };

const probe = await fs.open(process.execPath, 'r');
const handles = Object.getPrototypeOf(probe) as Record<string, Call>;
await probe.close();
for (const name of ['writeFile', 'sync']) {
  const call = handles[name];
  if (call) handles[name] = counted(name, call);
}
const patched: Record<string, Call> = {
  rename: counted('rename', fs.rename as Call),
  rm: counted('rm', fs.rm as Call),
};
Object.assign(fs, patched);
syncBuiltinESMExports();
const execute: Execute = async ({ order }) => {
  if (order === 'reload') process.exit(0);
  await touch('post', () => {
    appendFileSync(path.join(state, 'posts'), 'posted\n');
  });
  return undefined;
};
await receiveOrders(state, execute, new EventLog(), folderWatcher());
