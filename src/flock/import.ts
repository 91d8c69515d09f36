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

/** A key and its bot. */
export interface Chosen {
  bot: BotName;
  key: ForeignKey;
}

export interface Choice {
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

/** Finds the poem of a bot, given the paths in its older bundles. All paths are relative to the root. */
type FindPoem = (bot: BotName, before: readonly (string | undefined)[]) => Promise<string | undefined>;

/**
 * Searches poems in a flock: first a path from an older bundle, if there is such a file in the flock's folder, then the poem of
 * the bot's name.
 *
 * @throws {FlockError} `data` if the poems folder cannot be read
 */
export async function poemFinder(root: string, known?: KnownBots): Promise<FindPoem> {
  const { poems } = await findPoemsIfThere(path.join(root, 'poems'), known);
  return async (bot, before) => {
    for (const file of before) {
      const found = file === undefined ? undefined : await pathTo(root, file);
      if (found !== undefined) return found;
    }
    const namesake = poems.find((poem) => poem.bot === bot);
    return namesake && path.relative(root, namesake.file);
  };
}

async function pathTo(root: string, file: string): Promise<string | undefined> {
  const relative = path.relative(root, path.resolve(root, file));
  if (relative === '' || relative.startsWith('..') || path.isAbsolute(relative)) return undefined;
  // Fails also for a path with a NUL, or one that is too long.
  const status = await lstat(path.join(root, relative)).catch(() => undefined);
  return status?.isFile() === true ? relative : undefined;
}

export interface Taking {
  keys: KeyStore;
  /** The existing bundles, by bot. New ones are added. */
  files: Map<BotName, string>;
  /** The bots of the accounts, by {@link accountKey}. New ones are added. */
  owners: Map<string, BotName>;
  /** The bots that got a key in this import. */
  taken: Set<BotName>;
  flockFile: FlockFile;
  findPoem: FindPoem;
  /** Whether good keys are replaced. */
  force: boolean;
  warn: (message: string, hint?: string) => void;
}

/** The outcome for a key: stored in a file, or the bot keeps its old one. */
export type Taken = { key: 'imported'; file: string; bundle: KeyBundle } | { key: 'kept'; bundle: KeyBundle };

/**
 * Stores a foreign key as a bot's bundle, after all checks.
 *
 * @throws {FlockError} `data` if the bot must not have it, `cannotCreate` if it cannot be stored
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

/** The screen name of a key; if it has none, the one in the old bundle of the same account. */
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

/** The bot's bundle, unless it is bad and will be replaced. */
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

/** @throws {FlockError} `data` if the new bundle would not replace the old one, but stand beside it */
async function checkPlace(bot: BotName, { keys, files }: Taking): Promise<void> {
  const file = files.get(bot);
  if (file === undefined || file === (await keys.placeOf(bot))) return;
  throw refusal(
    file,
    `it is the bundle of ${bot}, and cannot be replaced under this name`,
    `mv '${file}' '${keys.fileOf(bot)}'`,
  );
}

/** @throws {FlockError} `data` if flock.json or the old key says that the bot has another account */
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

/** @throws {FlockError} `data` if another bot has the account */
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
