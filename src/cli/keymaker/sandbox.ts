import path from 'node:path';
import * as z from 'zod';
import { systemClock } from '../../clock.ts';
import { apiUrl, appKeysIfSet, flockPaths, xApi } from '../../config/environment.ts';
import { openContext } from '../../context.ts';
import { type Exit, FlockError } from '../../errors.ts';
import { readRegularFile, reasonOf } from '../../fs.ts';
import { type LeverName, leverNames, levers } from '../../sandbox/levers.ts';
import { inBox } from '../../sandbox/pages.ts';
import { openSandbox } from '../../sandbox/server.ts';
import { listed, parseJson } from '../../text.ts';
import { command, nonEmpty, portFlag } from '../command.ts';
import { stopSignal, type Terminal } from '../terminal.ts';

/** The app keys that the sandbox accepts where no others are set. */
const ownAppKeys = { token: 'sandbox-app-key', secret: 'sandbox-app-secret' };

export const sandbox = command({
  summary: 'Run a sandbox on this machine that stands in for all networks, or trigger an event there',
  schema: z.object({
    trigger: z
      .literal('trigger')
      .optional()
      .meta({
        positional: true,
        description: 'make something happen at the sandbox that runs',
        suggestions: ['trigger'],
      }),
    event: z.enum(leverNames).optional().meta({ positional: true, description: 'what happens' }),
    account: nonEmpty.optional().meta({
      positional: true,
      description: 'whose, if the event is about one account',
    }),
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
  exits: { unavailable: 'the port is taken, or no sandbox runs there' },
  examples: [
    ['keymaker sandbox trigger revoke evensong', 'see what a bot does whose key is dead'],
    [
      'keymaker sandbox --port 4010 --state sandbox.json',
      'then: export KEYMAKER_API_URL=http://127.0.0.1:4010',
    ],
  ],
  async run(args, terminal) {
    if (args.trigger !== undefined) return trigger(args, terminal);
    const { root } = flockPaths(args);
    const set = appKeysIfSet(root);
    const opened = await openSandbox({
      port: args.port,
      clock: systemClock,
      appKeys: [set?.reveal() ?? ownAppKeys],
      ...(args.passwords !== undefined && { passwords: await readPasswords(args.passwords) }),
      ...(args.state !== undefined && { stateFile: path.resolve(args.state) }),
    });
    terminal.say(`${inBox}: ${opened.url}`);
    terminal.say();
    terminal.say('Let keymaker and flockd use it:');
    terminal.say(`  export KEYMAKER_API_URL=${opened.url}`);
    if (!set) {
      const { token, secret } = ownAppKeys;
      terminal.say(`  export CONSUMER_TOKEN=${token} CONSUMER_TOKEN_SECRET=${secret}`);
    }
    terminal.say();
    terminal.say('Mastodon and Bluesky are there, too:');
    terminal.say(`  keymaker make-keys ./poems --network mastodon --server ${opened.url}/mastodon`);
    terminal.say(`  keymaker make-keys ./poems --network bluesky`);
    terminal.say('For Bluesky, its page makes handles and app passwords.');
    terminal.say();
    terminal.say('Its page shows every post as it arrives. Ctrl-C ends it.');
    await stopSignal(terminal);
    await opened.close();
    return 'done';
  },
});

/**
 * Makes something happen at a sandbox that runs: at `$KEYMAKER_API_URL`, or at the usual port.
 *
 * @throws {FlockError} `usage` without an event or its account, `unavailable` if no sandbox answers
 */
async function trigger(
  {
    event,
    account,
    port,
    root,
  }: { event?: LeverName | undefined; account?: string | undefined; port: number; root?: string | undefined },
  { say }: Terminal,
): Promise<Exit> {
  if (event === undefined)
    throw new FlockError('usage', 'which event?', {
      hint: `the events are ${listed(leverNames)}; keymaker help networks describes them`,
    });
  const { about, effect } = levers[event];
  if ((about === 'account') !== (account !== undefined)) {
    const wanted = about === 'account' ? 'an account' : 'all accounts';
    const hint = `keymaker sandbox trigger ${event}${about === 'account' ? ' NAME' : ''}`;
    throw new FlockError('usage', `${event} is about ${wanted}`, { hint });
  }
  await using context = openContext({ root });
  const base = apiUrl() === xApi ? `http://127.0.0.1:${port}` : apiUrl();
  if (!base.startsWith('http:')) throw new FlockError('config', `${base} is no sandbox`, { hint: noSandbox });
  const name = account?.replace(/^@/, '');
  const path = name === undefined ? event : `${event}/${encodeURIComponent(name)}`;
  const request = { method: 'POST', url: `${base}/sandbox/trigger/${path}`, headers: {} } as const;
  const { status, body } = await context.send(request).catch((cause: unknown) => {
    throw new FlockError('unavailable', `no sandbox answers at ${base}`, { hint: noSandbox, cause });
  });
  if (status !== 200) {
    const { detail } = refusal.parse(parseJson(body));
    throw new FlockError('partly', `${base}: ${detail}`, {
      hint: 'the sandbox shows its accounts on its page',
    });
  }
  say(`${name === undefined ? '' : `@${name}: `}${effect}.`);
  if (about === 'all' && event !== 'recover') say('keymaker sandbox trigger recover ends it.');
  return 'done';
}

const noSandbox = 'start one: keymaker sandbox';
const refusal = z.object({ detail: z.string() }).catch({ detail: 'it answers what no sandbox answers' });

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
