import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import * as z from 'zod';
import { type FlockFile, readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext } from '../../context.ts';
import { attempt, attemptAsync, type Exit, FlockError, systemCode } from '../../errors.ts';
import { knownBots, poemFinder } from '../../flock/load.ts';
import { readRegularFile, reasonOf } from '../../fs.ts';
import type { LinkIssuer } from '../../keys/issuers.ts';
import type { KeyBundle } from '../../keys/bundle.ts';
import type { KeyStore } from '../../keys/store.ts';
import { type ForeignKey, type Found, isKey, readForeign } from '../../keys/foreign-formats.ts';
import { isSameName, isSamePlace, judgeAccount, titleOf } from '../../keys/right-account.ts';
import { accountKey } from '../../networks/networks.ts';
import type { Grant } from '../../oauth/client.ts';
import { type BotName, botNameOf, parseBotName } from '../../poems/bot-name.ts';
import { findPoemsIfThere } from '../../poems/find.ts';
import { Secret } from '../../text.ts';
import { command, placeFlags, toggle } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { makeBotKey, networkFlags, openSession } from './authorize.ts';
import { oldBundle, Outcomes } from './each-bot.ts';

/** A file of keys is no larger. Bytes. */
const maxSize = 256 * 1024;

/** The maximum number of files that are read concurrently. */
const readers = 64;

/** The keys of the newer xurl. Other files beside it are not for accounts. */
const xurlFile = 'auth.yml';

export const importKeys = command({
  summary: 'Make key bundles of keys that other programs have made',
  schema: z.object({
    file: z.string().optional().meta({
      positional: true,
      kind: 'file',
      description: 'a file with keys of another program, or a folder of such files',
    }),
    bot: z.string().optional().meta({
      description: 'the bot that gets the key; of several keys, the one of that name',
      kind: 'bot',
    }),
    force: toggle('also replace valid keys'),
    network: networkFlags.network.meta({
      description: 'without a file: ask for an access token of mastodon, or an app password of bluesky',
    }),
    server: networkFlags.server,
    ...placeFlags,
  }),
  exits: { partly: 'some keys were refused', data: 'all keys were refused, or there are none' },
  examples: [
    ['keymaker import ~/flock-2014/keys', 'the key bundles of an old Keymaker'],
    ['keymaker import ~/.twurlrc', 'the keys of twurl; t has its keys in ~/.trc'],
    ['keymaker import ~/.xurl --bot howl', 'the key of xurl, which does not name its account'],
    [
      'keymaker import bot.env --bot howl',
      'consumer_key, consumer_secret, access_token, access_token_secret',
    ],
    ['keymaker import --bot howl --network mastodon', 'asks for an access token: Preferences, Development'],
  ],
  async run(args, terminal) {
    const wanted = args.bot === undefined ? undefined : parseBotName(args.bot);
    await using context = openContext(args);
    if (args.file === undefined) return await importTyped(args, context, terminal);
    if (args.network !== undefined || args.server !== undefined)
      throw new FlockError('usage', 'either a file or --network', { hint: 'leave one out' });
    const { keys, paths } = context;
    const { root } = paths;
    const flockFile = await readFlockFile(paths.flockFile);
    const found = await findKeys(args.file);
    const faults = found.filter((key) => key instanceof FlockError);
    const taking: Taking = {
      keys,
      files: new Map((await keys.list()).map(({ bot, file }) => [bot, file])),
      owners: await keys.owners(),
      taken: new Set(),
      flockFile,
      findPoem: await poemFinder(root, knownBots(root, keys)),
      force: args.force,
      terminal,
    };
    const { poems } = await findPoemsIfThere(path.join(root, 'poems'), knownBots(root, keys));
    const bots = [...taking.files.keys(), ...flockFile.named, ...poems.map(({ bot }) => bot)];
    const choice = { wanted, flockFile, known: new Set<string>(bots), alone: found.length === 1 };
    const outcomes = new Outcomes<'imported' | 'kept'>(terminal);
    const chosen = attempt(() => chooseBots(found.filter(isKey), choice));
    if (chosen instanceof FlockError) {
      for (const { message, hint } of faults) terminal.warn(message, hint);
      throw chosen;
    }
    try {
      // If one of many keys is wanted, the faults of the others do not matter.
      if (wanted === undefined || chosen.length === 0) for (const fault of faults) outcomes.fail(fault);
      for (const key of chosen)
        await outcomes.add(
          () => take(key, taking),
          ({ exit }) => exit === 'data',
        );
    } finally {
      terminal.say();
      outcomes.summarize(['imported', 'kept'], 'refused');
      if (outcomes.has('imported')) terminal.say(notAsked(chosen));
    }
    return outcomes.exit;
  },
});

