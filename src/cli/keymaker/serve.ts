import path from 'node:path';
import * as z from 'zod';
import { type Context, openContext } from '../../context.ts';
import { attemptAsync, FlockError, messageOf } from '../../errors.ts';
import { knownBots } from '../../flock/load.ts';
import type { Issuer, LinkIssuer } from '../../keys/issuers.ts';
import { parseBotName } from '../../poems/bot-name.ts';
import { findPoemsIfThere } from '../../poems/find.ts';
import { listed } from '../../text.ts';
import { openKeymakerSite } from '../../web/keymaker-site.ts';
import { command, nonEmpty, placeFlags, portFlag, withInvocationFlags } from '../command.ts';
import { stopSignal } from '../terminal.ts';
import { Issuers, networkFlags, openSession, providerFlags, type Session } from './authorize.ts';

export const serve = command({
  summary: 'Serve a page on this machine to make, check, try and revoke keys in the browser',
  schema: z.object({
    port: portFlag.default(4181).meta({ description: 'the port on 127.0.0.1; 0 takes any free one' }),
    poems: nonEmpty.optional().meta({
      description: 'the folder of the poems',
      kind: 'folder',
      defaultText: 'poems in the root',
    }),
    ...networkFlags,
    ...providerFlags,
    ...placeFlags,
  }),
  examples: [['keymaker serve', 'then open the address that it prints']],
  async run(args, terminal) {
    await using context = openContext(args);
    const poems = args.poems ?? path.join(path.relative('.', context.paths.root), 'poems');
    const session = await openSession(context, terminal, args);
    const byLink = await linkIssuers(poems, context, session);
    const byPin = byLink.find(({ callback }) => callback === 'pin');
    if (byPin) {
      throw new FlockError('usage', `${byPin.title} gives its keys by PIN, not through a page`, {
        hint: withInvocationFlags(args)(`make-keys ./poems --provider ${byPin.id}`),
      });
    }
    const failed = (error: unknown): void => terminal.warn(messageOf(error));
    await using site = await openKeymakerSite(args.port, failed, {
      context,
      issuers: (flockFile) => new Issuers(context, flockFile, args),
      poems,
    });
    terminal.say('Open this address. It admits one browser, once:');
    terminal.say();
    terminal.say(site.entrance);
    terminal.say();
    const titles = listed(byLink.flatMap(({ title, registersApp }) => (registersApp ? [] : [title])));
    if (titles !== '') terminal.say(`Register this callback with the app at ${titles}: ${site.callback}`);
    terminal.say('Ctrl-C ends it.');
    await stopSignal(terminal);
    return 'done';
  },
});

/** Stands for the bots to come where there are no poems yet. */
const anyBot = parseBotName('bot');

/**
 * Who gives the keys of the flock's bots by a link.
 *
 * @throws {FlockError} `config` if app keys are missing, `usage` if there is no such provider or a server is not known
 */
async function linkIssuers(poems: string, context: Context, session: Session): Promise<LinkIssuer[]> {
  const { paths, keys } = context;
  const found = await findPoemsIfThere(poems, knownBots(paths.root, keys));
  const bots = found.poems.map(({ bot }) => bot);
  const opened = new Set<Issuer>();
  for (const bot of bots.length > 0 ? bots : [anyBot]) {
    const old = await attemptAsync(keys.readIfGood(bot));
    // A bot with wrong settings is shown with its fault on the page.
    if (session.flockFile.faultOf(bot)) continue;
    opened.add(session.issuers.of(bot, old instanceof FlockError ? undefined : old));
  }
  return [...opened].filter((issuer) => issuer.by === 'link');
}
