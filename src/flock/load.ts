import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { credentialsFolder, type FlockPaths, identityFile } from '../config/environment.ts';
import { type Bot, type BotSettings, type FlockFile } from '../config/flock-file.ts';
import { readPrices } from '../cost.ts';
import { attempt, attemptAsync, bugIn, FlockError, messageOf } from '../errors.ts';
import type { KeyBundle } from '../keys/bundle.ts';
import { botOfBundle, isSealed, KeyStore, type ListedBundle } from '../keys/store.ts';
import { accountFault } from '../keys/right-account.ts';
import { readJournal } from '../ledger/journal.ts';
import type { BotState } from '../ledger/state.ts';
import type { Network } from '../networks/network.ts';
import { accountKey, networkFor, networkOf, networks, placeOf } from '../networks/networks.ts';
import type { BotKey } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import { findPoemsIfThere, type FoundPoems, type KnownBots, unreadNamesake } from '../poems/find.ts';
import type { TextRules } from '../poems/tweet-text.ts';
import type { FlockBudget } from '../posting/budget.ts';
import { nextAfter } from '../schedule/schedule.ts';
import { couldBeSecret, grouped, nearest, shown } from '../text.ts';

/** The names of the bots in a ledger; none if it cannot be read: the callers that need it report why. */
async function botsInLedger(stateFolder: string): Promise<ReadonlySet<string>> {
  const journal = await attemptAsync(readJournal(stateFolder));
  return new Set(journal instanceof FlockError ? [] : journal.states.keys());
}

/** The key bundles of a flock. @param identity - the age identity file that decrypts bundles; it wins over the environment's */
export const openKeys = ({ keys, state }: FlockPaths, identity = identityFile()): KeyStore =>
  new KeyStore(keys, {
    credentials: credentialsFolder(),
    identityFile: identity,
    botsInLedger: () => botsInLedger(state),
  });

/** The bots of a flock by its keys folder and its ledger. Each is read at most once, on first use. */
export function knownBots(root: string, keys: KeyStore): KnownBots {
  const listed = once(async () => new Map((await keys.list()).map((bundle) => [bundle.bot, bundle])));
  const inLedger = once(() => keys.botsInLedger());
  return {
    has: async (name) => (await listed()).has(name) || (await inLedger()).has(name),
    poemOf: async (name) => {
      const found = (await listed()).get(name);
      const bundle = found && (await attemptAsync(keys.readListed(found)));
      return bundle instanceof FlockError ? undefined : poemIn(root, bundle?.poemFile);
    },
  };
}

/** The path of a bundle's poem, if it is below the flock's folder: old bundles name places that do not exist any more. */
function poemIn(root: string, poemFile: string | undefined): string | undefined {
  const place = poemFile === undefined ? undefined : path.resolve(root, poemFile);
  return place !== undefined && isInside(root, place) ? place : undefined;
}

/** Whether a path is below a folder; both are resolved. */
const isInside = (folder: string, place: string): boolean =>
  place !== folder && place.startsWith(path.join(folder, path.sep));

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= read());
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
      const place = poemIn(root, file);
      // Fails also for a path with a NUL, or one that is too long.
      const status = place === undefined ? undefined : await lstat(place).catch(() => undefined);
      if (place !== undefined && status?.isFile() === true) return path.relative(root, place);
    }
    const namesake = poems.find((poem) => poem.bot === bot);
    return namesake && path.relative(root, namesake.file);
  };
}

/** A flock on the disk: the bots that can post, and those that cannot, with the reason. */
export interface Flock {
  bots: Bot[];
  invalidBots: InvalidBot[];
  /** Bots that have a poem but no key yet. The path is absolute. */
  keyless: { name: BotName; poemFile: string }[];
  /** Files in the poems folder that no bot reads. */
  passedOver: FoundPoems['passedOver'];
  flockBudget: FlockBudget;
}

export interface InvalidBot {
  bot: BotName;
  error: FlockError;
  /** Whether its bundle is encrypted to an identity that is not available. */
  isSealedOff?: boolean;
}

/** Bundles that are read before the event loop has its turn. */
const inARow = 100;

