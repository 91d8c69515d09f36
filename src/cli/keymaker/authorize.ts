import path from 'node:path';
import type { FlockFile } from '../../config/flock-file.ts';
import type { Context } from '../../context.ts';
import { type Exit, FlockError } from '../../errors.ts';
import { knownBots } from '../../flock/load.ts';
import type { KeyBundle } from '../../keys/bundle.ts';
import type { KeyStore } from '../../keys/store.ts';
import { type Account, type Grant, type OAuth1Client, VerifierRefused } from '../../oauth/client.ts';
import { callbackFlow, pinFlow } from '../../oauth/flows.ts';
import { type Provider, verifierFrom, withPermission } from '../../oauth/providers.ts';
import { type BotName, parseBotName } from '../../poems/bot-name.ts';
import {
  findPoems,
  type FoundPoems,
  type KnownBots,
  noPoems,
  type PassedOver,
  type PoemFile,
  readPoem,
} from '../../poems/find.ts';
import { linesOf } from '../../poems/poem.ts';
import { nearest } from '../../text.ts';
import { type CallbackListener, openCallbackListener } from '../../web/callback.ts';
import { type GivenPlaces, nonEmpty, portFlag, toggle, withInvocationFlags } from '../command.ts';
import { openInBrowser, type Terminal } from '../terminal.ts';

interface AuthorizeOptions {
  bot: BotName;
  provider: Provider;
  client: OAuth1Client;
  /** The screen name the bot is to have, where it is known. */
  screenName: string | undefined;
  terminal: Terminal;
  /** Where the person is sent back to; without it they bring a PIN. */
  callbacks?: CallbackListener | undefined;
}

/** A person's step, told and asked at the terminal. @throws {FlockError} as the flows and the terminal do */
export function authorize(options: AuthorizeOptions): Promise<Grant | undefined> {
  const { bot, provider, client, screenName, terminal, callbacks } = options;
  const showUrl = (url: string): void => {
    showLink(options, url);
  };
  if (callbacks) {
    return callbackFlow({ provider: provider.title, client, expected: screenName, callbacks, showUrl });
  }
  return pinFlow({
    client,
    expected: screenName,
    showUrl,
    askPin: () => askPin(bot, provider, terminal),
    refused: ({ message, hint }: FlockError) => {
      terminal.warn(`${bot}: ${message}`, hint);
    },
  });
}

/** Says what to do with a link that authorizes a bot. */
export function showLink(
  {
    bot,
    screenName,
    terminal,
    callbacks,
  }: Pick<AuthorizeOptions, 'bot' | 'screenName' | 'terminal' | 'callbacks'>,
  url: string,
): void {
  const account = screenName === undefined ? `the account of ${bot}` : `@${screenName}`;
  terminal.say(`Open this link, sign in as ${account}, and authorize the app:`);
  terminal.say();
  terminal.say(url);
  terminal.say();
  if (callbacks) void openInBrowser(url, terminal);
}

async function askPin(bot: BotName, provider: Provider, terminal: Terminal) {
  for (;;) {
    const question = `PIN for ${bot} (r for a new link, n to skip):`;
    const answer = (
      await terminal.ask(question, 'enter the PIN that the page shows, on a line of its own')
    ).trim();
    if (/^n(o)?$/i.test(answer)) return 'skip';
    if (/^r$/i.test(answer)) return 'new link';
    const pin = verifierFrom(answer, provider);
    if (pin !== undefined) return { pin };
    terminal.warn(notPin(provider), 'copy it from the page that the link leads to');
  }
}

/** What is wrong with something typed in a PIN's place. */
export function notPin({ verifier: { example } }: Provider): string {
  return example === '' ? 'that is not a PIN' : `that is not a PIN: one looks like ${example}`;
}

/** How a person says whose account it is that was authorized. */
interface Confirming {
  bot: BotName;
  terminal: Terminal;
  /** What would have answered, for the hint at the end of input. */
  instead: string;
  /** The person has answered with a flag. */
  yes?: boolean | undefined;
  callbacks?: CallbackListener | undefined;
}

