import path from 'node:path';
import * as z from 'zod';
import { systemClock } from '../../clock.ts';
import { appKeysIfSet, flockPaths } from '../../config/environment.ts';
import { FlockError } from '../../errors.ts';
import { readRegularFile, reasonOf } from '../../fs.ts';
import { openSandbox } from '../../sandbox/server.ts';
import { parseJson } from '../../text.ts';
import { command, nonEmpty, portFlag } from '../command.ts';
import { stopSignal } from '../terminal.ts';

/** The app keys that the sandbox accepts where no others are set. */
const ownAppKeys = { token: 'sandbox-app-key', secret: 'sandbox-app-secret' };

export const sandbox = command({
  summary: 'Run a sandbox on this machine that stands in for X',
  schema: z.object({
    port: portFlag.default(4010).meta({ description: 'the port on 127.0.0.1; 0 takes any free one' }),
    state: z.string().optional().meta({
      description: 'a file that keeps accounts and posts',
      kind: 'file',
      defaultText: 'none',
    }),
    passwords: nonEmpty.optional().meta({
      description: 'a file of accounts for xAuth: {"name": "password"}',
      kind: 'file',
      defaultText: 'no xAuth, as at X',
    }),
    root: nonEmpty.optional().meta({
      description: 'the folder with apikeys.json',
      kind: 'folder',
      defaultText: 'the working directory',
    }),
  }),
  examples: [
    [
      'keymaker sandbox --port 4010 --state sandbox.json',
      'then: export KEYMAKER_API_URL=http://127.0.0.1:4010',
    ],
  ],
  async run(args, terminal) {
    const { root } = flockPaths(args);
    const set = appKeysIfSet(root);
    const opened = await openSandbox({
      port: args.port,
      clock: systemClock,
      appKeys: [set?.reveal() ?? ownAppKeys],
      ...(args.passwords !== undefined && { passwords: await readPasswords(args.passwords) }),
      ...(args.state !== undefined && { stateFile: path.resolve(args.state) }),
    });
    terminal.say(`X in a box: ${opened.url}`);
    terminal.say();
    terminal.say('Let keymaker and flockd use it:');
    terminal.say(`  export KEYMAKER_API_URL=${opened.url}`);
    if (!set) {
      const { token, secret } = ownAppKeys;
      terminal.say(`  export CONSUMER_TOKEN=${token} CONSUMER_TOKEN_SECRET=${secret}`);
    }
    terminal.say();
    terminal.say('Its page shows every post as it arrives. Ctrl-C ends it.');
    await stopSignal(terminal);
    await opened.close();
    return 'done';
  },
});

/** @throws {FlockError} `config` if the file does not hold names and passwords */
async function readPasswords(file: string): Promise<Record<string, string>> {
  const refused = (why: string): FlockError =>
    new FlockError('config', `--passwords: ${file}: ${why}`, {
      hint: 'it should read {"name": "password", …}',
    });
  const content = await readRegularFile(file, 1024 * 1024).catch((cause: unknown) => {
    throw refused(reasonOf(cause));
  });
  const passwords = z.record(z.string(), z.string()).safeParse(parseJson(content.toString('utf8')));
  if (passwords.success) return passwords.data;
  throw refused('not names and passwords');
}