/**
 * Joins the key bundles with their poems. A bot that is invalid is left out alone, with the reason.
 *
 * @param before - the bots that run already: if a bundle was encrypted to another identity since, its bot keeps its key
 * @throws {FlockError} if the keys folder itself cannot be read
 */
export async function loadFlock(
  root: string,
  keys: KeyStore,
  flockFile: FlockFile,
  before: readonly Bot[] = [],
): Promise<Flock> {
  const poems = await findPoemsIfThere(path.join(root, 'poems'), knownBots(root, keys));
  const namesakes = namesakesIn(poems);
  const { timezone, budget } = flockFile;
  const flockBudget = { prices: await readPrices(root), timezone, budget };
  const passedOver = [...poems.passedOver];
  const flock: Flock = { bots: [], invalidBots: [], keyless: [], passedOver, flockBudget };
  const leadsOut = await linkTest(root);
  const running = new Map(before.map((bot) => [bot.name, bot]));
  const load = async (listed: ListedBundle): Promise<Bot> => {
    const { bot, file } = listed;
    const read: InMemory = await keys.readListed(listed).catch(keyInMemory(listed, running.get(bot)));
    const { poemFile: named, unopened, ...bundle } = read;
    const settings = flockFile.settingsOf(bot);
    const rules = rulesFor(file, bundle, settings);
    mustHaveSlots(bot, settings);
    const poemFile = poemOf(root, file, named, namesakes.get(bot));
    if (await leadsOut(path.dirname(poemFile)))
      throw new FlockError('data', `${file}: poem_file is outside the flock's folder, through a link`, {
        hint: 'move the poem into the poems folder',
      });
    return { name: bot, bundle, poemFile, settings, rules, ...(unopened && { unopened }) };
  };
  for (const [index, listed] of (await keys.list()).entries()) {
    const { bot, file } = listed;
    try {
      flock.bots.push(await load(listed));
    } catch (cause) {
      const error = bugIn(file, cause);
      flock.invalidBots.push({ bot, error, isSealedOff: isSealedOff(file, error) });
    }
    if (index % inARow === inARow - 1) await setImmediate();
  }
  addUnread(flock, poems);
  return withoutTwins(flock);
}

/** Adds the poems that no bundle names. */
function addUnread({ bots, invalidBots, keyless, passedOver }: Flock, { poems, clashes }: FoundPoems): void {
  const reads = new Map(bots.map(({ name, poemFile }) => [name, poemFile]));
  const isRead = new Set(reads.values());
  const isNamed = new Set([...reads.keys(), ...invalidBots.map(({ bot }) => bot)]);
  for (const { bot, error } of clashes) if (!isNamed.has(bot)) invalidBots.push({ bot, error });
  for (const { bot, file } of poems) {
    const poemFile = path.resolve(file);
    if (isRead.has(poemFile)) continue;
    const other = reads.get(bot);
    if (other !== undefined) passedOver.push(unreadNamesake(file, bot, other));
    else if (!isNamed.has(bot)) keyless.push({ name: bot, poemFile });
  }
}

/** Whether a bundle seems undamaged, but is encrypted to an identity that is not available. */
const isSealedOff = (file: string, { exit }: FlockError): boolean => isSealed(file) && exit !== 'data';

type InMemory = KeyBundle & Pick<Bot, 'unopened'>;

/**
 * The key that a bot runs with already, if its bundle is sealed off now, or there plain and encrypted, as it is for a moment while
 * it is encrypted. A bundle that is damaged or gone ends the bot.
 */
const keyInMemory =
  ({ file, hasSibling }: ListedBundle, bot: Bot | undefined) =>
  (error: unknown): InMemory => {
    if (!bot || !(error instanceof FlockError) || !(hasSibling || isSealedOff(file, error))) throw error;
    return { ...bot.bundle, poemFile: bot.poemFile, unopened: error };
  };

/** Leaves out the bots that have an error. */
function without({ bots, invalidBots, ...rest }: Flock, errors: ReadonlyMap<BotName, FlockError>): Flock {
  return {
    ...rest,
    bots: bots.filter(({ name }) => !errors.has(name)),
    invalidBots: [...invalidBots, ...Array.from(errors, ([bot, error]) => ({ bot, error }))],
  };
}