function notAsked(chosen: readonly Chosen[]): string {
  const isAllX = chosen.every(({ key }) => key.bundle.provider === undefined);
  return isAllX
    ? 'X was not asked: keymaker doctor checks the keys there.'
    : 'No network was asked: keymaker doctor checks the keys there.';
}

/**
 * Makes a key of an access token or app password that a person pastes, after the network was asked whose it is.
 *
 * @throws {FlockError} `usage` if the bot or the network is not named; `partly` or `data` if the key is not good for the bot
 */
async function importTyped(
  args: Parameters<typeof openSession>[2] & { bot?: string | undefined; force: boolean },
  context: Context,
  terminal: Terminal,
): Promise<Exit> {
  const { keys, paths } = context;
  if (args.bot === undefined) {
    const hint = 'keymaker import --help shows how it is called';
    throw new FlockError('usage', 'import: <file> is missing', { hint });
  }
  const bot = parseBotName(args.bot);
  const session = await openSession(context, terminal, args);
  const old = await oldBundle(bot, keys, terminal);
  const issuer = session.issuers.of(bot, old);
  const { accept } = issuer.by === 'link' ? issuer : {};
  if (issuer.by === 'link' && !accept)
    throw new FlockError('usage', `which file has the key of ${bot} for ${issuer.title}?`, {
      hint: fileOrBot,
    });
  if (old && !args.force) {
    terminal.say(`${bot} has a key for @${old.screenName ?? ''}; --force replaces it.`);
    return 'done';
  }
  const findPoem = await poemFinder(paths.root, knownBots(paths.root, keys));
  const poemFile = await findPoem(bot, [old?.poemFile]);
  const flow = accept && (() => acceptTyped(bot, accept, terminal));
  const owners = await keys.owners();
  const made = await makeBotKey(session, {
    bot,
    old,
    issuer,
    poemFile,
    owners,
    again: accept ? 'make another access token' : 'try again',
    flow,
    once: true,
  });
  if (poemFile === undefined) terminal.warn(`${bot}: no poem found`, `put it into poems/${bot}.txt`);
  return made ? 'done' : 'partly';
}

const fileOrBot =
  'name a file of keys, or a bot of another network: --bot NAME --network mastodon --server URL';

async function acceptTyped(
  bot: BotName,
  accept: NonNullable<LinkIssuer['accept']>,
  terminal: Terminal,
): Promise<Grant> {
  const instead = 'give the access token on standard input, on a line of its own';
  const token = (await terminal.askSecret(`access token for ${bot} (not shown):`, instead)).trim();
  const again = 'copy it once more from Preferences, Development, Your access token';
  const refused = (message: string, hint = again): FlockError =>
    new FlockError('partly', `${bot}: ${message}`, { hint });
  if (!/^[\x21-\x7e]{8,4096}$/.test(token)) throw refused('that is no access token');
  return accept(new Secret(token)).catch((cause: unknown) => {
    if (!(cause instanceof FlockError) || cause.exit !== 'partly') throw cause;
    throw refused(cause.message, cause.hint?.includes('Development') === true ? cause.hint : again);
  });
}

/** @throws {FlockError} `data` if there is nothing to read */
async function findKeys(place: string): Promise<Found[]> {
  const files = await filesIn(place);
  if (files.length === 0) {
    const hint = 'their names end in .json, .yml, .yaml, .ini or .env';
    throw new FlockError('data', `${place}: no key files in this folder`, { hint });
  }
  const found = await pMap(files, readKeys, { concurrency: readers });
  return found.flat();
}

