import { existsSync } from 'node:fs';
import path from 'node:path';
import pMap from 'p-map';
import { appKeysIfSet, appKeysSource } from '../config/environment.ts';
import { type FlockFile, parseFlockFile, readFlockFile } from '../config/flock-file.ts';
import { attempt, attemptAsync, FlockError } from '../errors.ts';
import { loadFlock } from '../flock/load.ts';
import { shownPath } from '../fs.ts';
import type { KeyBundle } from '../keys/bundle.ts';
import { KeyStore, type ListedBundle } from '../keys/store.ts';
import { inspectFile, inspectFolder, type Inspection } from '../keys/private-file.ts';
import { accountFault } from '../keys/right-account.ts';
import { accountKey, networkOf, placeOf } from '../networks/networks.ts';
import type { TokenPair } from '../oauth/signature.ts';
import { type BotName, parseBotName } from '../poems/bot-name.ts';
import { passedOverShown, readPoem } from '../poems/find.ts';
import { linesOf } from '../poems/poem.ts';
import { rulesOfX, type TextRules } from '../poems/tweet-text.ts';
import { counted, couldBeSecret, grouped, nearest, shown } from '../text.ts';
import { moreWatches, whyUnwatchable } from '../watch.ts';
import {
  aboutBot,
  aboutFlock,
  botNames,
  type Checkup,
  type Finding,
  isChosen,
  type Known,
  type LoadedBundle,
  providerIdOf,
} from './finding.ts';

/** The offline half of doctor: checks the files of the flock. It sends no request and costs nothing. */
export async function examineOffline(checkup: Checkup): Promise<{ findings: Finding[]; known: Known }> {
  const findings: Finding[] = [];
  const tell: Tell = (...found) => {
    findings.push(...found.map((finding) => withShownPaths(finding, checkup)));
  };
  const flockFile = await examineFlockFile(checkup, tell);
  const listed = await examineKeysFolder(checkup, tell);
  // All of them, because any two can have one account.
  const bundles = await pMap(listed, (entry) => readBundle(checkup, entry), { concurrency });
  const loaded = bundles.flatMap((bundle) => bundle.loaded ?? []);
  const needed = listed.length === 0 ? mayNeedApp(flockFile) : bundles.some((one) => !hasOwnApp(one.loaded));
  const appKeys = examineAppKeys(checkup, { needed, hasBundles: listed.length > 0 }, tell);
  examineNamed(checkup, flockFile, listed, tell);
  const appProviders = appKeys ? providersOf(appKeys, loaded) : new Set<string>();
  const shared = siblingsOf(loaded);
  for (const { bot, findings: found, loaded: one } of bundles) {
    if (!isChosen(checkup, bot)) continue;
    tell(...found);
    if (!one) continue;
    examineProvider(checkup, one, flockFile, tell);
    if (appKeys && appProviders.has(providerIdOf(one))) tell(examineOwnAppKeys(checkup, one, appKeys));
    tell(examineAccount(checkup, one, flockFile, shared.get(bot)));
  }
  const bad = new Set(bundles.flatMap(({ bot, loaded: one }) => (one ? [] : [bot])));
  await examinePoems(checkup, flockFile, bad, tell);
  return { findings, known: { flockFile, appKeys, appProviders, bundles: loaded } };
}

/** Adds findings to the report. */
type Tell = (...found: Finding[]) => void;

/** The maximum number of files that are read at the same time. */
const concurrency = 64;

/** Shortens paths, because messages from other modules have full paths. */
function withShownPaths(finding: Finding, { paths }: Checkup): Finding {
  const short = (text: string): string =>
    [paths.keys, paths.root].reduce((message, folder) => {
      const shown = shownPath(`${folder}/x`).slice(0, -1);
      return message.replaceAll(`${folder}/`, shown);
    }, text);
  return { ...finding, message: short(finding.message), hint: finding.hint && short(finding.hint) };
}

const judged = (about: ReturnType<typeof aboutBot>, check: string, { fault, mode }: Inspection): Finding =>
  fault ? about.bad(check, fault.why, fault.repair) : about.ok(check, `mode ${mode}`);