/** Leaves out the bots that were renamed in the ledger and whose bundles have the old name, unless the account is another one. */
export function withoutRenamed(flock: Flock, states: Iterable<[bot: string, state: BotState]>): Flock {
  const begun = new Set<string>();
  const renamed = new Map<string, { to: string; account: string | undefined }>();
  for (const [to, { was = [], account }] of states) {
    begun.add(to);
    for (const name of was) renamed.set(name, { to, account });
  }
  const errors = new Map<BotName, FlockError>();
  for (const { name, bundle } of flock.bots) {
    const { to, account } = renamed.get(name) ?? {};
    const isOther = account !== undefined && bundle.userId !== undefined && account !== bundle.userId;
    if (to === undefined || isOther || begun.has(name)) continue;
    const message = `${name} was renamed to ${to}, but its key bundle still has the old name`;
    const hint = `flockd rename ${name} ${to} renames that, too`;
    errors.set(name, new FlockError('data', message, { hint }));
  }
  return errors.size === 0 ? flock : without(flock, errors);
}

/**
 * Leaves out bots that post as one account: it is not known which of them is right. If flock.json names another account for one
 * of them, that one is wrong.
 */
function withoutTwins(flock: Flock): Flock {
  const errors = new Map<BotName, FlockError>();
  const byAccount = grouped(flock.bots, ({ bundle }) =>
    accountKey(bundle.userId ?? bundle.accessToken.reveal().token, bundle),
  );
  for (const group of byAccount.values()) {
    if (group.length === 1) continue;
    const twins = group.filter((bot) => {
      const error = accountFault(bot, undefined);
      if (error) errors.set(bot.name, error);
      return !error;
    });
    if (twins.length > 1) for (const { name } of twins) errors.set(name, twinFault(name, twins));
  }
  return without(flock, errors);
}

/** The maximum number of bots that the message about a shared account names. */
const maxNames = 3;

function twinFault(bot: BotName, twins: readonly Bot[]): FlockError {
  const others: string[] = twins.map(({ name }) => name).filter((name) => name !== bot);
  const more = others.length - maxNames;
  const names = [...others.slice(0, maxNames), ...(more > 0 ? [`${more} more`] : [])];
  return new FlockError('data', `${bot} has the same account as ${names.join(' and ')}`, {
    hint: 'make the key of one of them again, with its own account',
  });
}

/** A schedule that has a slot after this instant has slots at all times. */
const anyInstant = Date.UTC(2026, 0, 1);

/** @throws {FlockError} `config` if the calendar cannot find the slots of a bot, although its settings are valid */
function mustHaveSlots(bot: BotName, { schedule: expression, timezone }: BotSettings): void {
  try {
    nextAfter({ expression, timezone }, anyInstant);
  } catch (cause) {
    throw new FlockError('config', `${bot}: no slots can be found for its schedule: ${messageOf(cause)}`, {
      hint: 'correct its schedule or its timezone in flock.json',
      cause,
    });
  }
}

/**
 * The rules for a bot's texts, at the network of its key.
 *
 * @throws {FlockError} `data` if flockd does not post there; `config` if flock.json says another network or server, or has a
 *   content warning that leaves no room for a text
 */
function rulesFor(file: string, key: BotKey, { network, server, contentWarning }: BotSettings): TextRules {
  const found = networkOf(key);
  const { provider = '' } = key;
  if (!found)
    throw new FlockError('data', `${file}: the key is for ${provider}, and flockd does not post there`, {
      hint: `keep it in another folder: keymaker make-keys --provider ${provider} --keys DIR`,
    });
  const wanted =
    network !== undefined && network !== found.name
      ? networks[network].title
      : // An account of Bluesky can move to another server.
        found.name === 'mastodon' && server !== undefined && server !== key.server
        ? server
        : undefined;
  if (wanted !== undefined) {
    const hint = `correct flock.json, or make the key again: keymaker make-keys ./poems --bot=${botOfBundle(file) ?? 'NAME'} --force`;
    throw new FlockError('config', `${file}: the key is for ${placeOf(key)}, but flock.json says ${wanted}`, {
      hint,
    });
  }
  const rules = found.rulesFor(key, contentWarning);
  if (rules.maxWeight >= 1) return rules;
  throw new FlockError('config', `${file}: the contentWarning of flock.json leaves no room for a text`, {
    hint: `shorten it: ${placeOf(key)} counts it towards the length of each post`,
  });
}

