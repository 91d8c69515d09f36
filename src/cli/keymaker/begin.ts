import path from 'node:path';
import * as z from 'zod';
import { appKeys } from '../../config/environment.ts';
import { readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { type BotName, parseBotName } from '../../flock/bot.ts';
import { knownBots } from '../../flock/load.ts';
import { type Pending, PendingStore } from '../../keys/authorize.ts';
import { expectedName } from '../../keys/right-account.ts';
import type { OAuth1Client } from '../../oauth/client.ts';
import type { Provider } from '../../oauth/providers.ts';
import { poemFileIn } from '../../poems/find.ts';
import { callsAs } from '../calls-as.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import { showLink } from './authorize.ts';
import { oldBundle } from './choose-bot.ts';
import { checkPoem, choosePoems } from './choose-poems.ts';
import { chooseProvider, providerFlags, providerSchema } from './choose-provider.ts';

/** Providers keep a request token about this long. Milliseconds. */
const patience = 15 * 60_000;

export const begin = command({
  words: { bot: { type: 'string', describe: 'the name of the bot' } },
  flags: {
    ...providerFlags,
    json: { type: 'boolean', describe: 'the link as JSON on standard output' },
    ...placeFlags,
  },
  examples: [['keymaker begin howl --json', 'print the link; then: keymaker finish howl']],
  schema: z.object({ bot: z.string(), json: z.boolean().default(false), ...providerSchema, ...placeSchema }),
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    await using context = openContext(args);
    const { paths, keys } = context;
    const secrets = appKeys(paths.root);
    const flockFile = await readFlockFile(paths.flockFile);
    const provider = chooseProvider(context, flockFile, args);
    if (provider.callback === 'url') {
      throw new FlockError('usage', `${provider.title} gives its keys through the browser only`, {
        hint: callsAs(args)(`make-keys ./poems --bot=${bot} --provider ${provider.id} --callback`),
      });
    }
    const old = await oldBundle(bot, keys, terminal);
    const poemFile = old ? old.poemFile : await poemOf(bot, context);
    await keys.prepare();
    const screenName = expectedName({ named: flockFile.settingsOf(bot).account, old });
    const { link, pending } = await beginLink({
      bot,
      client: context.oauth(provider, secrets),
      context,
      provider,
      screenName,
      poemFile,
    });
    const next = callsAs(args)(`finish ${bot}`);
    if (args.json) {
      const expires = new Date(pending.expires).toISOString();
      const answer = { bot, link, next_step: next, account: screenName ?? null, expires };
      terminal.print(`${JSON.stringify(answer)}\n`);
      return 'done';
    }
    showLink({ bot, screenName, terminal }, link);
    terminal.say(`Then, within a quarter of an hour: ${next}`);
    if (screenName === undefined)
      terminal.say(
        'It asks whose account it is where that is not called like the bot; --account NAME answers.',
      );
    return 'done';
  },
});

interface BeginLink {
  bot: BotName;
  client: OAuth1Client;
  context: Pick<Context, 'keys' | 'clock'>;
  provider: Provider;
  /** The screen name the bot is to have, where it is known. */
  screenName: string | undefined;
  poemFile: string | undefined;
}

/**
 * Asks for a link that authorizes a bot, and keeps what `keymaker finish` needs for its PIN.
 *
 * @throws {FlockError} as the provider and the keys folder do
 */
export async function beginLink({
  bot,
  client,
  context: { keys, clock },
  provider,
  screenName,
  poemFile,
}: BeginLink): Promise<{ link: string; pending: Pending }> {
  const requestToken = await client.requestToken('oob');
  const pending = { provider: provider.id, requestToken, expires: clock.now() + patience, poemFile };
  await new PendingStore(keys.folder).write(bot, pending);
  return { link: client.authorizeUrl(requestToken, screenName), pending };
}

/** A bot that is new has the poem of its name. @throws {FlockError} `data` or `usage` where there is none */
async function poemOf(bot: BotName, { paths, keys }: Context): Promise<string> {
  const known = knownBots(paths.root, keys);
  const { chosen, refused } = await choosePoems(path.join(paths.root, 'poems'), [bot], known);
  if (refused[0]) throw refused[0].error;
  const [poem] = chosen;
  if (!poem) throw new FlockError('usage', `there is no poem of ${bot}`);
  await checkPoem(poem);
  return poemFileIn(paths.root, poem.file);
}
