import pMap from 'p-map';
import * as z from 'zod';
import { openContext } from '../../context.ts';
import { attemptAsync, FlockError } from '../../errors.ts';
import type { KeyBundle } from '../../keys/bundle.ts';
import type { Issuer, LinkIssuer } from '../../keys/issuers.ts';
import { networkNames } from '../../networks/network.ts';
import { type Grant, VerifierRefused } from '../../oauth/client.ts';
import { TokenPair } from '../../oauth/signature.ts';
import type { BotName } from '../../poems/bot-name.ts';
import { type PoemFile, poemFileIn } from '../../poems/find.ts';
import { counted, cutTo, listedFirst, shellWord } from '../../text.ts';
import { botFlags, command, nonEmpty, placeFlags, toggle, withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import {
  callbackFlags,
  makeBotKey,
  networkFlags,
  openCallbacks,
  openSession,
  providerFlags,
  sameFlags,
  type Session,
} from './authorize.ts';
import { postNow } from '../../web/key-service.ts';
import { choosePoems, linesOfPoem, oldBundle, Outcomes } from './each-bot.ts';

const schema = z.object({
  poems: z.string().meta({
    positional: true,
    kind: 'folder',
    description: 'the folder of the poems, one text file for each bot',
  }),
  bot: botFlags.meta({ description: 'make the key of this bot, without asking; may be repeated' }),
  all: toggle('make the keys of all bots, without asking'),
  force: toggle('also make keys for bots that have a valid one'),
  yes: toggle('accept any account, without asking'),
  'first-post': nonEmpty
    .optional()
    .meta({ description: 'post this text with each new key, as a test', placeholder: 'TEXT' }),
  ...callbackFlags,
  xauth: toggle('exchange names and passwords, if the provider allows it').meta({ group: 'Authorization' }),
  ...networkFlags,
  ...providerFlags,
  ...placeFlags,
});

export const makeKeys = command({
  summary: 'Make a key bundle for each bot that you choose',
  schema,
  exits: { partly: 'some keys were not made' },
  examples: [
    ['keymaker make-keys ./poems', 'ask for each poem, and make its key'],
    ['keymaker make-keys ./poems --bot howl --force', 'make a new key for howl alone'],
    ['keymaker make-keys ./poems --all --callback', 'authorize one bot after the other in the browser'],
    ['keymaker make-keys ./poems --network mastodon', 'for Mastodon, at the server in flock.json'],
    ['keymaker make-keys ./poems --network bluesky', 'for Bluesky, with an app password of each account'],
  ],
  async run(args, terminal) {
    await using context = openContext(args);
    const { keys } = context;
    const opened = await openSession(context, terminal, args);
    const { chosen, refused } = await choosePoems(args.poems, args.bot, context);
    const issuers = await issuersOf(chosen, opened);
    await keys.prepare();
    if (args.xauth && args.callback)
      throw new FlockError('usage', 'either --callback or --xauth', { hint: 'leave one out' });
    await using callbacks = args.xauth ? undefined : await openCallbacks(issuers, args, opened);
    const outcomes = new Outcomes<Outcome>(terminal);
    const left = new Set(chosen.map(({ bot }) => bot));
    const session: Walk = { ...opened, callbacks, args, owners: await keys.owners(), outcomes, left };
    for (const error of refused) outcomes.failPoem(error);
    try {
      const open = await withoutKeys(chosen, session);
      if (args.xauth) await exchangeAll(open, session);
      else await askOneByOne(open, chosen.length, session);
    } finally {
      outcomes.summarize(['made', 'kept', 'skipped']);
      if (left.size > 0) terminal.say(`${left.size} left: ${restOf(chosen.length, session)}.`);
    }
    if (outcomes.has('made') && issuers.some(({ id }) => networkNames.some((name) => name === id))) {
      const flockd = withInvocationFlags(args, 'flockd');
      terminal.say(`Next: ${flockd('plan')}, then ${flockd('run')}`);
    }
    return outcomes.exit;
  },
});

/** Who will give the keys, so that what is missing, such as app keys, is reported before the first question. */
async function issuersOf(poems: readonly PoemFile[], { context, issuers }: Session): Promise<Issuer[]> {
  const found = new Set<Issuer>();
  for (const { bot } of poems) {
    // A bundle that cannot be read is reported when its turn comes.
    const old = await attemptAsync(context.keys.readIfGood(bot));
    found.add(issuers.of(bot, old instanceof FlockError ? undefined : old));
  }
  return [...found];
}

type Outcome = 'made' | 'kept' | 'skipped';

interface Walk extends Session {
  args: z.infer<typeof schema>;
  owners: Map<string, BotName>;
  outcomes: Outcomes<Outcome>;
  /** The bots whose keys are still to be made. */
  left: Set<BotName>;
}

/** The maximum number of bots with keys that get a line each. */
const maxLines = 3;

/** The poems whose bots need a key. The others are reported at once, so that the questions follow each other. */
async function withoutKeys(poems: readonly PoemFile[], walk: Walk): Promise<PoemFile[]> {
  const { args, context, outcomes, left, terminal } = walk;
  const open: PoemFile[] = [];
  const kept: { bot: BotName; old: KeyBundle }[] = [];
  for (const poem of poems) {
    const { bot } = poem;
    const lines = await attemptAsync(linesOfPoem(poem));
    if (lines instanceof FlockError) {
      outcomes.failPoem(lines);
      left.delete(bot);
      continue;
    }
    const old = args.force ? undefined : await attemptAsync(context.keys.readIfGood(bot));
    // A bundle that cannot be read is reported when its turn comes.
    if (!old || old instanceof FlockError) open.push(poem);
    else kept.push({ bot, old });
  }
  for (const { bot, old } of kept) {
    outcomes.count('kept');
    left.delete(bot);
    if (kept.length <= maxLines) terminal.say(keptWords(bot, old));
  }
  const names = kept.map(({ bot }) => bot);
  if (kept.length > maxLines)
    terminal.say(`${listedFirst(names, maxLines)} have keys; --force makes others.`);
  if (open.length < poems.length) terminal.say();
  return open;
}

const keptWords = (bot: BotName, { screenName }: KeyBundle): string =>
  `${bot} has a key${screenName === undefined ? '' : ` for @${screenName}`}; --force makes another.`;

/** How to go on with the bots that are left. */
function restOf(all: number, walk: Walk): string {
  const { args, left } = walk;
  // With --force the same command would make the keys again that were just made.
  return args.force && left.size < all
    ? commandFor([...left], args.force, walk)
    : 'run the same command again';
}

/** Errors of one bot only: the next may do better, as one at another server may. */
const isOfOne =
  ({ issuers }: Walk) =>
  ({ cause, exit }: FlockError): boolean =>
    cause instanceof VerifierRefused ||
    ['data', 'partly', 'permission'].includes(exit) ||
    (issuers.size > 1 && ['unavailable', 'tryLater'].includes(exit));

/** A person makes one key after the other. */
async function askOneByOne(poems: readonly PoemFile[], all: number, walk: Walk): Promise<void> {
  const { terminal, outcomes, context } = walk;
  const done = all - poems.length;
  for (const [index, poem] of poems.entries()) {
    terminal.say(`Poem ${done + index + 1} of ${all}: ${poem.file}`, 'bold');
    await outcomes.add(async () => {
      terminal.say(await beginningOf(poem, terminal));
      const old = await oldBundle(poem.bot, context.keys, terminal);
      return (await unwanted(poem, old, walk)) ?? make(poem, old, walk);
    }, isOfOne(walk));
    terminal.say();
  }
}

/** The first line of a poem, to recognise it by, and its length. */
async function beginningOf(poem: PoemFile, { columns }: Terminal): Promise<string> {
  const lines = await linesOfPoem(poem);
  const length = counted(lines.length, 'line');
  return `  ${cutTo(lines[0]?.text ?? '', columns - length.length - 5)} (${length})`;
}

type Exchange = NonNullable<LinkIssuer['exchange']>;

/** The maximum number of concurrent exchanges. */
const maxExchanges = 8;

/** xAuth: asks for all names and passwords first, then exchanges them concurrently. */
async function exchangeAll(poems: readonly PoemFile[], walk: Walk): Promise<void> {
  const { terminal, outcomes, context } = walk;
  const logins: { poem: PoemFile; old: KeyBundle | undefined; login: TokenPair; exchange: Exchange }[] = [];
  for (const poem of poems) {
    await outcomes.add(async () => {
      const old = await oldBundle(poem.bot, context.keys, terminal);
      const issuer = walk.issuers.of(poem.bot, old);
      if (issuer.by !== 'link' || !issuer.exchange) {
        const hint = 'run it without --xauth';
        throw new FlockError('usage', `${issuer.title} has no xAuth`, { hint });
      }
      const outcome = await unwanted(poem, old, walk);
      if (outcome === undefined)
        logins.push({ poem, old, exchange: issuer.exchange, login: await askLogin(poem.bot, terminal) });
      return outcome;
    }, isOfOne(walk));
  }
  let last: Promise<void> | undefined;
  // A question waits until those before it are answered, so that the answers have the order of the poems.
  let before = Promise.resolve();
  await pMap(
    logins,
    async ({ poem, old, login, exchange }) => {
      if (last) return;
      const turn = before;
      const flow = (): Promise<Grant> => exchangeFor(poem.bot, login, exchange);
      const typed = login.reveal().token;
      const made = outcomes.add(() => make(poem, old, walk, { typed, turn, flow }), isOfOne(walk));
      before = Promise.allSettled([turn, made]).then(() => undefined);
      await made.catch(() => {
        last ??= made;
      });
    },
    { concurrency: maxExchanges },
  );
  // The others have ended.
  await last;
}

/** @throws {FlockError} the provider's refusal, with the bot's name, since several exchanges run */
const exchangeFor = (bot: BotName, login: TokenPair, exchange: Exchange): Promise<Grant> =>
  exchange(login).catch((cause: unknown) => {
    if (!(cause instanceof FlockError)) throw cause;
    const { exit, message, hint } = cause;
    throw new FlockError(exit, `${bot}: ${message}`, { ...(hint !== undefined && { hint }), cause });
  });

async function askLogin(bot: BotName, terminal: Terminal): Promise<TokenPair> {
  const instead = 'give names and passwords on standard input, a line each';
  const name = (await terminal.ask(`Name of the account of ${bot}:`, instead)).trim().replace(/^@/, '');
  return new TokenPair(name, await terminal.askSecret(`Password of @${name} (not shown):`, instead));
}

/** The outcome for a bot whose key is not to be made. */
async function unwanted(
  { bot }: PoemFile,
  old: KeyBundle | undefined,
  { terminal, args, left }: Walk,
): Promise<Outcome | undefined> {
  // Another keymaker may have made it since.
  if (old && !args.force) {
    terminal.say(keptWords(bot, old));
    left.delete(bot);
    return 'kept';
  }
  if (args.all || args.bot.length > 0) return undefined;
  const wanted = await terminal.confirm(`Make key for ${bot}?`, '--bot NAME or --all chooses without asking');
  return wanted ? undefined : 'skipped';
}

async function make(
  { bot, file }: PoemFile,
  old: KeyBundle | undefined,
  walk: Walk,
  password: Pick<Parameters<typeof makeBotKey>[1], 'typed' | 'turn' | 'flow'> = {},
): Promise<Outcome> {
  const poemFile = poemFileIn(walk.context.paths.root, file);
  const again = commandFor([bot], old !== undefined, walk);
  const issuer = walk.issuers.of(bot, old);
  const made = await makeBotKey(walk, {
    bot,
    old,
    issuer,
    poemFile,
    owners: walk.owners,
    again,
    ...password,
  });
  if (!made) return 'skipped';
  walk.left.delete(bot);
  await firstPost(bot, walk);
  return 'made';
}

/** `run keymaker make-keys …`, with all flags that make the keys of these bots. */
function commandFor(bots: readonly BotName[], isForced: boolean, { args }: Walk): string {
  const flags = [
    ...bots.map((bot) => `--bot=${bot}`),
    ...(isForced ? ['--force'] : []),
    ...sameFlags(args),
    ...(args.xauth ? ['--xauth'] : []),
  ];
  return `run ${withInvocationFlags(args)(`make-keys ${shellWord(args.poems)} ${flags.join(' ')}`)}`;
}

/** @throws {FlockError} `partly` if the new key cannot post */
async function firstPost(bot: BotName, { context, terminal, args }: Walk): Promise<void> {
  const text = args['first-post'];
  const bundle = text === undefined ? undefined : await context.keys.readIfThere(bot);
  if (text === undefined || !bundle) return;
  const posted = await postNow(context, bundle, text);
  if ('failure' in posted) {
    throw new FlockError('partly', `${bot}: the first post was not made: ${posted.failure.reason}`, {
      hint: 'the key itself is stored; look at the account before you post again',
    });
  }
  terminal.say(`${bot} made its first post: ${posted.ok}`);
}
