import { lstat } from 'node:fs/promises';
import path from 'node:path';
import type { FlockFile } from '../config/flock-file.ts';
import { FlockError } from '../errors.ts';
import { accountKey, type KeyBundle } from '../keys/bundle.ts';
import type { ForeignKey } from '../keys/foreign-formats.ts';
import { isSameName, judgeAccount, titleOf } from '../keys/right-account.ts';
import type { KeyStore } from '../keys/store.ts';
import { type BotName, botNameOf } from '../poems/bot-name.ts';
import { findPoemsIfThere, type KnownBots } from '../poems/find.ts';

/** A key, and the bot that is to have it. */
export interface Chosen {
  bot: BotName;
  key: ForeignKey;
}

export interface Choice {
  /** The one bot that is to get a key. */
  wanted: BotName | undefined;
  /** Whether there is one key in all, the bad ones counted. */
  alone: boolean;
  flockFile: FlockFile;
  /** The bots that have a poem, a bundle or settings. */
  known: ReadonlySet<string>;
}

/**
 * The bot of each key: the one that is wanted, the one with that account in flock.json, the one that the key's file is
 * named for, a known one that stands with the key, or else the one with the account's name.
 *
 * @throws {FlockError} `usage` where nothing says which bot is to have a key
 */
export function chooseBots(keys: readonly ForeignKey[], choice: Choice): Chosen[] {
  const { wanted, alone } = choice;
  const found = keys.map((key) => ({ key, bot: botOf(key, choice) }));
  if (wanted === undefined) return found.map(({ key, bot }) => ({ key, bot: bot ?? fail(nameless(key)) }));
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

const nameless = ({ title }: ForeignKey): FlockError =>
  new FlockError('usage', `${title}: nothing in it says which bot the key is for`, {
    hint: 'choose its bot with --bot NAME',
  });

function fail(error: FlockError): never {
  throw error;
}

/** Finds the poem for a bot, given the paths that bundles had for it; relative to the root. */
type FindPoem = (bot: BotName, before: readonly (string | undefined)[]) => Promise<string | undefined>;

/**
 * A search for poems in a flock: what a bundle had counts where there is such a file in the flock's folder, then the one
 * poem of the bot's name does.
 *
 * @throws {FlockError} `data` where the poems folder cannot be read
 */
export async function poemFinder(root: string, known?: KnownBots): Promise<FindPoem> {
  const { poems } = await findPoemsIfThere(path.join(root, 'poems'), known);
  return async (bot, before) => {
    for (const file of before) {
      const way = file === undefined ? undefined : await wayTo(root, file);
      if (way !== undefined) return way;
    }
    const namesake = poems.find((poem) => poem.bot === bot);
    return namesake && path.relative(root, namesake.file);
  };
}

async function wayTo(root: string, file: string): Promise<string | undefined> {
  const way = path.relative(root, path.resolve(root, file));
  if (way === '' || way.startsWith('..') || path.isAbsolute(way)) return undefined;
  // A path with a NUL is no file's, as is one that is too long.
  const status = await lstat(path.join(root, way)).catch(() => undefined);
  return status?.isFile() === true ? way : undefined;
}

export interface Taking {
  keys: KeyStore;
  /** The bundles that are there, by their bots. New ones are added. */
  files: Map<BotName, string>;
  /** The bots whose bundles are for an account, by its {@link accountKey}. New ones are added. */
  owners: Map<string, BotName>;
  /** The bots that got a key of this import. */
  taken: Set<BotName>;
  flockFile: FlockFile;
  findPoem: FindPoem;
  /** Also for bots that have a good key. */
  force: boolean;
  warn: (message: string, hint?: string) => void;
}

/** What became of a key: where it is stored, or that the bot keeps the one it has. */
export type Taken = { key: 'imported'; file: string; bundle: KeyBundle } | { key: 'kept'; bundle: KeyBundle };

/**
 * Stores a foreign key as a bot's bundle. Until the very end nothing is written.
 *
 * @throws {FlockError} `data` where the bot is not to have it, `cannotCreate` where it cannot be stored
 */
export async function takeKey(chosen: Chosen, taking: Taking): Promise<Taken> {
  const { bot, key } = chosen;
  if (taking.taken.has(bot)) {
    throw refusal(key.title, `${bot} has another key of this import already`, 'leave one of the two out');
  }
  const old = await goodBundle(bot, taking);
  if (old && !taking.force) return { key: 'kept', bundle: old };
  await checkPlace(bot, taking);
  checkAccount(chosen, old, taking);
  checkOwner(chosen, taking);
  const poemFile = await taking.findPoem(bot, [key.bundle.poemFile, old?.poemFile]);
  const bundle = { ...key.bundle, screenName: screenNameOf(key.bundle, old), poemFile };
  const file = await taking.keys.write(bot, bundle);
  remember(bot, { file, bundle, old }, taking);
  if (poemFile === undefined) taking.warn(`${bot}: no poem found`, `put it into poems/${bot}.txt`);
  return { key: 'imported', file, bundle };
}

/** A key that does not say its account's name has the name that the same account had before. */
const screenNameOf = ({ screenName, userId }: KeyBundle, old: KeyBundle | undefined): string | undefined =>
  screenName ?? (old?.userId === userId ? old?.screenName : undefined);

function remember(
  bot: BotName,
  { file, bundle, old }: { file: string; bundle: KeyBundle; old: KeyBundle | undefined },
  { files, owners, taken }: Taking,
): void {
  taken.add(bot);
  files.set(bot, file);
  if (old?.userId !== undefined) owners.delete(accountKey(old.userId, old.provider));
  if (bundle.userId !== undefined) owners.set(accountKey(bundle.userId, bundle.provider), bot);
}

/** A bad bundle is as good as none, and is replaced. */
async function goodBundle(bot: BotName, { keys, files, warn }: Taking): Promise<KeyBundle | undefined> {
  const file = files.get(bot);
  if (file === undefined) return undefined;
  try {
    return await keys.read(file);
  } catch (error) {
    if (!(error instanceof FlockError) || error.exit !== 'data') throw error;
    warn(`${error.message}; it will be replaced`);
    return undefined;
  }
}

/** @throws {FlockError} `data` where the new bundle would stand beside the old one */
async function checkPlace(bot: BotName, { keys, files }: Taking): Promise<void> {
  const file = files.get(bot);
  if (file === undefined || file === (await keys.placeOf(bot))) return;
  throw refusal(
    file,
    `it is the bundle of ${bot}, and cannot be replaced under this name`,
    `mv '${file}' '${keys.fileOf(bot)}'`,
  );
}

/**
 * A key that nothing speaks against may be taken: its file, its account's name, or a person has chosen its bot.
 *
 * @throws {FlockError} `data` where the bot is to have another account, by flock.json or by its key so far
 */
function checkAccount({ bot, key }: Chosen, old: KeyBundle | undefined, { flockFile, warn }: Taking): void {
  const { account: named } = flockFile.settingsOf(bot);
  const verdict = judgeAccount(bot, key.bundle, { named, old });
  if (verdict === 'wrong' && named !== undefined) {
    throw refusal(
      key.title,
      `the key of ${whoseIs(key)}, but flock.json says that ${bot} is @${named}`,
      'correct flock.json, or choose another bot with --bot',
    );
  }
  if (verdict === 'wrong') {
    throw refusal(
      key.title,
      `the key of ${whoseIs(key)}, but ${bot} is ${titleOf({ old }, key.bundle)}`,
      `if ${bot} is to change its account, write the new one into flock.json`,
    );
  }
  if (verdict === 'ask' && named !== undefined) {
    warn(
      `${bot}: flock.json says @${named}, and ${key.title} does not say whose key it is`,
      'keymaker doctor asks X',
    );
  }
}

/** @throws {FlockError} `data` where another bot has the account already */
function checkOwner({ bot, key }: Chosen, { owners }: Taking): void {
  const { userId, provider } = key.bundle;
  const owner = userId === undefined ? undefined : owners.get(accountKey(userId, provider));
  if (owner === undefined || owner === bot) return;
  throw refusal(
    key.title,
    `the key of ${whoseIs(key)}, which is the account of ${owner} already; ${bot} cannot have it too`,
    `leave it with ${owner}, or remove that bot's bundle first`,
  );
}

const whoseIs = ({ bundle: { screenName, userId } }: ForeignKey): string =>
  screenName === undefined ? `account ${userId ?? ''}` : `@${screenName}`;

const refusal = (title: string, why: string, hint: string): FlockError =>
  new FlockError('data', `${title}: ${why}`, { hint });
