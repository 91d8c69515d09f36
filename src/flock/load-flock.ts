import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { readPrices } from '../cost/read-prices.ts';
import { FlockError, systemCode } from '../errors.ts';
import { isSealed } from '../keys/bundle-name.ts';
import type { BotKey, KeyBundle } from '../keys/key-bundle.ts';
import { grouped } from '../grouped.ts';
import type { KeyStore, ListedBundle } from '../keys/key-store.ts';
import { findPoems, type PoemFile } from '../poems/read-poems.ts';
import type { BotState } from '../posting/bot-state.ts';
import type { Purse } from '../posting/budget.ts';
import { Turns } from '../turns.ts';
import type { BotName } from './bot.ts';
import type { BotSettings, FlockFile } from './flock-file.ts';

/** One account that reads one poem. */
export interface Bot {
  name: BotName;
  bundle: BotKey;
  /** Absolute path. */
  poemFile: string;
  settings: BotSettings;
  /** Why its bundle cannot be opened any more: the key is the one that was read before. */
  unopened?: FlockError;
}

/** A flock as it stands on the disk: who can post, and who cannot and why. */
export interface Flock {
  bots: Bot[];
  misfits: Misfit[];
  purse: Purse;
}

export interface Misfit {
  bot: BotName;
  error: FlockError;
  /** Its bundle is encrypted, and cannot be opened here. */
  isSealedOff?: boolean;
}

/** How many bundles are read between two words on how far it is. */
const step = 10_000;

/**
 * Joins the key bundles with their poems. Whoever does not fit is left out alone, with the reason.
 *
 * @param tell - told now and then how many bundles of how many have been read, where there are many
 * @param before - the bots that run already: one whose bundle was encrypted to somebody else since keeps the key that it has
 * @throws {FlockError} where the keys folder itself cannot be read
 */
export async function loadFlock(
  root: string,
  keys: KeyStore,
  flockFile: FlockFile,
  tell: (read: number, of: number) => void = () => undefined,
  before: readonly Bot[] = [],
): Promise<Flock> {
  const poems = await findPoems(path.join(root, 'poems')).catch(noneWhereMissing);
  const namesakes = grouped(poems, ({ bot }) => bot);
  const { timezone, budget } = flockFile;
  const flock: Flock = { bots: [], misfits: [], purse: { prices: await readPrices(root), timezone, budget } };
  const homes = await homesOf(root);
  const running = new Map(before.map((bot) => [bot.name, bot]));
  const load = async (listed: ListedBundle, text?: string): Promise<Bot | FlockError> => {
    const { bot, file } = listed;
    try {
      const read: InMemory = await keys.readListed(listed, text).catch(keyInMemory(file, running.get(bot)));
      const { poemFile: named, unopened, ...bundle } = read;
      checkProvider(file, bundle);
      const settings = flockFile.settingsOf(bot);
      checkAccount(file, bundle, settings.account);
      const poemFile = poemOf(root, file, named, namesakes.get(bot) ?? []);
      await mustNotLeadOut(file, poemFile, homes);
      return { name: bot, bundle, poemFile, settings, ...(unopened && { unopened }) };
    } catch (error) {
      if (error instanceof FlockError) return error;
      throw error;
    }
  };
  const files = await keys.list();
  const turns = new Turns();
  let read = 0;
  for await (const [listed, text] of keys.ahead(files)) {
    const found = await load(listed, text);
    if (found instanceof FlockError) {
      flock.misfits.push({ bot: listed.bot, error: found, isSealedOff: isSealedOff(listed.file, found) });
    } else flock.bots.push(found);
    if (++read % step === 0) tell(read, files.length);
    if (turns.isOver) await turns.give();
  }
  return withoutTwins(flock);
}

/** Whether a bundle is whole, as far as anybody can tell, but encrypted to an identity that is not at hand. */
const isSealedOff = (file: string, { exit }: FlockError): boolean => isSealed(file) && exit !== 'data';

type InMemory = KeyBundle & Pick<Bot, 'unopened'>;

/**
 * The key that a bot runs with, where its bundle is sealed off. It is of the account that the bot had; a bundle that is damaged
 * or gone ends the bot.
 */
const keyInMemory =
  (file: string, bot: Bot | undefined) =>
  (error: unknown): InMemory => {
    if (!bot || !(error instanceof FlockError) || !isSealedOff(file, error)) throw error;
    return { ...bot.bundle, poemFile: bot.poemFile, unopened: error };
  };

/** Leaves out the bots whose places in the ledger have other names by now, unless they have another account. */
export function withoutRenamed(flock: Flock, states: Iterable<[bot: string, state: BotState]>): Flock {
  const begun = new Set<string>();
  const renamed = new Map<string, { to: string; account: string | undefined }>();
  for (const [to, { was = [], account }] of states) {
    begun.add(to);
    for (const name of was) renamed.set(name, { to, account });
  }
  if (renamed.size === 0) return flock;
  const newNameOf = ({ name, bundle }: Bot): string | undefined => {
    const { to, account } = renamed.get(name) ?? {};
    const isOther = account !== undefined && bundle.userId !== undefined && account !== bundle.userId;
    return begun.has(name) || isOther ? undefined : to;
  };
  const left = flock.bots.flatMap((bot): Misfit[] => {
    const to = newNameOf(bot);
    if (to === undefined) return [];
    const message = `${bot.name} was renamed to ${to}, but its key bundle still has the old name`;
    const hint = `flockd rename ${bot.name} ${to} renames that, too`;
    return [{ bot: bot.name, error: new FlockError('data', message, { hint }) }];
  });
  if (left.length === 0) return flock;
  const names = new Set(left.map(({ bot }) => bot));
  const bots = flock.bots.filter(({ name }) => !names.has(name));
  return { ...flock, bots, misfits: [...flock.misfits, ...left] };
}