/** Reads `flock.json`. If it is invalid, the other checks use an empty one. */
async function examineFlockFile({ paths }: Checkup, tell: Tell): Promise<FlockFile> {
  const about = aboutFlock(path.basename(paths.flockFile));
  const flockFile = await attemptAsync(readFlockFile(paths.flockFile));
  if (flockFile instanceof FlockError) {
    tell(about.thrown('flock-file', flockFile));
    return parseFlockFile('{}', '');
  }
  const faults = flockFile.named.flatMap((name) => {
    const error = flockFile.faultOf(name);
    return error ? [aboutBot(shown(name)).thrown('settings', error)] : [];
  });
  const message = existsSync(paths.flockFile) ? 'is valid' : 'not there: every bot has the defaults';
  tell(...(faults.length > 0 ? faults : [about.ok('flock-file', message)]));
  return flockFile;
}

/** Reports bots that `flock.json` names and that have no bundle. */
function examineNamed(
  { keymaker, chosen }: Checkup,
  flockFile: FlockFile,
  listed: readonly ListedBundle[],
  tell: Tell,
): void {
  if (chosen.size > 0) return;
  const known = new Set(listed.map(({ bot }) => bot));
  const hintFor = (name: string): string => {
    if (couldBeSecret(name)) return 'look under "bots": a name that could be a secret is not shown';
    const meant = nearest(name, [...known]);
    const makeKey = keymaker(`make-keys ./poems --bot ${name}`);
    return meant === undefined ? makeKey : `did you mean ${meant}? Otherwise: ${makeKey}`;
  };
  for (const name of flockFile.named.filter((named) => !known.has(named))) {
    const why = 'flock.json names it, but it has no key bundle';
    tell(aboutBot(shown(name)).warn('named', why, hintFor(name)));
  }
}

/** Lists the bundles. Checks whether their folder is private, and whether flockd, run by the same user, could watch it. */
async function examineKeysFolder({ paths, keys, keymaker }: Checkup, tell: Tell): Promise<ListedBundle[]> {
  const about = aboutFlock(shownPath(paths.keys));
  const folder = inspectFolder(paths.keys);
  if (keys.isReadOnly) tell(about.ok('keys-folder', 'credentials of systemd'));
  else if (folder) tell(judged(about, 'keys-folder', folder));
  const unwatched = folder && whyUnwatchable(paths.keys);
  if (unwatched !== undefined) {
    const message = `this user has no inotify watches left (${unwatched}): flockd looks for changes every second instead`;
    tell(aboutFlock('inotify').warn('watches', message, moreWatches));
  }
  const listed = await attemptAsync(keys.list());
  if (listed instanceof FlockError) {
    const isReported = listed.exit === 'permission' && folder?.fault !== undefined;
    if (!isReported) tell(about.thrown('keys', listed));
    return [];
  }
  if (listed.length === 0) tell(about.warn('keys', 'no key bundles yet', keymaker('make-keys ./poems')));
  return listed;
}

/** Whether a key needs no app keys of ours: at Mastodon apps are registered for each server, and Bluesky has none. */
const hasOwnApp = (one: LoadedBundle | undefined): boolean =>
  one !== undefined && networkOf(one.bundle)?.charges === false;

/** Whether the bots to come may need app keys: those of X do. */
function mayNeedApp(flockFile: FlockFile): boolean {
  const settings = attempt(() => flockFile.settingsOf(newBot));
  return settings instanceof FlockError || (settings.network ?? 'x') === 'x';
}
const newBot = parseBotName('bot');

/** Checks whether the app keys are set, and whether `apikeys.json` is private. */
function examineAppKeys(
  { paths }: Checkup,
  { needed, hasBundles }: { needed: boolean; hasBundles: boolean },
  tell: Tell,
): TokenPair | undefined {
  const about = aboutFlock('app keys');
  const file = inspectFile(path.join(paths.root, 'apikeys.json'));
  const appKeys = attempt(() => appKeysIfSet(paths.root));
  if (appKeys instanceof FlockError) {
    const isReported = appKeys.exit === 'permission' && file?.fault !== undefined;
    if (!isReported) tell(about.thrown('app-keys-set', appKeys));
  } else if (appKeys) tell(about.ok('app-keys-set', `from ${appKeysSource()}`));
  else if (!needed) tell(about.ok('app-keys-set', 'not set: no bot needs them'));
  else {
    const message = hasBundles ? 'not set: each bundle has its own, but new keys need them' : 'not set';
    const hint =
      'export CONSUMER_TOKEN=… CONSUMER_TOKEN_SECRET=… from the developer console, or write apikeys.json';
    tell(about.is(hasBundles ? 'warn' : 'bad', 'app-keys-set', message, hint));
  }
  if (file) tell(judged(aboutFlock('apikeys.json'), 'app-keys-file', file));
  return appKeys instanceof FlockError ? undefined : appKeys;
}