async function filesIn(place: string): Promise<string[]> {
  try {
    const names = await readdir(place);
    const bundles = names.filter((name) => name.endsWith('.json'));
    const others = names.filter((name) => /\.(?:ya?ml|ini|env)$/.test(name));
    const keyFiles = names.includes(xurlFile) ? [xurlFile] : bundles.length > 0 ? bundles : others;
    return keyFiles.sort().map((name) => path.join(place, name));
  } catch (cause) {
    if (systemCode(cause) === 'ENOTDIR') return [place];
    throw unreadable(place, cause);
  }
}

async function readKeys(file: string): Promise<Found[]> {
  let text: Buffer;
  try {
    // A file among a person's dotfiles is often a symbolic link.
    text = await readRegularFile(await realpath(file), maxSize);
  } catch (cause) {
    return [unreadable(file, cause)];
  }
  return readForeign(text.toString('utf8'), file);
}

const unreadable = (file: string, cause: unknown): FlockError =>
  new FlockError('data', `cannot read ${file}: ${reasonOf(cause)}`, {
    hint: 'give a file of keys, or a folder of key bundles',
    cause,
  });

/** A key and its bot. */
interface Chosen {
  bot: BotName;
  key: ForeignKey;
}

interface Choice {
  /** The only bot that gets a key, if a person has chosen one. */
  wanted: BotName | undefined;
  /** Whether there is only one key, bad ones included. */
  alone: boolean;
  flockFile: FlockFile;
  /** The bots that have a poem, a bundle or settings. */
  known: ReadonlySet<string>;
}

/**
 * The bot of each key, in this order: the wanted one, the one with that account in flock.json, the one in the name of the key's
 * file, a known one that the file names beside the key, the one with the account's name.
 *
 * @throws {FlockError} `usage` if nothing determines the bot of a key
 */
function chooseBots(keys: readonly ForeignKey[], choice: Choice): Chosen[] {
  const { wanted, alone } = choice;
  const found = keys.map((key) => ({ key, bot: botOf(key, choice) }));
  if (wanted === undefined)
    return found.map(({ key, bot }) => {
      if (bot !== undefined) return { key, bot };
      throw new FlockError('usage', `${key.title}: nothing in it says which bot the key is for`, {
        hint: 'choose its bot with --bot NAME',
      });
    });
  const meant = alone ? found : found.filter(({ key, bot }) => bot === wanted || botOfName(key) === wanted);
  const [only] = meant;
  if (only && meant.length === 1) return [{ key: only.key, bot: wanted }];
  const shown = (meant.length > 0 ? meant : found).map(({ key }) => labelOf(key));
  if (shown.length === 0) return [];
  throw new FlockError('usage', `which key is for ${wanted}? There are ${shown.join(', ')}`, {
    hint: 'name one of the accounts with --bot, or put the one key into a file of its own',
  });
}

function botOf(key: ForeignKey, { flockFile, known }: Choice): BotName | undefined {
  const { named, settingsOf } = flockFile;
  const { screenName } = key.bundle;
  const settled = named.find((bot) => isSameName(settingsOf(bot).account, screenName) === true);
  const meant = key.mayBe?.find((name) => known.has(name));
  return settled ?? key.ownName ?? meant ?? botOfName(key);
}

const botOfName = ({ bundle: { screenName = '' } }: ForeignKey): BotName | undefined => botNameOf(screenName);

const labelOf = ({ title, bundle: { screenName } }: ForeignKey): string =>
  screenName === undefined ? title : `@${screenName}`;

interface Taking {
  keys: KeyStore;
  /** The existing bundles, by bot. New ones are added. */
  files: Map<BotName, string>;
  /** The bots of the accounts, by {@link accountKey}. New ones are added. */
  owners: Map<string, BotName>;
  /** The bots that got a key in this import. */
  taken: Set<BotName>;
  flockFile: FlockFile;
  findPoem: Awaited<ReturnType<typeof poemFinder>>;
  /** Whether good keys are replaced. */
  force: boolean;
  terminal: Terminal;
}

/**
 * Stores a foreign key as a bot's bundle, after all checks, and says where it is.
 *
 * @throws {FlockError} `data` if the bot must not have it, `cannotCreate` if it cannot be stored
 */
