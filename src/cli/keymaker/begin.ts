import path from 'node:path';
import * as z from 'zod';
import { openContext, type Context } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { parseBotName, type BotName } from '../../flock/bot.ts';
import { readFlockFile } from '../../flock/flock-file.ts';
import { knownBots } from '../../flock/known-bots.ts';
import { PendingStore } from '../../keys/pending-store.ts';
import { poemFileIn } from '../../poems/find-poems.ts';
import { appKeys } from '../../settings.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
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
  examples: [['keymaker begin howl --json', 'print the link; then: echo PIN | keymaker finish howl']],
  schema: z.object({ bot: z.string(), json: z.boolean().default(false), ...providerSchema, ...placeSchema }),
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    await using context = openContext(args);
    const { paths, keys, clock } = context;
    const secrets = appKeys(paths.root);
    const flockFile = await readFlockFile(paths.flockFile);
    const provider = chooseProvider(context, flockFile, args);
    if (provider.callback === 'url') {
      throw new FlockError('usage', `${provider.title} gives its keys through the browser only`, {
        hint: `keymaker make-keys ./poems --bot=${bot} --provider ${provider.id} --callback`,
      });
    }
    const old = await oldBundle(bot, keys, terminal);
    const poemFile = old ? old.poemFile : await poemOf(bot, context);
    await keys.prepare();
    const client = context.oauth(provider, secrets);
    const requestToken = await client.requestToken('oob');
    const expires = clock.now() + patience;
    await new PendingStore(keys.folder).write(bot, {
      provider: provider.id,
      requestToken,
      expires,
      poemFile,
    });
    const screenName = flockFile.settingsOf(bot).account ?? old?.screenName;
    const link = client.authorizeUrl(requestToken, screenName);
    const next = `keymaker finish ${bot}${again(args)}`;
    if (args.json) {
      const answer = { bot, link, next_step: next, expires: new Date(expires).toISOString() };
      terminal.print(`${JSON.stringify(answer)}\n`);
      return 'done';
    }
    const account = screenName === undefined ? `the account of ${bot}` : `@${screenName}`;
    terminal.say(`Open this link, sign in as ${account}, and authorize the app:`);
    terminal.say();
    terminal.say(link);
    terminal.say();
    terminal.say(`Then, within a quarter of an hour: ${next}`);
    return 'done';
  },
});

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

/** The flags that the second step needs too. */
function again({ root, keys }: { root?: string | undefined; keys?: string | undefined }): string {
  const flags = Object.entries({ root, keys }).filter(([, value]) => value !== undefined);
  return flags.map(([name, value = '']) => ` --${name} ${quoted(value)}`).join('');
}

/** As a shell reads it. */
const quoted = (word: string): string =>
  /^[\w./@%+:-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
