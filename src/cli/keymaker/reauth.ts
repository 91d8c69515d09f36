import path from 'node:path';
import * as z from 'zod';
import { appKeysIfSet } from '../../config/environment.ts';
import { readFlockFile } from '../../config/flock-file.ts';
import { openContext } from '../../context.ts';
import { messageOf } from '../../errors.ts';
import { makeKey } from '../../keys/authorize.ts';
import { expectedName } from '../../keys/right-account.ts';
import { parseBotName } from '../../poems/bot-name.ts';
import { botArgument, command, placeFlags, retold, withInvocationFlags } from '../command.ts';
import {
  authorize,
  callbackFlags,
  chooseProvider,
  confirming,
  listenerFor,
  mustHaveKey,
  providerFlags,
} from './authorize.ts';

export const reauth = command({
  summary: 'Authorize one bot again; its poem and its place in it stay as they are',
  schema: z.object({ bot: botArgument, ...callbackFlags, perms: providerFlags.perms, ...placeFlags }),
  exits: { partly: 'nothing was authorized' },
  examples: [['keymaker reauth howl', 'when howl is parked because its key was revoked']],
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    await using context = openContext(args);
    const { keys, paths } = context;
    await mustHaveKey(bot, context, args);
    const old = await keys.read(await keys.placeOf(bot)).catch(retold(args));
    const appKeys = appKeysIfSet(paths.root) ?? old.appKeys;
    const { poemFile } = old;
    const flockFile = await readFlockFile(paths.flockFile);
    const expected = { named: flockFile.settingsOf(bot).account, old };
    const screenName = expectedName(expected);
    const provider = chooseProvider(context, flockFile, { provider: old.provider ?? 'x', perms: args.perms });
    const client = context.oauth(provider, appKeys);
    await using callbacks = await listenerFor(args, provider, context, terminal);
    try {
      const made = await makeKey({
        bot,
        appKeys,
        poemFile,
        provider: old.provider,
        expected,
        keys,
        owners: await keys.owners(),
        again: `run ${withInvocationFlags(args)(`reauth ${bot}`)} again`,
        ...confirming({
          bot,
          terminal,
          callbacks,
          instead: `"account" of ${bot} in flock.json says which it is`,
        }),
        flow: () => authorize({ bot, provider, client, screenName, terminal, callbacks }),
      });
      if (!made) {
        callbacks?.tell({
          tone: 'plain',
          title: 'Nothing was authorized',
          text: `${bot} keeps the key it has.`,
        });
        terminal.say(`${bot} keeps the key it has.`);
        return 'partly';
      }
      const title = `${bot} is @${made.account.screenName} again`;
      callbacks?.tell({ tone: 'good', title, text: 'Its new key is stored. You can close this page.' });
      terminal.say(`${title}: ${path.relative('.', made.file)}`, 'green');
      return 'done';
    } catch (error) {
      callbacks?.tell({ tone: 'bad', title: 'That did not work', text: messageOf(error) });
      throw error;
    }
  },
});
