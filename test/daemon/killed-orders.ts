/**
 * Takes the orders of a state folder, and dies on the way: `node killed-orders.mjs STATE "HOW N"`, as `KillPoint` takes it. An
 * order to post is a call, and a line in the file `posts`; one to reload ends the process.
 */
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import type { Execute } from '../../src/daemon/control.ts';
import { receiveOrders } from '../../src/daemon/control.ts';
import { EventLog } from '../../src/log.ts';
import { folderWatcher } from '../../src/watch.ts';
import { KillPoint } from '../support/killed-process.ts';

const [, , state = '', killAt = ''] = process.argv;
const point = new KillPoint(killAt);
await point.watchDisk(['writeFile', 'sync']);
const execute: Execute = async ({ order }) => {
  if (order === 'reload') process.exit(0);
  await point.call('post', () => appendFileSync(path.join(state, 'posts'), 'posted\n'));
  return undefined;
};
await receiveOrders(state, execute, new EventLog(), folderWatcher());
