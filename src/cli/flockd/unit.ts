import path from 'node:path';
import * as z from 'zod';
import { unitText } from '../../daemon/systemd.ts';
import { ownFile } from '../../fs.ts';
import { command } from '../command.ts';

const program = path.resolve(ownFile(''));

const place = z
  .string('should be given once, with a value')
  .startsWith('/', 'should be an absolute path')
  .regex(/^[^\n]+$/, 'cannot have a line break');

export const unit = command({
  flags: {
    root: { type: 'string', default: '/etc/flockd', describe: "the flock's folder on the server" },
    user: { type: 'string', default: 'flockd', describe: 'who runs it' },
  },
  examples: [
    ['flockd unit > /etc/systemd/system/flockd.service', 'or let scripts/install-systemd do it all'],
  ],
  schema: z.object({
    root: place,
    user: z.string('should be given once, with a name').regex(/^[a-z_][a-z0-9_-]{0,30}$/, 'is no user name'),
  }),
  run({ root, user }, terminal) {
    const text = unitText({
      node: process.execPath,
      flockd: ownFile('dist/flockd.js'),
      program,
      notifyFd: ownFile('scripts/notify-fd'),
      root,
      user,
    });
    terminal.print(text);
    return Promise.resolve('done');
  },
});
