import path from 'node:path';
import { z } from 'zod';
import { openContext, type Context } from '../../context.ts';
import { FlockError, type Exit } from '../../errors.ts';
import { parseBotName, type BotName } from '../../flock/bot.ts';
import { readFlockFile, type FlockFile } from '../../flock/flock-file.ts';
import { nearest } from '../../flock/nearest.ts';
import type { KeyBundle } from '../../keys/key-bundle.ts';
import { makeKey } from '../../keys/make-key.ts';
import type { TokenPair } from '../../keys/token-pair.ts';
import { VerifierRefused } from '../../oauth/oauth-answer.ts';
import { byBot, findPoems, readPoem } from '../../poems/read-poems.ts';
import { splitPoem } from '../../poems/split-poem.ts';
import { appKeys } from '../../settings.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { authorize } from './authorize.ts';

const schema = z.object({
  poems: z.string(),
  bot: z.array(z.string()).default([]),
  all: z.boolean().default(false),
  force: z.boolean().default(false),
  ...placeSchema,
});

export const makeKeys = command({
  words: { poems: { type: 'string', describe: 'the folder of the poems, one text file for each bot' } },
  flags: {
    bot: {
      type: 'string',
      array: true,
      nargs: 1,
      describe: 'make the key of this bot, without asking; may be repeated',
    },
    all: { type: 'boolean', describe: 'make the keys of all bots, without asking' },
    force: { type: 'boolean', describe: 'also for bots that have a good key already' },
    ...placeFlags,
  },
  examples: [
    ['keymaker make-keys ./poems', 'ask for each poem, and make the keys'],
    ['keymaker make-keys ./poems --bot howl --force', 'make a new key for howl alone'],
  ],
  schema,
  async run(args, terminal) {
    await using context = openContext(args);
    const { paths, keys } = context;
    const secrets = appKeys(paths.root);
    const flockFile = await readFlockFile(paths.flockFile);
    const poems = await choosePoems(args.poems, args.bot);
    await keys.prepare();
    const session: Session = {
      context,
      terminal,
      appKeys: secrets,
      flockFile,
      force: args.force,
      owners: await keys.owners(),
    };
    const results: Result[] = [];
    try {
      for (const [index, [bot, file]] of poems.entries()) {
        terminal.say(`Poem ${index + 1} of ${poems.length}: ${file}`, 'bold');
        results.push(await serve({ bot, file }, session, args.all || args.bot.length > 0));
        terminal.say();
      }
    } finally {
      summarize(results, terminal);
    }
    return exitOf(results);
  },
});

interface Session {
  context: Context;
  terminal: Terminal;
  appKeys: TokenPair;
  flockFile: FlockFile;
  force: boolean;
  owners: Map<string, BotName>;
}

type Result = { bot: BotName } & (
  { key: 'made' | 'kept' | 'skipped' } | { key: 'failed'; error: FlockError }
);

/** @throws {FlockError} `data` where there are no poems, `usage` where a named bot has none */
async function choosePoems(folder: string, wanted: readonly string[]): Promise<[BotName, string][]> {
  const poems = byBot(await findPoems(folder));
  if (poems.size === 0) {
    throw new FlockError('data', `no poems in ${folder}`, {
      hint: 'a poem is a text file whose name ends in .txt',
    });
  }
  if (wanted.length === 0) return [...poems];
  return [...new Set(wanted)].map(parseBotName).map((bot) => {
    const file = poems.get(bot);
    if (file !== undefined) return [bot, file];
    const meant = nearest(bot, [...poems.keys()]);
    throw new FlockError('usage', `no poem in ${folder} belongs to a bot called ${bot}`, {
      hint: meant === undefined ? `the bots are ${[...poems.keys()].join(', ')}` : `did you mean ${meant}?`,
    });
  });
}

