import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { type Bot, type BotSettings, type FlockFile } from '../config/flock-file.ts';
import { readPrices } from '../cost.ts';
import { bugIn, FlockError, messageOf } from '../errors.ts';
import { isSealed, type KeyBundle } from '../keys/bundle.ts';
import { accountFault } from '../keys/right-account.ts';
import type { KeyStore, ListedBundle } from '../keys/store.ts';
import { readJournal } from '../ledger/journal.ts';
import type { BotState } from '../ledger/state.ts';
import type { BotKey } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import {
  findPoemsIfThere,
  type FoundPoems,
  type KnownBots,
  type PassedOver,
  unreadNamesake,
} from '../poems/find.ts';
import type { FlockBudget } from '../posting/budget.ts';
import { nextAfter } from '../schedule/schedule.ts';
import { couldBeSecret, grouped, nearest, shown } from '../text.ts';
import { EventLoopYield } from '../yield.ts';

/** The names of the bots in a ledger; none where it cannot be read: whoever needs it says why. */
export async function botsInLedger(stateFolder: string): Promise<ReadonlySet<string>> {
  try {
    return new Set((await readJournal(stateFolder)).states.keys());
  } catch (error) {
    if (error instanceof FlockError) return new Set();
    throw error;
  }
}

/** The bots of a flock by its keys folder and its ledger, each read at most once, and only if it is asked for. */
export function knownBots(root: string, keys: KeyStore): KnownBots {
  const listed = once(async () => new Map((await keys.list()).map((bundle) => [bundle.bot, bundle])));
  const inLedger = once(() => keys.botsInLedger());
  return {
    has: async (name) => (await listed()).has(name) || (await inLedger()).has(name),
    poemOf: async (name) => {
      const bundle = (await listed()).get(name);
      return (
        bundle && poemIn(root, await keys.readListed(bundle).then(({ poemFile }) => poemFile, noneWhereBad))
      );
    },
  };
}

/** Where the poem of a bundle is, if that is below the flock's folder: old bundles name places that are no more. */
function poemIn(root: string, poemFile: string | undefined): string | undefined {
  const place = poemFile === undefined ? undefined : path.resolve(root, poemFile);
  return place !== undefined && isInside(root, place) ? place : undefined;
}

/** Whether a place is somewhere below a folder; both as {@link path.resolve} gives them. */
const isInside = (folder: string, place: string): boolean =>
  place !== folder && place.startsWith(path.join(folder, path.sep));

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= read());
}

function noneWhereBad(error: unknown): undefined {
  if (!(error instanceof FlockError)) throw error;
}

/** A flock as it stands on the disk: who can post, and who cannot and why. */
export interface Flock {
  bots: Bot[];
  misfits: InvalidBot[];
  /** Poems whose bots have no key yet, by their paths. */
  keyless: KeylessBot[];
  /** What is in the poems folder and read by nobody. */
  passedOver: PassedOver[];
  purse: FlockBudget;
}

/** Who posts, who cannot, and what it may cost. */
export type PostingFlock = Pick<Flock, 'bots' | 'misfits' | 'purse'>;

/** A bot that has a poem, and no key yet. */
interface KeylessBot {
  name: BotName;
  /** Absolute path. */
  poemFile: string;
}

interface InvalidBot {
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
  const poems = await findPoemsIfThere(path.join(root, 'poems'), knownBots(root, keys));
  const namesakes = namesakesIn(poems);
  const { timezone, budget } = flockFile;
  const purse = { prices: await readPrices(root), timezone, budget };
  const flock: Flock = { bots: [], misfits: [], keyless: [], passedOver: [...poems.passedOver], purse };
  const homes = await homesOf(root);
  const running = new Map(before.map((bot) => [bot.name, bot]));
  const load = async (listed: ListedBundle): Promise<Bot | FlockError> => {
    const { bot, file } = listed;
    try {
      const read: InMemory = await keys.readListed(listed).catch(keyInMemory(file, running.get(bot)));
      const { poemFile: named, unopened, ...bundle } = read;
      checkProvider(file, bundle);
      const settings = flockFile.settingsOf(bot);
      mustHaveSlots(bot, settings);
      const poemFile = poemOf(root, file, named, namesakes.get(bot));
      await mustNotLeadOut(file, poemFile, homes);
      return { name: bot, bundle, poemFile, settings, ...(unopened && { unopened }) };
    } catch (error) {
      return bugIn(file, error);
    }
  };
  const files = await keys.list();
  const turns = new EventLoopYield();
  let read = 0;
  for (const listed of files) {
    const found = await load(listed);
    if (found instanceof FlockError) {
      flock.misfits.push({ bot: listed.bot, error: found, isSealedOff: isSealedOff(listed.file, found) });
    } else flock.bots.push(found);
    if (++read % step === 0) tell(read, files.length);
    if (turns.isOver) await turns.give();
  }
  addUnread(flock, poems);
  return withoutTwins(flock);
}