/** The poem of each bot's name, or why it is not known. */
const namesakesIn = ({ poems, clashes }: FoundPoems): Map<BotName, string | FlockError> =>
  new Map<BotName, string | FlockError>([
    ...poems.map(({ bot, file }) => [bot, path.resolve(file)] as const),
    ...clashes.map(({ bot, error }) => [bot, error] as const),
  ]);

/**
 * The poem of a bundle: its `poem_file` if that is inside the flock's folder. If it is missing, or an absolute path elsewhere as
 * old bundles have it, the poem of the bot's name.
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

const realPlace = (folder: string): Promise<string | undefined> => realpath(folder).catch(() => undefined);

/** Tells whether a link leads from a folder out of the flock's folder and its poems folder, which may be a link itself. */
async function linkTest(root: string): Promise<(folder: string) => Promise<boolean>> {
  const homes = await Promise.all([realPlace(root), realPlace(path.join(root, 'poems'))]);
  const known = new Map<string, boolean>();
  return async (folder) => {
    const answer = known.get(folder);
    if (answer !== undefined) return answer;
    const place = await realPlace(folder);
    const isHome = (home: string | undefined): boolean =>
      home !== undefined && place !== undefined && (place === home || isInside(home, place));
    // A missing folder is reported when the poem is read.
    const leadsOut = place !== undefined && !homes.some(isHome);
    known.set(folder, leadsOut);
    return leadsOut;
  };
}

/** A bot that has a poem, and perhaps no key yet. */
export interface PlannedBot {
  name: BotName;
  /** Absolute path. */
  poemFile: string;
  settings: BotSettings;
  network: Network;
  rules: TextRules;
  /** The screen name of its account, by its key or by `flock.json`. */
  account: string | undefined;
  /** Undefined if it has no key yet. */
  bundle: BotKey | undefined;
}

/** The bots that post or could post, and the invalid ones, both by name; and the budget of the flock. */
export interface WholeFlock extends Omit<Flock, 'bots' | 'keyless'> {
  bots: PlannedBot[];
}

/**
 * The flock with all its poems, with or without keys: for `flockd plan` and `flockd rehearse`.
 *
 * @throws {FlockError} if the keys folder or the poems folder itself cannot be read
 */
export async function readWholeFlock(
  root: string,
  keys: KeyStore,
  flockFile: FlockFile,
): Promise<WholeFlock> {
  const { bots, keyless, ...flock } = await loadFlock(root, keys, flockFile);
  const whole: WholeFlock = {
    ...flock,
    bots: bots.map((bot) => {
      const account = bot.bundle.screenName ?? bot.settings.account;
      return { ...bot, network: networkFor(bot.bundle), account };
    }),
  };
  for (const bot of keyless) {
    const settings = attempt(() => flockFile.settingsOf(bot.name));
    if (settings instanceof FlockError) whole.invalidBots.push({ bot: bot.name, error: settings });
    else {
      const network = networks[settings.network ?? 'x'];
      const rules = network.rulesFor({}, settings.contentWarning);
      whole.bots.push({ ...bot, settings, network, rules, account: settings.account, bundle: undefined });
    }
  }
  whole.bots.sort((a, b) => byName(a.name, b.name));
  whole.invalidBots.sort((a, b) => byName(a.bot, b.bot));
  return whole;
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A bot that exists in `flock.json` alone. */
export interface UnknownBot {
  /** `…` if its name could be a secret. */
  bot: string;
  why: string;
  /** For the first {@link maxUnknown} only: finding the nearest name is slow. */
  hint: string | undefined;
}

/** The names of all bots with a poem or a key bundle. */
export const namesIn = ({ bots, invalidBots, keyless }: Flock): string[] => [
  ...bots.map(({ name }) => name),
  ...invalidBots.map(({ bot }) => bot),
  ...keyless.map(({ name }) => name),
];

/** The maximum number of unknown bots that are reported one by one. */
export const maxUnknown = 5;

/**
 * The bots that `flock.json` names and that do not exist.
 *
 * @param known - the names of all bots with a poem or a key bundle
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