/** A listed bundle, what its file shows, and the bundle if it is good. */
async function readBundle({ keys }: Checkup, entry: ListedBundle) {
  const { bot, file } = entry;
  const about = aboutBot(bot);
  const inspected = keys.isReadOnly ? undefined : inspectFile(file);
  const findings = inspected ? [judged(about, 'bundle-file', inspected)] : [];
  if (keys.isReadOnly) findings.push(about.ok('bundle-file', 'a credential of systemd'));
  // The store would report the same fault.
  if (inspected?.fault) return { bot, findings };
  const bundle = await attemptAsync(keys.readListed(entry));
  if (bundle instanceof FlockError) return { bot, findings: [...findings, about.thrown('bundle', bundle)] };
  const owner = bundle.screenName === undefined ? 'is valid' : `of @${bundle.screenName}`;
  const good = about.ok('bundle', `key bundle ${owner}`);
  return { bot, findings: [...findings, good], loaded: { bot, bundle } };
}

function isSamePair(a: TokenPair, b: TokenPair): boolean {
  const [one, other] = [a.reveal(), b.reveal()];
  return one.token === other.token && one.secret === other.secret;
}

/**
 * The providers that the app keys set now are for, as the bundles made with them say. Without such bundles the keys are
 * for X, or for the provider of the first bundle if no bundle is for X.
 */
function providersOf(appKeys: TokenPair, bundles: readonly LoadedBundle[]): Set<string> {
  const users = bundles.filter((one) => !hasOwnApp(one) && isSamePair(one.bundle.appKeys, appKeys));
  if (users.length > 0) return new Set(users.map(providerIdOf));
  const ids = bundles.filter((one) => !hasOwnApp(one)).map(providerIdOf);
  return new Set([ids.includes('x') ? 'x' : (ids[0] ?? 'x')]);
}

/** The bots whose account another bot has too, each with the names of the others. */
function siblingsOf(bundles: readonly LoadedBundle[]): Map<BotName, string> {
  const byAccount = grouped(bundles, ({ bundle: { userId, provider, server, accessToken } }) =>
    accountKey(userId ?? accessToken.reveal().token, { provider, server }),
  );
  const shared = [...byAccount.values()].filter((group) => group.length > 1);
  return new Map(
    shared.flatMap((group) =>
      group.map(({ bot }) => [bot, botNames(group.filter((other) => other.bot !== bot))] as const),
    ),
  );
}

/** Warns of bundles for other providers than networks in the flock's own folder, because flockd does not post there. */
function examineProvider(
  { paths, provider }: Checkup,
  { bot, bundle }: LoadedBundle,
  flockFile: FlockFile,
  tell: Tell,
): void {
  const { provider: id } = bundle;
  if (id === undefined) return;
  const about = aboutBot(bot);
  if (networkOf(bundle)) {
    tell(about.ok('provider', `for ${placeOf(bundle)}`));
    return;
  }
  const found = attempt(() => provider(id, flockFile.providers));
  if (found instanceof FlockError) {
    const hint = `describe it in flock.json under providers.${id}, or correct "provider" in the bundle`;
    tell(about.bad('provider', found.message, hint));
  } else if (paths.keys === path.join(paths.root, 'keys')) {
    const message = `the key is for ${found.title}, and flockd does not post there`;
    const hint = 'keep it in another folder, and name that folder with --keys DIR';
    tell(about.warn('provider', message, hint));
  } else tell(about.ok('provider', `for ${found.title}`));
}

function examineOwnAppKeys(
  { keymaker }: Checkup,
  { bot, bundle }: LoadedBundle,
  appKeys: TokenPair,
): Finding {
  const about = aboutBot(bot);
  const check = 'bundle-app-keys';
  if (isSamePair(bundle.appKeys, appKeys)) return about.ok(check, 'made with the app keys set now');
  const hint = `both work while both apps exist; to move the bot to the app set now: ${keymaker(`reauth ${bot}`)}`;
  return about.warn(check, 'made with other app keys than those set now', hint);
}

