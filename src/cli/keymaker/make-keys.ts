import path from 'node:path';
import pMap from 'p-map';
import * as z from 'zod';
import { appKeys } from '../../config/environment.ts';
import { type FlockFile, readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { knownBots } from '../../flock/load.ts';
import { type MadeKey, makeKey, type MakeKeyOptions } from '../../keys/authorize.ts';
import type { KeyBundle } from '../../keys/bundle.ts';
import { expectedName } from '../../keys/right-account.ts';
import type { Grant, OAuth1Client } from '../../oauth/client.ts';
import type { Provider } from '../../oauth/providers.ts';
import { TokenPair } from '../../oauth/signature.ts';
import type { BotName } from '../../poems/bot-name.ts';
import { type PoemFile, poemFileIn } from '../../poems/find.ts';
import { shellWord } from '../../text.ts';
import type { CallbackListener } from '../../web/callback.ts';
import { botFlags, command, nonEmpty, placeFlags, toggle, withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import {
  authorize,
  authorizingGroup,
  callbackFlags,
  checkPoem,
  choosePoems,
  chooseProvider,
  confirming,
  exitOf,
  listenerFor,
  oldBundle,
  providerFlags,
  type Result,
  stopsAll,
  summarize,
} from './authorize.ts';

const schema = z.object({
  poems: z.string().meta({
    positional: true,
    kind: 'folder',
    description: 'the folder of the poems, one text file for each bot',
  }),
  bot: botFlags.meta({ description: 'make the key of this bot, without asking; may be repeated' }),
  all: toggle('make the keys of all bots, without asking'),
  force: toggle('also for bots that have a good key already'),
  yes: toggle('take whatever account was signed in, without asking'),
  'first-post': nonEmpty
    .optional()
    .meta({ description: 'post this text with each new key, to see that it works', placeholder: 'TEXT' }),
  ...callbackFlags,
  xauth: toggle('exchange names and passwords, where the provider allows it').meta({
    group: authorizingGroup,
  }),
  ...providerFlags,
  ...placeFlags,
});

type Args = z.infer<typeof schema>;

export const makeKeys = command({
  summary: 'Walk a folder of poems and make a key bundle for each bot you choose',
  schema,
  exits: { partly: 'some keys were not made' },
  examples: [
    ['keymaker make-keys ./poems', 'ask for each poem, and make the keys'],
    ['keymaker make-keys ./poems --bot howl --force', 'make a new key for howl alone'],
    ['keymaker make-keys ./poems --all --callback', 'authorize one after the other in the browser'],
  ],
  async run(args, terminal) {
    await using context = openContext(args);
    const { paths, keys } = context;
    const secrets = appKeys(paths.root);
    const flockFile = await readFlockFile(paths.flockFile);
    const provider = chooseProvider(context, flockFile, args);
    const { chosen, refused } = await choosePoems(args.poems, args.bot, knownBots(paths.root, keys));
    await keys.prepare();
    if (args.xauth && args.callback)
      throw new FlockError('usage', 'either --callback or --xauth', { hint: 'leave one out' });
    await using callbacks = args.xauth ? undefined : await listenerFor(args, provider, context, terminal);
    const session: Session = {
      context,
      terminal,
      provider,
      client: context.oauth(provider, secrets),
      callbacks,
      appKeys: secrets,
      flockFile,
      args,
      owners: await keys.owners(),
      results: refused.map(({ bot, error }) => ({ bot, key: 'failed', error })),
    };
    for (const { error } of refused) terminal.warn(error.message, error.hint);
    try {
      if (args.xauth) await exchangeAll(chosen, session);
      else await askOneByOne(chosen, session);
    } finally {
      summarize(session.results, terminal);
    }
    if (provider.id === 'x' && session.results.some(({ key }) => key === 'made')) {
      const flockd = withInvocationFlags(args, 'flockd');
      terminal.say(`Next: ${flockd('plan')}, then ${flockd('run')}`);
    }
    return exitOf(session.results);
  },
});

interface Session {
  context: Context;
  terminal: Terminal;
  provider: Provider;
  client: OAuth1Client;
  callbacks: CallbackListener | undefined;
  appKeys: TokenPair;
  flockFile: FlockFile;
  args: Args;
  owners: Map<string, BotName>;
  /** What became of each bot so far. */
  results: Result[];
}

/** A person makes one key after the other. */
async function askOneByOne(poems: readonly PoemFile[], session: Session): Promise<void> {
  const { terminal } = session;
  for (const [index, poem] of poems.entries()) {
    terminal.say(`Poem ${index + 1} of ${poems.length}: ${poem.file}`, 'bold');
    await reported(poem, session, async () => {
      const old = await oldBundle(poem.bot, session.context.keys, terminal);
      return (await unwanted(poem, old, session)) ?? makeByPerson(poem, old, session);
    });
    terminal.say();
  }
}

/** Exchanges under way at a time. */
const exchanges = 8;

/** A bot whose name and password a person has typed. */
interface Login {
  poem: PoemFile;
  old: KeyBundle | undefined;
  login: TokenPair;
}

/** xAuth: all names and passwords are asked for first, then exchanged side by side. */
async function exchangeAll(poems: readonly PoemFile[], session: Session): Promise<void> {
  const { terminal } = session;
  const logins: Login[] = [];
  for (const poem of poems) {
    await reported(poem, session, async () => {
      const old = await oldBundle(poem.bot, session.context.keys, terminal);
      const result = await unwanted(poem, old, session);
      if (!result) logins.push({ poem, old, login: await askLogin(poem.bot, terminal) });
      return result;
    });
  }
  let last: Promise<void> | undefined;
  // Whoever has a question waits for those before it: the answers are given in that order.
  let before = Promise.resolve();
  await pMap(
    logins,
    async (login) => {
      if (last) return;
      const turn = before;
      const made = reported(login.poem, session, () => makeByPassword(login, turn, session));
      before = Promise.allSettled([turn, made]).then(() => undefined);
      await made.catch(() => {
        last ??= made;
      });
    },
    { concurrency: exchanges },
  );
  // What was under way beside it has come to its end.
  await last;
}

/** @throws {FlockError} what the provider has against it, naming the bot: several are under way */
async function exchange(bot: BotName, login: TokenPair, client: OAuth1Client): Promise<Grant> {
  try {
    return await client.passwordToken(login);
  } catch (cause) {
    if (!(cause instanceof FlockError)) throw cause;
    const { exit, message, hint } = cause;
    throw new FlockError(exit, `${bot}: ${message}`, { ...(hint !== undefined && { hint }), cause });
  }
}

async function askLogin(bot: BotName, terminal: Terminal): Promise<TokenPair> {
  const instead = 'give names and passwords on standard input, a line each';
  const name = (await terminal.ask(`Name of the account of ${bot}:`, instead)).trim().replace(/^@/, '');
  return new TokenPair(name, await terminal.askSecret(`Password of @${name} (not shown):`, instead));
}

/** Notes what became of a bot. What goes wrong with one is reported and does not stop the others, where they may fare better. */
async function reported(
  { bot }: PoemFile,
  { terminal, callbacks, results }: Session,
  work: () => Promise<Result | undefined>,
): Promise<void> {
  try {
    const result = await work();
    if (result) results.push(result);
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    if (error.exit !== 'interrupted') results.push({ bot, key: 'failed', error });
    callbacks?.tell({ tone: 'bad', title: 'That did not work', text: error.message });
    if (stopsAll(error)) throw error;
    terminal.warn(error.message, error.hint);
  }
}

/** What becomes of a bot whose key is not to be made. @throws {FlockError} `data` where its poem is of no use */
async function unwanted(
  poem: PoemFile,
  old: KeyBundle | undefined,
  { terminal, args }: Session,
): Promise<Result | undefined> {
  const { bot } = poem;
  await checkPoem(poem);
  if (old && !args.force) {
    terminal.say(`${bot} has a key${accountOf(old)}; --force makes another.`);
    return { bot, key: 'kept' };
  }
  if (args.all || args.bot.length > 0) return undefined;
  const wanted = await terminal.confirm(`Make key for ${bot}?`, '--bot NAME or --all chooses without asking');
  return wanted ? undefined : { bot, key: 'skipped' };
}

const accountOf = ({ screenName }: KeyBundle): string =>
  screenName === undefined ? '' : ` for @${screenName}`;

/** A person signs in and brings the answer; after a "no" with another link. */
function makeByPerson(poem: PoemFile, old: KeyBundle | undefined, session: Session): Promise<Result> {
  const { provider, client, terminal, callbacks, flockFile } = session;
  const { bot } = poem;
  const expected = { named: flockFile.settingsOf(bot).account, old };
  const screenName = expectedName(expected);
  return makeOne(poem, session, {
    expected,
    again: againFor(bot, old, session),
    ...confirmingIn(bot, session),
    flow: () => authorize({ bot, provider, client, screenName, terminal, callbacks }),
  });
}

/** @param turn - over once those before it have asked what they had to ask */
function makeByPassword({ poem, old, login }: Login, turn: Promise<void>, session: Session): Promise<Result> {
  const { bot } = poem;
  const { confirm } = confirmingIn(bot, session);
  return makeOne(poem, session, {
    expected: { named: session.flockFile.settingsOf(bot).account, old, typed: login.reveal().token },
    again: againFor(bot, old, session),
    confirm: (account) => turn.then(() => confirm(account)),
    flow: () => exchange(bot, login, session.client),
  });
}

const confirmingIn = (bot: BotName, { terminal, callbacks, args: { yes } }: Session) =>
  confirming({
    bot,
    terminal,
    callbacks,
    yes,
    instead: `"account" of ${bot} in flock.json says which it is; --yes takes whatever was signed in`,
  });

/** How the key of one bot is made in another run. */
function againFor(bot: BotName, old: KeyBundle | undefined, { args, provider }: Session): string {
  const flags = [
    `--bot=${bot}`,
    ...(old ? ['--force'] : []),
    ...(provider.id === 'x' ? [] : [`--provider ${provider.id}`]),
    ...(args.callback ? ['--callback'] : []),
    ...(args.xauth ? ['--xauth'] : []),
  ];
  return `run ${withInvocationFlags(args)(`make-keys ${shellWord(args.poems)} ${flags.join(' ')}`)}`;
}

async function makeOne(
  { bot, file }: PoemFile,
  session: Session,
  making: Pick<MakeKeyOptions, 'expected' | 'again' | 'confirm' | 'declined' | 'flow'>,
): Promise<Result> {
  const { context, terminal, provider, callbacks } = session;
  const made = await makeKey({
    ...session,
    ...making,
    bot,
    poemFile: poemFileIn(context.paths.root, file),
    provider: provider.id === 'x' ? undefined : provider.id,
    keys: context.keys,
  });
  callbacks?.tell(made ? welcome(bot, made) : declined(bot));
  if (!made) {
    if (callbacks) terminal.say(`${bot}: nothing was authorized.`);
    return { bot, key: 'skipped' };
  }
  const { account } = made;
  terminal.say(
    `${bot} is @${account.screenName} (id ${account.userId}): ${path.relative('.', made.file)}`,
    'green',
  );
  await firstPost(bot, session);
  return { bot, key: 'made' };
}

const welcome = (bot: BotName, { account }: MadeKey) =>
  ({
    tone: 'good',
    title: `${bot} is @${account.screenName}`,
    text: 'Its key is stored. You can close this page; the terminal goes on.',
  }) as const;

const declined = (bot: BotName) =>
  ({
    tone: 'plain',
    title: 'Nothing was authorized',
    text: `${bot} gets no key. You can close this page; the terminal goes on.`,
  }) as const;

/** @throws {FlockError} `partly` where the new key cannot post */
async function firstPost(bot: BotName, { context, terminal, args }: Session): Promise<void> {
  const text = args['first-post'];
  const bundle = text === undefined ? undefined : await context.keys.readIfThere(bot);
  if (text === undefined || !bundle) return;
  const posted = await context.openX(bundle).post(text);
  if ('failure' in posted) {
    throw new FlockError('partly', `${bot}: the first post was not made: ${posted.failure.reason}`, {
      hint: 'the key itself is stored; look at the account before you post again',
    });
  }
  terminal.say(`${bot} made its first post: ${posted.ok}`);
}