/** Makes one bot's key, if it is wanted and needed. What goes wrong with it is reported and does not stop the others. */
async function serve(
  poem: { bot: BotName; file: string },
  session: Session,
  chosen: boolean,
): Promise<Result> {
  const { bot, file } = poem;
  const { terminal, force } = session;
  try {
    const lines = splitPoem(await readPoem(file), 'line').length;
    if (lines === 0)
      throw new FlockError('data', `${file} has no lines`, { hint: 'write the poem, one post a line' });
    const old = await oldBundle(bot, session);
    if (old && !force) {
      terminal.say(`${bot} has a key${accountOf(old)}; --force makes another.`);
      return { bot, key: 'kept' };
    }
    if (!chosen && !(await wantsKey(bot, terminal))) return { bot, key: 'skipped' };
    return await makeOne(poem, old, session);
  } catch (error) {
    if (!(error instanceof FlockError) || stopsAll(error)) throw error;
    terminal.warn(error.message, error.hint);
    return { bot, key: 'failed', error };
  }
}

async function makeOne(
  poem: { bot: BotName; file: string },
  old: KeyBundle | undefined,
  session: Session,
): Promise<Result> {
  const { bot, file } = poem;
  const { context, terminal, appKeys, flockFile, owners } = session;
  const { provider, keys, paths } = context;
  const screenName = flockFile.settingsOf(bot).account;
  const client = context.oauth(appKeys);
  const prefill = screenName ?? old?.screenName;
  const made = await makeKey({
    bot,
    appKeys,
    poemFile: poemFileIn(paths.root, file),
    // An old key of the bot says who it is, unless flock.json says otherwise.
    expected:
      screenName === undefined ? { userId: old?.userId, screenName: old?.screenName } : { screenName },
    keys,
    owners,
    flow: () => authorize({ bot, provider, client, screenName: prefill, terminal }),
  });
  if (!made) return { bot, key: 'skipped' };
  const { account } = made;
  terminal.say(
    `${bot} is @${account.screenName} (id ${account.userId}): ${path.relative('.', made.file)}`,
    'green',
  );
  return { bot, key: 'made' };
}

/** The bot's good bundle. A bad one is as good as none, and is replaced. */
async function oldBundle(bot: BotName, { context, terminal }: Session): Promise<KeyBundle | undefined> {
  try {
    return await context.keys.readIfThere(bot);
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    terminal.warn(`${error.message}; it will be replaced`);
    return undefined;
  }
}

async function wantsKey(bot: BotName, terminal: Terminal): Promise<boolean> {
  for (;;) {
    const answer = await terminal.ask(
      `Make key for ${bot}? (y/n)`,
      '--bot NAME or --all chooses without asking',
    );
    if (/^\s*y(es)?\s*$/i.test(answer)) return true;
    if (/^\s*n(o)?\s*$/i.test(answer)) return false;
    terminal.warn('please answer y or n');
  }
}

/** As flockd finds it again: relative to the root, or absolute where the poem is elsewhere. */
function poemFileIn(root: string, file: string): string {
  const way = path.relative(root, path.resolve(file));
  return way.startsWith('..') || path.isAbsolute(way) ? path.resolve(file) : way;
}

const accountOf = ({ screenName }: KeyBundle): string =>
  screenName === undefined ? '' : ` for @${screenName}`;

/** Whether the next bot would fare no better. */
const stopsAll = (error: FlockError): boolean =>
  !(error instanceof VerifierRefused || error.exit === 'data' || error.exit === 'partly');

function summarize(results: readonly Result[], terminal: Terminal): void {
  const counts = (['made', 'kept', 'skipped', 'failed'] as const).map(
    (key) => `${results.filter((result) => result.key === key).length} ${key}`,
  );
  terminal.say(`Keys: ${counts.join(', ')}.`);
}

function exitOf(results: readonly Result[]): Exit {
  const failed = results.filter((result) => result.key === 'failed');
  const [first] = failed;
  if (!first) return 'done';
  return failed.length === results.length ? first.error.exit : 'partly';
}