/** @param siblings - the other bots that have its account */
function examineAccount(
  { keymaker }: Checkup,
  { bot, bundle }: LoadedBundle,
  flockFile: FlockFile,
  siblings: string | undefined,
): Finding {
  const about = aboutBot(bot);
  if (flockFile.faultOf(bot)) return about.skipped('account', 'its settings in flock.json are wrong');
  const settings = flockFile.settingsOf(bot);
  const { account } = settings;
  const bad = (message: string, as: string): Finding =>
    about.bad('account', message, `${as}: ${keymaker(`make-keys ./poems --bot ${bot} --force`)}`);
  if (siblings !== undefined) return bad(`has the same account as ${siblings}`, 'sign in as its own account');
  if (account === undefined) return about.ok('account', 'no other bot has its account');
  if (!accountFault({ name: bot, bundle, settings }, undefined))
    return about.ok('account', `@${account}, as flock.json has it`);
  const message = `the key is for @${bundle.screenName}, but flock.json says @${account}`;
  return bad(message, `correct flock.json, or sign in as @${account}`);
}

/** Hides the account of each bundle, and its provider if that is no network, so that these do not keep its poem from being checked. */
class WithoutOwners extends KeyStore {
  override async readListed(listed: ListedBundle): Promise<KeyBundle> {
    const bundle = await super.readListed(listed);
    const { appKeys, accessToken, poemFile, provider, server, textLimits } = bundle;
    const at = networkOf(bundle) ? { provider, server, textLimits } : {};
    return { appKeys, accessToken, poemFile, userId: listed.file, screenName: undefined, ...at };
  }
}

/** How bad it is that a file in the poems folder is not read. */
const resultOf = { refused: 'bad', unseen: 'warn', ignored: 'skipped' } as const;

/**
 * Checks by flockd's own rule that each bot with a good bundle has a poem with lines. Reports poems without a bundle, and files
 * in the poems folder that no bot reads.
 *
 * @param bad - the bots with bad bundles, which have a finding already
 */
async function examinePoems(
  checkup: Checkup,
  flockFile: FlockFile,
  bad: ReadonlySet<BotName>,
  tell: Tell,
): Promise<void> {
  const { paths, keys, keymaker, chosen } = checkup;
  const store = new WithoutOwners(keys.folder, keys.options);
  const flock = await attemptAsync(loadFlock(paths.root, store, flockFile));
  if (flock instanceof FlockError) {
    // A keys folder that is refused has a finding already.
    if (flock.exit !== 'permission') tell(aboutFlock('poems').thrown('poems', flock));
    return;
  }
  for (const { bot, error } of flock.invalidBots)
    if (!bad.has(bot) && !flockFile.faultOf(bot) && isChosen(checkup, bot))
      tell(aboutBot(bot).thrown('poem', error));
  for (const bot of flock.bots)
    if (isChosen(checkup, bot.name)) tell(await examinePoem(bot.name, bot.poemFile, bot.rules));
  const named = new Set(flockFile.named);
  for (const { name, poemFile } of flock.keyless) {
    // Without --bot, the bots that flock.json names are reported by examineNamed.
    const isReported = chosen.size === 0 && named.has(name);
    const hint = keymaker(`make-keys ./poems --bot=${name}`);
    if (!isChosen(checkup, name)) continue;
    if (!isReported) tell(aboutBot(name).warn('key', 'no key yet', hint));
    const poem = await examinePoem(name, poemFile, rulesOfX);
    if (poem.result !== 'ok') tell(poem);
  }
  if (chosen.size > 0) return;
  for (const { file, kind, why, hint } of passedOverShown(flock.passedOver)) {
    const about = aboutFlock(shownPath(file));
    tell(about.is(resultOf[kind], 'poems-folder', why, kind === 'ignored' ? undefined : hint));
  }
}

async function examinePoem(name: string, file: string, rules: TextRules): Promise<Finding> {
  const about = aboutBot(name);
  const lines = await attemptAsync(linesOf(file, { unit: 'line', rules }, readPoem));
  if (lines instanceof FlockError) return about.thrown('poem', lines);
  return about.ok('poem', `${counted(lines.length, 'line')} in ${shownPath(file)}`);
}