/** Others that are named where many have one account. */
const mostNames = 3;

/** Two bots that post as one account are both left out: nobody can say which of them is right. */
function withoutTwins({ bots, misfits, purse }: Flock): Flock {
  const byAccount = grouped(bots, ({ bundle }) => bundle.userId ?? bundle.accessToken.reveal().token);
  const twins = [...byAccount.values()].filter((group) => group.length > 1);
  const refused = twins.flatMap((group) =>
    group.map(({ name }) => {
      const others = group.slice(0, mostNames + 1).filter((bot) => bot.name !== name);
      const more = group.length - 1 - mostNames;
      const names: string[] = others.slice(0, mostNames).map((bot) => bot.name);
      if (more > 0) names.push(`${more} more`);
      const message = `${name} has the same account as ${names.join(' and ')}`;
      return {
        bot: name,
        error: new FlockError('data', message, {
          hint: 'make the key of one of them again, with its own account',
        }),
      };
    }),
  );
  const left = new Set(refused.map(({ bot }) => bot));
  return { bots: bots.filter(({ name }) => !left.has(name)), misfits: [...misfits, ...refused], purse };
}

/** @throws {FlockError} `data` where the key is not for X */
function checkProvider(file: string, { provider }: BotKey): void {
  if (provider === undefined) return;
  throw new FlockError('data', `${file}: the key is for ${provider}, and flockd posts to X`, {
    hint: `keep it in another folder: keymaker make-keys --provider ${provider} --keys DIR`,
  });
}

/** @throws {FlockError} `data` where the key is for another account than the one the bot is to have */
function checkAccount(file: string, { screenName }: BotKey, account: string | undefined): void {
  if (account === undefined || screenName === undefined || account.toLowerCase() === screenName.toLowerCase())
    return;
  throw new FlockError('data', `${file}: the key is for @${screenName}, but flock.json says @${account}`, {
    hint: 'correct flock.json, or make the key again with the right account',
  });
}

/**
 * The poem of a bundle. Its own `poem_file` counts where it is inside the flock's folder; where it is missing, or names
 * a place that old bundles had elsewhere, the poem of the bot's name does.
 */
function poemOf(root: string, keyFile: string, poemFile: string | undefined, namesakes: PoemFile[]): string {
  if (poemFile?.includes('\0') === true) throw new FlockError('data', `${keyFile}: poem_file has a NUL`);
  const own = poemFile === undefined ? undefined : path.resolve(root, poemFile);
  if (own !== undefined && isInside(root, own)) return own;
  const [namesake] = namesakes;
  if (namesake && namesakes.length === 1 && (own === undefined || path.isAbsolute(poemFile ?? ''))) {
    return path.resolve(namesake.file);
  }
  if (own === undefined) {
    throw new FlockError('data', `${keyFile}: poem_file is missing, and no one poem has this bot's name`, {
      hint: 'add "poem_file" to the bundle',
    });
  }
  throw new FlockError('data', `${keyFile}: poem_file is outside the flock's folder ${root}`, {
    hint: 'move the poem into the poems folder, or start with --root DIR',
  });
}

/** Where poems may really be, and whether the folders that were looked at lead there. */
interface Homes {
  folders: string[];
  known: Map<string, boolean>;
}

const realPlace = (folder: string): Promise<string | undefined> => realpath(folder).catch(() => undefined);

/** The flock's folder, and its poems folder, which may be a link to another. */
async function homesOf(root: string): Promise<Homes> {
  const folders = await Promise.all([realPlace(root), realPlace(path.join(root, 'poems'))]);
  return { folders: folders.filter((folder) => folder !== undefined), known: new Map() };
}

/** @throws {FlockError} `data` where a folder on the way to the poem is a link out of the flock */
async function mustNotLeadOut(keyFile: string, poemFile: string, { folders, known }: Homes): Promise<void> {
  const folder = path.dirname(poemFile);
  let leadsHome = known.get(folder);
  if (leadsHome === undefined) {
    const place = await realPlace(folder);
    // What is not there is told when it is read.
    leadsHome = place === undefined || folders.some((home) => place === home || isInside(home, place));
    known.set(folder, leadsHome);
  }
  if (leadsHome) return;
  throw new FlockError('data', `${keyFile}: poem_file is outside the flock's folder, through a link`, {
    hint: 'move the poem into the poems folder',
  });
}

/** Whether a place is somewhere below a folder; both as {@link path.resolve} gives them. */
const isInside = (folder: string, place: string): boolean =>
  place !== folder && place.startsWith(path.join(folder, path.sep));

function noneWhereMissing(error: unknown): PoemFile[] {
  if (error instanceof FlockError && systemCode(error.cause) === 'ENOENT') return [];
  throw error;
}
