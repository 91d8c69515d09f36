import path from 'node:path';
import * as z from 'zod';
import { openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { parseBotName, type BotName } from '../../flock/bot.ts';
import { readFlockFile } from '../../flock/flock-file.ts';
import { expectedOf, makeKey } from '../../keys/make-key.ts';
import { PendingStore, type Pending } from '../../keys/pending-store.ts';
import type { TokenPair } from '../../keys/token-pair.ts';
import { VerifierRefused, type Grant } from '../../oauth/oauth-answer.ts';
import type { OAuth1Client } from '../../oauth/oauth1-client.ts';
import { verifierFrom } from '../../oauth/provider.ts';
import { appKeys } from '../../settings.ts';
import { callsAs } from '../calls-as.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import { confirmAccount, notPin } from './authorize.ts';
import { oldBundle } from './choose-bot.ts';

export const finish = command({
  words: { bot: { type: 'string', describe: 'the name of the bot' } },
  flags: placeFlags,
  examples: [['echo 4406740 | keymaker finish howl', 'after keymaker begin howl']],
  schema: z.object({ bot: z.string(), ...placeSchema }),
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    await using context = openContext(args);
    const { paths, keys, clock } = context;
    const secrets = appKeys(paths.root);
    const flockFile = await readFlockFile(paths.flockFile);
    const store = new PendingStore(keys.folder);
    const pending = stillPending(bot, await store.read(bot), clock.now());
    const provider = context.provider(pending.provider, flockFile.providers);
    const old = await oldBundle(bot, keys, terminal);
    const typed = await terminal.ask(
      `PIN for ${bot}:`,
      'give the PIN on standard input, on a line of its own',
    );
    const pin = verifierFrom(typed, provider);
    if (pin === undefined) {
      throw new FlockError('usage', notPin(provider), {
        hint: 'copy it from the page that the link leads to',
      });
    }
    // Whatever comes of it, the request token is spent.
    await store.remove(bot);
    const made = await makeKey({
      bot,
      appKeys: secrets,
      poemFile: pending.poemFile,
      provider: provider.id === 'x' ? undefined : provider.id,
      expected: expectedOf(flockFile.settingsOf(bot).account, old),
      keys,
      owners: await keys.owners(),
      again: `begin again (${callsAs(args)(`begin ${bot}`)})`,
      confirm: confirmAccount(bot, { terminal }),
      flow: () => exchange(context.oauth(provider, secrets), pending.requestToken, pin, bot),
    });
    if (!made) return 'partly';
    const { account, file } = made;
    terminal.say(
      `${bot} is @${account.screenName} (id ${account.userId}): ${path.relative('.', file)}`,
      'green',
    );
    return 'done';
  },
});

/** @throws {FlockError} `tryLater` where the PIN is refused, with the way to another link */
async function exchange(
  client: OAuth1Client,
  requestToken: TokenPair,
  pin: string,
  bot: BotName,
): Promise<Grant> {
  try {
    return await client.accessToken(requestToken, pin);
  } catch (cause) {
    if (!(cause instanceof VerifierRefused)) throw cause;
    throw new FlockError('tryLater', cause.message, { hint: `begin again: keymaker begin ${bot}`, cause });
  }
}

/** @throws {FlockError} `usage` where nothing was begun, `tryLater` where it was too long ago */
function stillPending(bot: BotName, pending: Pending | undefined, now: number): Pending {
  const hint = `begin again: keymaker begin ${bot}`;
  if (!pending) throw new FlockError('usage', `nothing was begun for ${bot}`, { hint });
  if (pending.expires > now) return pending;
  throw new FlockError('tryLater', `${bot}: the link is older than a quarter of an hour`, { hint });
}
