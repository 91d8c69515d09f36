import path from 'node:path';
import { z } from 'zod';
import { systemClock } from '../../clock.ts';
import { openSandbox } from '../../sandbox/server.ts';
import { appKeysIfSet, flockPaths, sandboxAppKeys } from '../../settings.ts';
import { command, placeSchema, portSchema } from '../command.ts';

export const sandbox = command({
  flags: {
    port: { type: 'string', default: '4010', describe: 'the port on 127.0.0.1; 0 takes any that is free' },
    state: {
      type: 'string',
      describe: 'a file to keep accounts and posts in',
      defaultDescription: 'kept nowhere',
    },
    root: {
      type: 'string',
      describe: 'where apikeys.json is looked for',
      defaultDescription: 'the working directory',
    },
  },
  examples: [
    [
      'keymaker sandbox --port 4010 --state sandbox.json',
      'and then: export KEYMAKER_API_URL=http://127.0.0.1:4010',
    ],
  ],
  schema: z.object({ port: portSchema, state: z.string().optional(), root: placeSchema.root }),
  async run(args, terminal) {
    const { root } = flockPaths(args);
    const own = appKeysIfSet(root);
    const opened = await openSandbox({
      port: args.port,
      clock: systemClock,
      appKeys: [(own ?? sandboxAppKeys()).reveal()],
      ...(args.state !== undefined && { stateFile: path.resolve(args.state) }),
    });
    terminal.say(`X in a box: ${opened.url}`);
    terminal.say();
    terminal.say('Let keymaker and flockd use it:');
    terminal.say(`  export KEYMAKER_API_URL=${opened.url}`);
    if (!own) {
      const { token, secret } = sandboxAppKeys().reveal();
      terminal.say(`  export CONSUMER_TOKEN=${token} CONSUMER_TOKEN_SECRET=${secret}`);
    }
    terminal.say();
    terminal.say('Its page shows every post as it arrives. Ctrl-C ends it.');
    await new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
    });
    await opened.close();
    return 'done';
  },
});
