import path from 'node:path';
import { z } from 'zod';
import { openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { parseBotName, type BotName } from '../../flock/bot.ts';
import { nearest } from '../../flock/nearest.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import { makeKey } from '../../keys/make-key.ts';
import { appKeysIfSet } from '../../settings.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import { authorize } from './authorize.ts';

export const reauth = command({
  words: { bot: { type: 'string', describe: 'the name of the bot' } },
  flags: placeFlags,
  examples: [['keymaker reauth howl', 'when howl is parked because its key was revoked']],
  schema: z.object({ bot: z.string(), ...placeSchema }),
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    await using context = openContext(args);
    const { keys, paths, provider } = context;
    await mustHaveKey(bot, keys);
    const old = await keys.read(keys.fileOf(bot));
    const appKeys = appKeysIfSet(paths.root) ?? old.appKeys;
    const { userId, screenName, poemFile } = old;
    const client = context.oauth(appKeys);
    const made = await makeKey({
      bot,
      appKeys,
      poemFile,
      expected: { userId, screenName },
      keys,
      owners: await keys.owners(),
      flow: () => authorize({ bot, provider, client, screenName, terminal }),
    });
    if (!made) {
      terminal.say(`${bot} keeps the key it has.`);
      return 'partly';
    }
    terminal.say(`${bot} is @${made.account.screenName} again: ${path.relative('.', made.file)}`, 'green');
    return 'done';
  },
});

/** @throws {FlockError} `usage` where there is no bundle to replace */
async function mustHaveKey(bot: BotName, keys: KeyStore): Promise<void> {
  const known = (await keys.list()).map((entry) => entry.bot);
  if (known.includes(bot)) return;
  const meant = nearest(bot, known);
  throw new FlockError('usage', `${bot} has no key bundle in ${keys.folder}`, {
    hint:
      meant === undefined
        ? `make its first: keymaker make-keys ./poems --bot=${bot}`
        : `did you mean ${meant}?`,
  });
}
