import path from 'node:path';
import * as z from 'zod';
import { unitText } from '../../daemon/systemd.ts';
import { ownFile } from '../../fs.ts';
import { command } from '../command.ts';

const program = path.resolve(ownFile(''));

export const unit = command({
  summary: 'Print a systemd unit that runs the daemon',
  schema: z.object({
    root: z
      .string()
      .startsWith('/', 'should be an absolute path')
      .regex(/^[^\n]+$/, 'cannot have a line break')
      .default('/etc/flockd')
      .meta({ description: "the flock's folder on the server", kind: 'folder' }),
    user: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]{0,30}$/, 'is no user name')
      .default('flockd')
      .meta({ description: 'the user who runs it', placeholder: 'NAME' }),
  }),
  examples: [
    ['flockd unit > /etc/systemd/system/flockd.service', 'or let scripts/install-systemd do it all'],
  ],
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
