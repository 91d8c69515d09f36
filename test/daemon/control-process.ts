/**
 * A daemon that takes commands: `node control-process.mjs STATE WHEN`. It says `ready` once it listens. A command to post is a
 * line in the file `posts`; WHEN says whether it dies `before` that or `after` it, or not at all.
 */
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { ControlServer } from '../../src/daemon/control.ts';
import { EventLog } from '../../src/log.ts';

const [, , state = '', when = ''] = process.argv;
const die = (now: string): void => {
  if (when === now) process.kill(process.pid, 'SIGKILL');
};
const server = new ControlServer(async ({ order }) => {
  if (order === 'post') {
    die('before');
    appendFileSync(path.join(state, 'posts'), 'posted\n');
    die('after');
  }
  return Promise.resolve(undefined);
}, new EventLog());
await server.listen(state);
process.stdout.write('ready\n');
