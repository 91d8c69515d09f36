import path from 'node:path';
import * as z from 'zod';
import { appKeys } from '../../config/environment.ts';
import { readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { knownBots } from '../../flock/load.ts';
import { makeKey, type Pending, PendingStore } from '../../keys/authorize.ts';
import { expectedName, isSameName } from '../../keys/right-account.ts';
import { type Grant, type OAuth1Client, VerifierRefused } from '../../oauth/client.ts';
import { type Provider, verifierFrom } from '../../oauth/providers.ts';
import type { TokenPair } from '../../oauth/signature.ts';
import { type BotName, parseBotName } from '../../poems/bot-name.ts';
import { poemFileIn } from '../../poems/find.ts';
import { botArgument, command, placeFlags, toggle, withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import {
  checkPoem,
  choosePoems,
  chooseProvider,
  confirming,
  notPin,
  oldBundle,
  providerFlags,
  showLink,
} from './authorize.ts';

/** Providers keep a request token about this long. Milliseconds. */
const patience = 15 * 60_000;

export const begin = command({
  summary: 'Print the link that authorizes one bot, for machines without a person at the terminal',
  schema: z.object({
    bot: botArgument,
    ...providerFlags,
    json: toggle('the link as JSON on standard output'),
    ...placeFlags,
  }),
  examples: [['keymaker begin howl --json', 'print the link; then: keymaker finish howl']],
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    await using context = openContext(args);
    const { paths, keys } = context;
    const secrets = appKeys(paths.root);
    const flockFile = await readFlockFile(paths.flockFile);
    const provider = chooseProvider(context, flockFile, args);
    if (provider.callback === 'url') {
      throw new FlockError('usage', `${provider.title} gives its keys through the browser only`, {
        hint: withInvocationFlags(args)(
          `make-keys ./poems --bot=${bot} --provider ${provider.id} --callback`,
        ),
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
    const next = withInvocationFlags(args)(`finish ${bot}`);
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

export const finish = command({
  summary: 'Read the PIN of a link from standard input, and store the key',
  schema: z
    .object({
      bot: botArgument,
      account: z
        .string()
        .regex(/^@?\S+$/, 'is not the name of an account')
        .transform((name) => name.replace(/^@/, ''))
        .optional()
        .meta({
          description: 'the account that it must be, where flock.json does not say so',
          placeholder: 'NAME',
        }),
      yes: toggle('take whatever account was signed in, without asking'),
      ...placeFlags,
    })
    .refine(({ account, yes }) => account === undefined || !yes, 'either --account or --yes'),
  exits: { partly: 'nothing was authorized' },
  examples: [['echo 4406740 | keymaker finish howl --account howl_reads', 'after keymaker begin howl']],
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    await using context = openContext(args);
    const { paths, keys, clock } = context;
    const secrets = appKeys(paths.root);
    const flockFile = await readFlockFile(paths.flockFile);
    const store = new PendingStore(keys.folder);
    const beginAgain = `begin again: ${withInvocationFlags(args)(`begin ${bot}`)}`;
    const pending = stillPending(bot, store.read(bot), { now: clock.now(), beginAgain });
    const provider = context.provider(pending.provider, flockFile.providers);
    const client = context.oauth(provider, secrets);
    const old = await oldBundle(bot, keys, terminal);
    const expected = { named: accountNamed(bot, flockFile.settingsOf(bot).account, args.account), old };
    const finishAs = withInvocationFlags(args)(`finish ${bot} --account NAME`);
    let waiting: Pending | undefined = pending;
    const made = await makeKey({
      bot,
      appKeys: secrets,
      poemFile: pending.poemFile,
      provider: provider.id === 'x' ? undefined : provider.id,
      expected,
      keys,
      owners: await keys.owners(),
      again: beginAgain,
      ...confirming({ bot, terminal, yes: args.yes, instead: `${beginAgain}, then: ${finishAs}` }),
      async flow() {
        const { requestToken } = waiting ?? (await anotherLink());
        waiting = undefined;
        const pin = await askPin(bot, provider, terminal);
        // Whatever comes of it, the request token is spent.
        await store.remove(bot);
        return exchange(client, requestToken, { pin, beginAgain });
      },
    });
    if (!made) return 'partly';
    const { account, file } = made;
    terminal.say(
      `${bot} is @${account.screenName} (id ${account.userId}): ${path.relative('.', file)}`,
      'green',
    );
    return 'done';

    async function anotherLink(): Promise<Pending> {
      const screenName = expectedName(expected);
      const { poemFile } = pending;
      const begun = await beginLink({ bot, client, context, provider, screenName, poemFile });
      showLink({ bot, screenName, terminal }, begun.link);
      return begun.pending;
    }
  },
});

/** @throws {FlockError} `usage` where flock.json names another account */
function accountNamed(
  bot: BotName,
  inFile: string | undefined,
  given: string | undefined,
): string | undefined {
  if (isSameName(inFile, given) !== false) return given ?? inFile;
  throw new FlockError('usage', `flock.json says that ${bot} is @${inFile ?? ''}, not @${given ?? ''}`, {
    hint: 'leave --account out, or correct flock.json',
  });
}

/** @throws {FlockError} `usage` where what is typed is no PIN; the link stays good */
async function askPin(bot: BotName, provider: Provider, terminal: Terminal): Promise<string> {
  const instead = 'give the PIN on standard input, on a line of its own';
  const pin = verifierFrom(await terminal.ask(`PIN for ${bot}:`, instead), provider);
  if (pin !== undefined) return pin;
  throw new FlockError('usage', notPin(provider), { hint: 'copy it from the page that the link leads to' });
}

/** @throws {FlockError} `tryLater` where the PIN is refused, with the way to another link */
async function exchange(
  client: OAuth1Client,
  requestToken: TokenPair,
  { pin, beginAgain }: { pin: string; beginAgain: string },
): Promise<Grant> {
  try {
    return await client.accessToken(requestToken, pin);
  } catch (cause) {
    if (!(cause instanceof VerifierRefused)) throw cause;
    throw new FlockError('tryLater', cause.message, { hint: beginAgain, cause });
  }
}

/** @throws {FlockError} `usage` where nothing was begun, `tryLater` where it was too long ago */
function stillPending(
  bot: BotName,
  pending: Pending | undefined,
  { now, beginAgain: hint }: { now: number; beginAgain: string },
): Pending {
  if (!pending) throw new FlockError('usage', `nothing was begun for ${bot}`, { hint });
  if (pending.expires > now) return pending;
  throw new FlockError('tryLater', `${bot}: the link is older than a quarter of an hour`, { hint });
}