/** Asks whether this is the bot's account, and says what comes after a "no". */
export function confirming({ bot, terminal, instead, yes = false, callbacks }: Confirming) {
  const questionOf = ({ screenName }: Account): string => `Is @${screenName} the account of ${bot}?`;
  return {
    confirm: async (account: Account): Promise<boolean> => {
      if (yes) return true;
      const question = questionOf(account);
      callbacks?.tell({ tone: 'plain', title: question, text: 'Please answer in the terminal.' });
      return terminal.confirm(question, instead);
    },
    declined: ({ screenName }: Account): void => {
      terminal.warn(
        `${bot}: you said that @${screenName} is not its account; nothing was stored`,
        `sign out in the browser; a new link follows, since the old one is spent`,
      );
    },
  };
}

/** The heading of the flags that say how a key is got. */
export const authorizingGroup = 'How it is authorized';

/** The flags that say whose keys are made. */
export const providerFlags = {
  provider: nonEmpty.default('x').meta({
    description: 'who gives the key: x, flickr, tumblr, or one described in flock.json',
    placeholder: 'ID',
    suggestions: ['x', 'flickr', 'tumblr'],
    group: authorizingGroup,
  }),
  perms: nonEmpty.optional().meta({
    description: 'what to ask for, where the provider leaves it to the link (flickr)',
    placeholder: 'WORD',
    suggestions: ['read', 'write', 'delete'],
    group: authorizingGroup,
  }),
};

/** @throws {FlockError} `usage` for a provider or permission that is not there */
export function chooseProvider(
  context: Context,
  { providers }: FlockFile,
  { provider: id, perms }: { provider: string; perms?: string | undefined },
): Provider {
  const provider = context.provider(id, providers);
  if (perms === undefined) return withPermission(provider, undefined);
  const { permissions, title } = provider;
  if (!permissions) {
    throw new FlockError('usage', `${title} takes its permissions from the app, not from the link`, {
      hint: 'set them where the app was registered, and leave --perms out',
    });
  }
  if (permissions.choices.includes(perms)) return withPermission(provider, perms);
  throw new FlockError('usage', `--perms: ${title} does not know ${JSON.stringify(perms)}`, {
    hint: `choose one of ${permissions.choices.join(', ')}`,
  });
}

/** The flags of commands that can wait for the browser. */
export const callbackFlags = {
  callback: toggle('let the browser bring the answer back, instead of a PIN').meta({
    group: authorizingGroup,
  }),
  port: portFlag.default(4180).meta({
    description: 'with --callback: register http://127.0.0.1:PORT/callback with the app',
    group: authorizingGroup,
  }),
};

/**
 * What waits for the browser, where the person or the provider wants that.
 *
 * @throws {FlockError} `usage` where the provider gives its keys by PIN only, `unavailable` where the port cannot be had
 */
export async function listenerFor(
  { callback, port }: { callback: boolean; port: number },
  provider: Provider,
  { clock }: Context,
  terminal: Terminal,
): Promise<CallbackListener | undefined> {
  if (callback && provider.callback === 'pin') {
    throw new FlockError('usage', `${provider.title} gives its keys by PIN`, {
      hint: 'leave --callback out',
    });
  }
  if (!callback && provider.callback !== 'url') return undefined;
  const warn = (message: string): void => {
    terminal.warn(message, 'use the link above');
  };
  return openCallbackListener({ port, clock, warn });
}

/** @throws {FlockError} `usage` where the bot has no bundle */
export async function mustHaveKey(
  bot: BotName,
  { keys, paths }: Pick<Context, 'keys' | 'paths'>,
  places: GivenPlaces,
): Promise<void> {
  const known = (await keys.list()).map((entry) => entry.bot);
  if (known.includes(bot)) return;
  const { poems } = await findPoems(path.join(paths.root, 'poems'), knownBots(paths.root, keys)).catch(
    noneWhereUnreadable,
  );
  const readers = poems.map((poem) => poem.bot);
  throw new FlockError('usage', `${bot} has no key bundle in ${keys.folder}`, {
    hint: hintFor(bot, { known, readers }, withInvocationFlags(places)),
  });
}

/** @param readers - the bots that have a poem, and perhaps no key */
function hintFor(
  bot: BotName,
  { known, readers }: { known: readonly BotName[]; readers: readonly BotName[] },
  keymaker: (call: string) => string,
): string {
  if (readers.includes(bot)) return `make its first: ${keymaker(`make-keys ./poems --bot=${bot}`)}`;
  const meant = nearest(bot, [...known, ...readers]);
  if (meant !== undefined) return `did you mean ${meant}?`;
  return known.length > 0
    ? `${keymaker('list')} shows the bots`
    : `make some first: ${keymaker('make-keys ./poems')}`;
}

