import path from 'node:path';
import * as z from 'zod';
import { openContext } from '../../context.ts';
import { FlockError, messageOf } from '../../errors.ts';
import { openKeymakerSite } from '../../web/keymaker-site.ts';
import { command, nonEmpty, placeFlags, portFlag, withInvocationFlags } from '../command.ts';
import { stopSignal } from '../terminal.ts';
import { openSession, providerFlags } from './authorize.ts';

export const serve = command({
  summary: 'Serve a page on this machine to make, check, try and revoke keys in the browser',
  schema: z.object({
    port: portFlag.default(4181).meta({ description: 'the port on 127.0.0.1; 0 takes any free one' }),
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
    const { provider, appKeys } = await openSession(context, terminal, args);
    if (provider.callback === 'pin') {
      throw new FlockError('usage', `${provider.title} gives its keys by PIN, not through a page`, {
        hint: withInvocationFlags(args)(`make-keys ./poems --provider ${provider.id}`),
      });
    }
    const poems = args.poems ?? path.join(path.relative('.', context.paths.root), 'poems');
    const failed = (error: unknown): void => terminal.warn(messageOf(error));
    await using site = await openKeymakerSite(args.port, failed, { context, provider, appKeys, poems });
    terminal.say('Open this address. It admits one browser, once:');
    terminal.say();
    terminal.say(site.entrance);
    terminal.say();
    terminal.say(`Register this callback with the app at ${provider.title}: ${site.callback}`);
    terminal.say('Ctrl-C ends it.');
    await stopSignal(terminal);
    return 'done';
  },
});