async function take(chosen: Chosen, taking: Taking): Promise<'imported' | 'kept'> {
  const { bot, key } = chosen;
  const { files, owners, taken, keys, terminal } = taking;
  if (taken.has(bot))
    throw refusal(key.title, `${bot} has another key of this import already`, 'leave one of the two out');
  const old = await goodBundle(bot, taking);
  if (old && !taking.force) {
    const whose = old.screenName === undefined ? '' : ` for @${old.screenName}`;
    terminal.say(`${bot} has a key${whose}; --force replaces it.`);
    return 'kept';
  }
  const place = files.get(bot);
  // The new bundle must not stand beside the old one.
  if (place !== undefined && place !== (await keys.placeOf(bot))) {
    const why = `it is the bundle of ${bot}, and cannot be replaced under this name`;
    throw refusal(place, why, `mv '${place}' '${keys.fileOf(bot)}'`);
  }
  checkAccount(chosen, old, taking);
  const { userId } = key.bundle;
  const owner = userId === undefined ? undefined : owners.get(accountKey(userId, key.bundle));
  if (owner !== undefined && owner !== bot) {
    const why = `the key of ${whoseIs(key)}, which is the account of ${owner} already; ${bot} cannot have it too`;
    throw refusal(key.title, why, `leave it with ${owner}, or remove that bot's bundle first`);
  }
  const poemFile = await taking.findPoem(bot, [key.bundle.poemFile, old?.poemFile]);
  // If the key has no screen name, the one in the old bundle of the same account counts.
  const screenName = key.bundle.screenName ?? (old?.userId === userId ? old?.screenName : undefined);
  const file = await keys.write(bot, { ...key.bundle, screenName, poemFile });
  taken.add(bot);
  files.set(bot, file);
  if (old?.userId !== undefined) owners.delete(accountKey(old.userId, old));
  if (userId !== undefined) owners.set(accountKey(userId, key.bundle), bot);
  if (poemFile === undefined) terminal.warn(`${bot}: no poem found`, `put it into poems/${bot}.txt`);
  const account =
    screenName === undefined
      ? `the account with id ${userId ?? 'unknown'}`
      : `@${screenName} (id ${userId ?? 'unknown'})`;
  terminal.say(`${bot} is ${account}: ${path.relative('.', file)}`, 'green');
  return 'imported';
}

/** The bot's bundle, unless it is bad and will be replaced. */
async function goodBundle(bot: BotName, { keys, files, terminal }: Taking): Promise<KeyBundle | undefined> {
  const file = files.get(bot);
  const found = file === undefined ? undefined : await attemptAsync(keys.read(file));
  if (!(found instanceof FlockError)) return found;
  if (found.exit !== 'data') throw found;
  terminal.warn(`${found.message}; it will be replaced`);
  return undefined;
}

/** @throws {FlockError} `data` if flock.json or the old key says that the bot has another account */
function checkAccount(
  { bot, key }: Chosen,
  old: KeyBundle | undefined,
  { flockFile, terminal }: Taking,
): void {
  const { account: named } = flockFile.settingsOf(bot);
  const oldThere = isSamePlace(old, key.bundle) ? old : undefined;
  const verdict = judgeAccount(bot, key.bundle, { named, old: oldThere });
  if (verdict === 'ask' && named !== undefined) {
    const message = `${bot}: flock.json says @${named}, and ${key.title} does not say whose key it is`;
    terminal.warn(message, 'keymaker doctor asks X');
  }
  if (verdict !== 'wrong') return;
  const [other, hint] =
    named === undefined
      ? [
          `${bot} is ${titleOf({ old: oldThere }, key.bundle)}`,
          `if ${bot} is to change its account, write the new one into flock.json`,
        ]
      : [`flock.json says that ${bot} is @${named}`, 'correct flock.json, or choose another bot with --bot'];
  throw refusal(key.title, `the key of ${whoseIs(key)}, but ${other}`, hint);
}

const whoseIs = ({ bundle: { screenName, userId } }: ForeignKey): string =>
  screenName === undefined ? `account ${userId ?? ''}` : `@${screenName}`;

const refusal = (title: string, why: string, hint: string): FlockError =>
  new FlockError('data', `${title}: ${why}`, { hint });
