import * as z from 'zod';
import { appKeysIfSet } from '../../config/environment.ts';
import { readFlockFile } from '../../config/flock-file.ts';
import { openContext } from '../../context.ts';
import { botArgument, command, placeFlags, toggle, withInvocationFlags } from '../command.ts';
import { callbackFlags, makeBotKey, openCallbacks, openSession, providerFlags } from './authorize.ts';
import { botWithKey } from './each-bot.ts';

export const reauth = command({
  summary: 'Authorize one bot again; its poem and its place in it stay',
  schema: z.object({ bot: botArgument, ...callbackFlags, perms: providerFlags.perms, ...placeFlags }),
  exits: { partly: 'nothing was authorized' },
  examples: [['keymaker reauth howl', 'after the key of howl was revoked']],
  async run(args, terminal) {
    await using context = openContext(args);
    const { bot, bundle: old } = await botWithKey(args.bot, context, args);
    const appKeys = appKeysIfSet(context.paths.root) ?? old.appKeys;
    const provider = old.provider ?? 'x';
    const session = await openSession(context, terminal, { provider, perms: args.perms, appKeys });
    await using callbacks = await openCallbacks(session, args);
    const made = await makeBotKey(
      { ...session, callbacks },
      {
        bot,
        old,
        poemFile: old.poemFile,
        owners: await context.keys.owners(),
        again: `run ${withInvocationFlags(args)(`reauth ${bot}`)} again`,
        instead: `"account" of ${bot} in flock.json says which it is`,
      },
    );
    return made ? 'done' : 'partly';
  },
});

const endings = {
  ended: (bot: string, title: string) => `${title} has ended the key of ${bot}; its bundle is removed.`,
  'was dead': (bot: string, title: string) =>
    `${title} did not know the key of ${bot} any more; its bundle is removed.`,
  'by hand': (bot: string, title: string) =>
    `The bundle of ${bot} is removed, but ${title} has no call that ends a key.`,
};

export const revoke = command({
  summary: 'End the key of one bot, and remove its bundle',
  schema: z.object({ bot: botArgument, yes: toggle('revoke without asking'), ...placeFlags }),
  exits: { partly: 'the bot keeps its key' },
  examples: [['keymaker revoke howl', 'end the key of howl at X, and remove its bundle']],
  async run(args, terminal) {
    await using context = openContext(args);
    const { keys, paths } = context;
    const { bot, bundle } = await botWithKey(args.bot, context, args);
    // An ended key leaves no bundle behind, so the folder must be writable.
    await keys.prepare();
    const { providers } = await readFlockFile(paths.flockFile);
    const provider = context.provider(bundle.provider ?? 'x', providers);
    const whose = bundle.screenName === undefined ? '' : ` (@${bundle.screenName})`;
    const sure =
      args.yes ||
      (await terminal.confirm(`Revoke the key of ${bot}${whose}?`, '--yes revokes without asking'));
    if (!sure) {
      terminal.say(`${bot} keeps its key.`);
      return 'partly';
    }
    const ended = await context.oauth(provider, bundle.appKeys).revoke(bundle.accessToken);
    await keys.remove(bot);
    terminal.say(endings[ended](bot, provider.title));
    if (provider.revokedAt !== undefined) {
      terminal.say(
        ended === 'by hand'
          ? `End it there yourself, signed in as the account: ${provider.revokedAt}.`
          : `To check, sign in as the account at ${provider.revokedAt}: the app should not be listed any more.`,
      );
    }
    return 'done';
  },
});
