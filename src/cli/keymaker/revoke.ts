import * as z from 'zod';
import { readFlockFile } from '../../config/flock-file.ts';
import { openContext } from '../../context.ts';
import { parseBotName } from '../../poems/bot-name.ts';
import { botArgument, command, placeFlags, retold, toggle } from '../command.ts';
import { mustHaveKey } from './authorize.ts';

export const revoke = command({
  summary: 'End the key of one bot, and remove its bundle',
  schema: z.object({ bot: botArgument, yes: toggle('revoke without asking'), ...placeFlags }),
  exits: { partly: 'the bot keeps its key' },
  examples: [['keymaker revoke howl', 'end the key of howl at X, and remove its bundle']],
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    await using context = openContext(args);
    const { keys, paths } = context;
    await mustHaveKey(bot, context, args);
    const bundle = await keys.read(await keys.placeOf(bot)).catch(retold(args));
    // A key that has ended leaves no bundle behind, so the folder must be one that can be written.
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
          : `To be sure, look as the account into ${provider.revokedAt}: the app should not be listed any more.`,
      );
    }
    return 'done';
  },
});

const endings = {
  ended: (bot: string, title: string) => `${title} has ended the key of ${bot}; its bundle is removed.`,
  'was dead': (bot: string, title: string) =>
    `${title} did not know the key of ${bot} any more; its bundle is removed.`,
  'by hand': (bot: string, title: string) =>
    `The bundle of ${bot} is removed, but ${title} has no call that ends a key.`,
};
