import path from 'node:path';
import * as z from 'zod';
import { appKeys } from '../../config/environment.ts';
import { readFlockFile } from '../../config/flock-file.ts';
import { openContext } from '../../context.ts';
import { FlockError, messageOf } from '../../errors.ts';
import { FlockKeyService, KeymakerSite, Sessions } from '../../web/keymaker-site.ts';
import { openWebServer } from '../../web/server.ts';
import { command, nonEmpty, placeFlags, portFlag, withInvocationFlags } from '../command.ts';
import { chooseProvider, providerFlags } from './authorize.ts';

export const serve = command({
  summary: 'A page of the flock, on this machine: authorize, check, try and revoke in the browser',
  schema: z.object({
    port: portFlag.default(4181).meta({ description: 'the port on 127.0.0.1; 0 takes any that is free' }),
    poems: nonEmpty.optional().meta({
      description: 'the folder of the poems',
      kind: 'folder',
      defaultText: 'poems in the root',
    }),
    ...providerFlags,
    ...placeFlags,
  }),
  examples: [['keymaker serve', 'then open the address that it prints']],
  async run(args, terminal) {
    await using context = openContext(args);
    const { paths, clock } = context;
    const secrets = appKeys(paths.root);
    const flockFile = await readFlockFile(paths.flockFile);
    const provider = chooseProvider(context, flockFile, args);
    if (provider.callback === 'pin') {
      throw new FlockError('usage', `${provider.title} gives its keys by PIN, not through a page`, {
        hint: withInvocationFlags(args)(`make-keys ./poems --provider ${provider.id}`),
      });
    }
    const poems = args.poems ?? path.join(path.relative('.', paths.root), 'poems');
    const sessions = new Sessions();
    const { title, authorizeUrl } = provider;
    const failed = (error: unknown): void => {
      terminal.warn(messageOf(error));
    };
    const { app } = new KeymakerSite({
      service: new FlockKeyService({ context, provider, appKeys: secrets, poems }),
      sessions,
      clock,
      provider: { title, origin: new URL(authorizeUrl).origin },
      failed,
    });
    const place = { kind: 'port', host: '127.0.0.1', port: args.port, flag: '--port' } as const;
    await using server = await openWebServer(app, { address: place, grace: 2000, failed });
    const address = `${server.shown}/${sessions.query}`;
    terminal.say('Open this address; it lets one browser in, once:');
    terminal.say();
    terminal.say(address);
    terminal.say();
    terminal.say(`${title} is to send people back to ${server.shown}/callback: register that with the app.`);
    terminal.say('Ctrl-C ends it.');
    await new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
    });
    return 'done';
  },
});