/** Poems that no bundle has for its bot. */
function addUnread({ bots, misfits, keyless, passedOver }: Flock, { poems, clashes }: FoundPoems): void {
  const reads = new Map(bots.map(({ name, poemFile }) => [name, poemFile]));
  const isRead = new Set(reads.values());
  const isNamed = new Set([...reads.keys(), ...misfits.map(({ bot }) => bot)]);
  for (const { bot, error } of clashes) if (!isNamed.has(bot)) misfits.push({ bot, error });
  for (const { bot, file } of poems) {
    const poemFile = path.resolve(file);
    if (isRead.has(poemFile)) continue;
    const other = reads.get(bot);
    if (other !== undefined) passedOver.push(unreadNamesake(file, bot, other));
    else if (!isNamed.has(bot)) keyless.push({ name: bot, poemFile });
  }
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
  const left = flock.bots.flatMap((bot): InvalidBot[] => {
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
const maxNames = 3;

/**
 * Two bots that post as one account are both left out: nobody can say which of them is right. Only where flock.json names
 * another account for one of them, it is the wrong one.
 */
function withoutTwins({ bots, misfits, ...rest }: Flock): Flock {
  const byAccount = grouped(bots, ({ bundle }) => bundle.userId ?? bundle.accessToken.reveal().token);
  const shared = [...byAccount.values()].filter((group) => group.length > 1);
  const strangers = shared.flat().flatMap((bot) => {
    const error = accountFault(bot, undefined);
    return error ? [{ bot: bot.name, error }] : [];
  });
  const strange = new Set(strangers.map(({ bot }) => bot));
  const twins = shared
    .map((group) => group.filter(({ name }) => !strange.has(name)))
    .filter((group) => group.length > 1);
  const twinFaults = twins.flatMap((group) =>
    group.map(({ name }) => {
      const others = group.slice(0, maxNames + 1).filter((bot) => bot.name !== name);
      const more = group.length - 1 - maxNames;
      const names: string[] = others.slice(0, maxNames).map((bot) => bot.name);
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
  const refused = [...strangers, ...twinFaults];
  const left = new Set(refused.map(({ bot }) => bot));
  return { bots: bots.filter(({ name }) => !left.has(name)), misfits: [...misfits, ...refused], ...rest };
}

/** A schedule that has a slot after this has them at all times. */
const anyInstant = Date.UTC(2026, 0, 1);

/** Bots on one schedule are asked about once. */
const workingSchedules = new Set<string>();
const maxWorking = 10_000;

/** @throws {FlockError} `config` where the calendar cannot find the slots of a bot, whatever its settings looked like */
function mustHaveSlots(bot: BotName, { schedule: expression, timezone }: BotSettings): void {
  const key = `${expression}\n${timezone}`;
  if (workingSchedules.has(key)) return;
  try {
    nextAfter({ expression, timezone }, anyInstant);
  } catch (cause) {
    throw new FlockError('config', `${bot}: no slots can be found for its schedule: ${messageOf(cause)}`, {
      hint: 'correct its schedule or its timezone in flock.json',
      cause,
    });
  }
  if (workingSchedules.size >= maxWorking) workingSchedules.clear();
  workingSchedules.add(key);
}

/** @throws {FlockError} `data` where the key is not for X */
function checkProvider(file: string, { provider }: BotKey): void {
  if (provider === undefined) return;
  throw new FlockError('data', `${file}: the key is for ${provider}, and flockd posts to X`, {
    hint: `keep it in another folder: keymaker make-keys --provider ${provider} --keys DIR`,
  });
}

/** The poem that has a bot's name, or why none can be said to. */
const namesakesIn = ({ poems, clashes }: FoundPoems): Map<BotName, string | FlockError> =>
  new Map<BotName, string | FlockError>([
    ...poems.map(({ bot, file }) => [bot, path.resolve(file)] as const),
    ...clashes.map(({ bot, error }) => [bot, error] as const),
  ]);

/**
 * The poem of a bundle. Its own `poem_file` counts where it is inside the flock's folder; where it is missing, or names
 * a place that old bundles had elsewhere, the poem of the bot's name does.
 */
function poemOf(
  root: string,
  keyFile: string,
  poemFile: string | undefined,
  namesake: string | FlockError | undefined,
): string {
  if (poemFile?.includes('\0') === true) throw new FlockError('data', `${keyFile}: poem_file has a NUL`);
  const own = poemIn(root, poemFile);
  if (own !== undefined) return own;
  const isElsewhere = poemFile !== undefined && !path.isAbsolute(poemFile);
  if (typeof namesake === 'string' && !isElsewhere) return namesake;
  if (poemFile === undefined) {
    const why = namesake instanceof FlockError ? namesake.message : "no poem has this bot's name";
    throw new FlockError('data', `${keyFile}: poem_file is missing, and ${why}`, {
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

/** A bot of the flock, or one that could be: its poem is there, and its key may still have to be made. */
export interface PlannedBot {
  name: BotName;
  /** Absolute path. */
  poemFile: string;
  settings: BotSettings;
  /** The screen name of its account, as its key or `flock.json` has it. */
  account: string | undefined;
  /** Undefined where it has no key yet. */
  bundle: BotKey | undefined;
}

/** Everybody who posts or could post, and who cannot and why, both by name; and what the flock may spend. */
export interface WholeFlock extends Omit<Flock, 'bots' | 'keyless'> {
  bots: PlannedBot[];
}

/**
 * The flock with every poem in it, whether or not somebody has made its key: what there is to plan and to rehearse.
 * A poem that some bot reads is that bot's; a bundle that is bad stays a misfit, with its poem.
 *
 * @throws {FlockError} where the keys folder or the poems folder itself cannot be read
 */
export async function readWholeFlock(
  root: string,
  keys: KeyStore,
  flockFile: FlockFile,
): Promise<WholeFlock> {
  const { bots, keyless, ...flock } = await loadFlock(root, keys, flockFile);
  const whole: WholeFlock = {
    ...flock,
    bots: bots.map((bot) => ({ ...bot, account: bot.bundle.screenName ?? bot.settings.account })),
  };
  for (const bot of keyless) {
    const planned = withoutKey(bot, flockFile);
    if (planned instanceof FlockError) whole.misfits.push({ bot: bot.name, error: planned });
    else whole.bots.push(planned);
  }
  whole.bots.sort((a, b) => byName(a.name, b.name));
  whole.misfits.sort((a, b) => byName(a.bot, b.bot));
  return whole;
}

function withoutKey(bot: KeylessBot, { settingsOf }: FlockFile): PlannedBot | FlockError {
  try {
    const settings = settingsOf(bot.name);
    return { ...bot, settings, account: settings.account, bundle: undefined };
  } catch (error) {
    if (error instanceof FlockError) return error;
    throw error;
  }
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A bot that only `flock.json` knows. */
export interface UnknownBot {
  /** `…` where its name could be a secret. */
  bot: string;
  why: string;
  /** For the first few: what was meant takes its time to find. */
  hint: string | undefined;
}

/** Everybody that a flock's files know, with a key or without. */
export const namesIn = ({ bots, misfits, keyless }: Named): string[] => [
  ...bots.map(({ name }) => name),
  ...misfits.map(({ bot }) => bot),
  ...keyless.map(({ name }) => name),
];

interface Named {
  bots: readonly { name: string }[];
  misfits: readonly { bot: string }[];
  keyless: readonly { name: string }[];
}

/** So many are told of one by one; where the keys and poems are gone, all are unknown. */
export const maxUnknown = 5;

/**
 * The bots that `flock.json` names and that are not there.
 *
 * @param known - the names of all that have a poem or a key bundle
 */
export function unknownBots(named: readonly string[], known: Iterable<string>): UnknownBot[] {
  const there = new Set(known);
  return named
    .filter((name) => !there.has(name))
    .map((name, index) => ({
      bot: shown(name),
      why: 'flock.json names it, but it has neither a poem nor a key bundle',
      hint: index < maxUnknown ? hintFor(name, [...there]) : undefined,
    }));
}

function hintFor(name: string, known: readonly string[]): string | undefined {
  if (couldBeSecret(name)) return 'look under "bots": a name that could be a secret is not shown';
  const meant = nearest(name, known);
  return meant === undefined ? undefined : `did you mean ${meant}?`;
}