function noneWhereUnreadable(error: unknown): FoundPoems {
  if (error instanceof FlockError) return noPoems;
  throw error;
}

/**
 * The bot's good bundle, or undefined. A bad one is as good as none, and will be replaced.
 *
 * @throws {FlockError} where it may be good, and only cannot be read: `permission` and `config`
 */
export async function oldBundle(
  bot: BotName,
  keys: KeyStore,
  terminal: Terminal,
): Promise<KeyBundle | undefined> {
  try {
    return await keys.readIfThere(bot);
  } catch (error) {
    if (!(error instanceof FlockError) || error.exit !== 'data') throw error;
    terminal.warn(`${error.message}; it will be replaced`);
    return undefined;
  }
}

/** The poems that were asked for, and those that no bot can read. */
interface ChosenPoems {
  chosen: PoemFile[];
  /** Each by its bot, or where that has no name by its file. */
  refused: { bot: string; error: FlockError }[];
}

/**
 * The poems of a folder, or those of the bots that are named.
 *
 * @throws {FlockError} `data` where there are no poems, `usage` where a named bot has none
 */
export async function choosePoems(
  folder: string,
  wanted: readonly string[],
  known: KnownBots,
): Promise<ChosenPoems> {
  const found = await findPoems(folder, known);
  const refused = [...found.clashes, ...found.passedOver.flatMap(refusalOf)];
  if (found.poems.length + refused.length === 0) {
    throw new FlockError('data', `no poems in ${folder}`, {
      hint: 'a poem is a text file whose name ends in .txt',
    });
  }
  return wanted.length === 0 ? { chosen: found.poems, refused } : theWanted(folder, wanted, found);
}

function refusalOf({ file, kind, why, hint }: PassedOver): ChosenPoems['refused'] {
  return kind === 'refused'
    ? [{ bot: file, error: new FlockError('data', `${file}: ${why}`, { hint }) }]
    : [];
}

/** @throws {FlockError} `usage` where there is no poem for one of them */
function theWanted(folder: string, wanted: readonly string[], { poems, clashes }: FoundPoems): ChosenPoems {
  const poemOf = new Map(poems.map((poem) => [poem.bot, poem]));
  const clashOf = new Map(clashes.map((clash) => [clash.bot, clash]));
  const chosen: ChosenPoems = { chosen: [], refused: [] };
  for (const bot of new Set(wanted.map(parseBotName))) {
    const [poem, clash] = [poemOf.get(bot), clashOf.get(bot)];
    if (poem) chosen.chosen.push(poem);
    else if (clash) chosen.refused.push(clash);
    else {
      const bots = [...poemOf.keys()];
      const meant = nearest(bot, bots);
      throw new FlockError('usage', `no poem in ${folder} belongs to a bot called ${bot}`, {
        hint: meant === undefined ? `the bots are ${bots.join(', ')}` : `did you mean ${meant}?`,
      });
    }
  }
  return chosen;
}

/** @throws {FlockError} `data` where the poem cannot be read or has nothing to post */
export async function checkPoem({ file }: PoemFile): Promise<void> {
  await linesOf(file, 'line', readPoem);
}

/** What became of one bot's key; a poem whose bot has no name is named by its file. */
export type Result = { bot: string } & (
  { key: 'made' | 'kept' | 'skipped' } | { key: 'failed'; error: FlockError }
);

/** Whether the next bot would fare no better. */
export const stopsAll = (error: FlockError): boolean =>
  !(error instanceof VerifierRefused || ['data', 'partly', 'permission'].includes(error.exit));

export function summarize(results: readonly Result[], terminal: Terminal): void {
  const counts = (['made', 'kept', 'skipped', 'failed'] as const).map(
    (key) => `${results.filter((result) => result.key === key).length} ${key}`,
  );
  terminal.say(`Keys: ${counts.join(', ')}.`);
}

export function exitOf(results: readonly Result[]): Exit {
  const failed = results.filter((result) => result.key === 'failed');
  const [first] = failed;
  if (!first) return 'done';
  return failed.length === results.length ? first.error.exit : 'partly';
}
