import type { Stats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import { appKeysIfSet, appKeysSource } from '../config/environment.ts';
import { type FlockFile, parseFlockFile, readFlockFile } from '../config/flock-file.ts';
import { FlockError } from '../errors.ts';
import { type Flock, loadFlock } from '../flock/load.ts';
import { shownPath } from '../fs.ts';
import { accountKey, type KeyBundle } from '../keys/bundle.ts';
import {
  type Fault,
  faultOfFile,
  faultOfFolder,
  faultOfLink,
  type FileStatus,
  isServing,
  modeOf,
} from '../keys/private-file.ts';
import { isSameName } from '../keys/right-account.ts';
import { KeyStore, type ListedBundle } from '../keys/store.ts';
import type { TokenPair } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import { passedOverShown, readPoem } from '../poems/find.ts';
import { splitPoem } from '../poems/poem.ts';
import { couldBeSecret, nearest, shellWord, shown } from '../text.ts';
import { moreWatches, whyUnwatchable } from '../watch.ts';
import {
  aboutBot,
  aboutFlock,
  type Checkup,
  type Finding,
  isChosen,
  isSamePair,
  type Known,
  type LoadedBundle,
  botNames,
  providerIdOf,
  providersOf,
  type Subject,
} from './report.ts';

/** The offline half of doctor: checks the files of the flock. It sends no request and costs nothing. */
export async function examineOffline(checkup: Checkup): Promise<{ findings: Finding[]; known: Known }> {
  const flock = await examineFlockFile(checkup);
  const folder = await examineKeysFolder(checkup);
  const keys = await examineAppKeys(checkup, { hasBundles: folder.entries.length > 0 });
  const bundles = await examineBundles(checkup, folder.entries, flock.flockFile, keys.appKeys);
  const good = new Set(bundles.loaded.map(({ bot }) => bot));
  const bad = new Set(folder.entries.map(({ bot }) => bot).filter((bot) => !good.has(bot)));
  const poems = await examinePoems(checkup, flock.flockFile, bad);
  const findings = [flock, folder, keys, bundles, poems].flatMap((part) => part.findings);
  return {
    findings: findings.map((finding) => withShownPaths(finding, checkup)),
    known: { flockFile: flock.flockFile, appKeys: keys.appKeys, bundles: bundles.loaded },
  };
}

/** A file that holds a secret, and its status. */
interface SecretFile {
  file: string;
  /** From `lstat`: of the link itself if the file is a link. */
  status: FileStatus & { isSymbolicLink: () => boolean };
  /** The status of its folder. */
  folder: FileStatus | undefined;
}

/** Checks whether keymaker and flockd would refuse a secret file, by their own rule. */
function examineFile(about: Subject, check: string, { file, status, folder }: SecretFile): Finding {
  const shown = shownPath(file);
  if (status.isSymbolicLink()) {
    const { why, repair } = faultOfLink(shown);
    return about.bad(check, `${shown} ${why}`, repair);
  }
  return judged(about, check, status, faultOfFile(shown, status, folder));
}

/**
 * Checks that only its owner can open a folder of secrets, or also the group on a server. This is stricter than keymaker
 * and flockd, which refuse a folder only if others can write to it.
 */
function examineFolder(about: Subject, check: string, file: string, status: FileStatus): Finding {
  const shown = shownPath(file);
  const fault = faultOfFolder(shown, status);
  if (fault || (status.mode & 0o077) === 0 || isServing(status)) return judged(about, check, status, fault);
  return about.bad(check, `open to others (mode ${modeOf(status)})`, `chmod 700 ${shellWord(shown)}`);
}

const judged = (about: Subject, check: string, status: FileStatus, fault: Fault | undefined): Finding =>
  fault ? about.bad(check, fault.why, fault.repair) : about.ok(check, `mode ${modeOf(status)}`);

/** Reads `flock.json`. If it is invalid, the other checks use an empty one. */
async function examineFlockFile({ paths }: Checkup): Promise<{ findings: Finding[]; flockFile: FlockFile }> {
  const about = aboutFlock(path.basename(paths.flockFile));
  try {
    const flockFile = await readFlockFile(paths.flockFile);
    const isThere = (await statusOf(paths.flockFile)) !== undefined;
    const message = isThere ? 'is valid' : 'not there: every bot has the defaults';
    const faults = flockFile.named.flatMap((name) => faultIn(name, flockFile));
    return { findings: faults.length > 0 ? faults : [about.ok('flock-file', message)], flockFile };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    return { findings: [about.thrown('flock-file', error)], flockFile: parseFlockFile('{}', '') };
  }
}

function faultIn(name: BotName, { faultOf }: FlockFile): Finding[] {
  const error = faultOf(name);
  return error ? [aboutBot(shown(name)).thrown('settings', error)] : [];
}

/** Reports bots that `flock.json` names and that have no bundle. */
function examineNamed(
  { keymaker, chosen }: Checkup,
  flockFile: FlockFile,
  bots: readonly BotName[],
): Finding[] {
  if (chosen.size > 0) return [];
  const known = new Set<string>(bots);
  const unknown = flockFile.named.filter((name) => !known.has(name));
  const hintFor = (name: string): string => {
    if (couldBeSecret(name)) return 'look under "bots": a name that could be a secret is not shown';
    const meant = nearest(name, bots);
    const makeKey = keymaker(`make-keys ./poems --bot ${name}`);
    return meant === undefined ? makeKey : `did you mean ${meant}? Otherwise: ${makeKey}`;
  };
  return unknown.map((name) =>
    aboutBot(shown(name)).warn('named', 'flock.json names it, but it has no key bundle', hintFor(name)),
  );
}

/** Checks whether the app keys are set, and whether `apikeys.json` is private. */
async function examineAppKeys(
  { paths }: Checkup,
  { hasBundles }: { hasBundles: boolean },
): Promise<{ findings: Finding[]; appKeys: TokenPair | undefined }> {
  const about = aboutFlock('app keys');
  const file = path.join(paths.root, 'apikeys.json');
  const status = await lstat(file).catch(() => undefined);
  const folder = await statusOf(paths.root);
  const privacy = status
    ? [examineFile(aboutFlock('apikeys.json'), 'app-keys-file', { file, status, folder })]
    : [];
  try {
    const appKeys = appKeysIfSet(paths.root);
    const found = appKeys
      ? about.ok('app-keys-set', `from ${appKeysSource()}`)
      : about[hasBundles ? 'warn' : 'bad'](
          'app-keys-set',
          hasBundles ? 'not set: each bundle has its own, but new keys need them' : 'not set',
          'export CONSUMER_TOKEN=… CONSUMER_TOKEN_SECRET=… from the developer console, or write apikeys.json',
        );
    return { findings: [found, ...privacy], appKeys };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const isReported = error.exit === 'permission' && privacy.some(({ result }) => result === 'bad');
    const thrown = isReported ? [] : [about.thrown('app-keys-set', error)];
    return { findings: [...thrown, ...privacy], appKeys: undefined };
  }
}

/** Lists the bundles, and checks whether their folder is private. */
async function examineKeysFolder({
  paths,
  keys,
  keymaker,
}: Checkup): Promise<{ findings: Finding[]; entries: ListedBundle[] }> {
  const about = aboutFlock(shownPath(paths.keys));
  const status = await statusOf(paths.keys);
  const found = status
    ? [examineKeysMode(about, status, { paths, keys }), ...examineWatches(paths.keys)]
    : [];
  try {
    const entries = await keys.list();
    const noKeys = about.warn('keys', 'no key bundles yet', keymaker('make-keys ./poems'));
    return { findings: entries.length > 0 ? found : [...found, noKeys], entries };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const isReported = error.exit === 'permission' && found.some(({ result }) => result === 'bad');
    return { findings: isReported ? found : [...found, about.thrown('keys', error)], entries: [] };
  }
}

/** Checks whether flockd, run by the same user, could get an inotify watch. */
function examineWatches(folder: string): Finding[] {
  const why = whyUnwatchable(folder);
  if (why === undefined) return [];
  const message = `this user has no inotify watches left (${why}): flockd looks for changes every second instead`;
  return [aboutFlock('inotify').warn('watches', message, moreWatches)];
}

const examineKeysMode = (
  about: Subject,
  status: Stats,
  { paths, keys }: Pick<Checkup, 'paths' | 'keys'>,
): Finding =>
  keys.isReadOnly
    ? about.ok('keys-folder', 'credentials of systemd')
    : examineFolder(about, 'keys-folder', paths.keys, status);

/** Undefined if there is no status. Reading the file later reports why. */
const statusOf = (file: string) => stat(file).catch(() => undefined);

/** The bots whose account another bot has too, each with the names of the others. */
function siblings(bundles: readonly LoadedBundle[]): Map<BotName, string> {
  const byAccount = new Map<string, LoadedBundle[]>();
  for (const one of bundles) {
    const { userId, provider, accessToken } = one.bundle;
    const account = accountKey(userId ?? accessToken.reveal().token, provider);
    byAccount.set(account, [...(byAccount.get(account) ?? []), one]);
  }
  const shared = [...byAccount.values()].filter((group) => group.length > 1);
  return new Map(
    shared.flatMap((group) =>
      group.map(({ bot }) => [bot, botNames(group.filter((other) => other.bot !== bot))] as const),
    ),
  );
}

/** The maximum of files that are read at the same time. */
const readConcurrency = 64;

/** Checks each bundle: file, format, provider, app keys, account. Reads all of them, because any two can have one account. */
async function examineBundles(
  checkup: Checkup,
  entries: readonly ListedBundle[],
  flockFile: FlockFile,
  appKeys: TokenPair | undefined,
): Promise<{ findings: Finding[]; loaded: LoadedBundle[] }> {
  const bundles = await pMap(entries, (entry) => readBundle(checkup, entry), {
    concurrency: readConcurrency,
  });
  const loaded = bundles.flatMap((bundle) => bundle.loaded ?? []);
  const providers = appKeys ? providersOf(appKeys, loaded) : new Set<string>();
  const shared = siblings(loaded);
  const findings = bundles.flatMap(({ entry, findings: found, loaded: one }) => {
    if (!isChosen(checkup, entry.bot)) return [];
    if (!one) return found;
    return [
      ...found,
      ...examineProvider(checkup, one, flockFile),
      ...(appKeys && providers.has(providerIdOf(one)) ? [examineOwnAppKeys(checkup, one, appKeys)] : []),
      examineAccount(checkup, one, flockFile, shared.get(entry.bot)),
    ];
  });
  const named = examineNamed(
    checkup,
    flockFile,
    entries.map(({ bot }) => bot),
  );
  return { findings: [...named, ...findings], loaded };
}

async function readBundle({ keys, paths }: Checkup, entry: ListedBundle) {
  const about = aboutBot(entry.bot);
  const findings: Finding[] = [];
  try {
    const status = await lstat(entry.file).catch(() => undefined);
    if (keys.isReadOnly) findings.push(about.ok('bundle-file', 'a credential of systemd'));
    else if (status) {
      const folder = await stat(paths.keys).catch(() => undefined);
      const privacy = examineFile(about, 'bundle-file', { file: entry.file, status, folder });
      findings.push(privacy);
      // The store would report the same fault.
      if (privacy.result === 'bad') return { entry, findings };
    }
    const bundle = await keys.readListed(entry);
    const owner = bundle.screenName === undefined ? 'is valid' : `of @${bundle.screenName}`;
    findings.push(about.ok('bundle', `key bundle ${owner}`));
    return { entry, findings, loaded: { ...entry, bundle } };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    findings.push(about.thrown('bundle', error));
    return { entry, findings };
  }
}

/** Warns of bundles for other providers in the flock's own folder, because flockd posts only to X. */
function examineProvider(
  { paths, provider }: Checkup,
  { bot, bundle }: LoadedBundle,
  flockFile: FlockFile,
): Finding[] {
  if (bundle.provider === undefined) return [];
  const about = aboutBot(bot);
  try {
    const { title } = provider(bundle.provider, flockFile.providers);
    return paths.keys === path.join(paths.root, 'keys')
      ? [
          about.warn(
            'provider',
            `the key is for ${title}, and flockd posts to X`,
            'keep it in another folder, and name that folder with --keys DIR',
          ),
        ]
      : [about.ok('provider', `for ${title}`)];
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    return [
      about.bad(
        'provider',
        error.message,
        `describe it in flock.json under providers.${bundle.provider}, or correct "provider" in the bundle`,
      ),
    ];
  }
}

function examineOwnAppKeys(
  { keymaker }: Checkup,
  { bot, bundle }: LoadedBundle,
  appKeys: TokenPair,
): Finding {
  const about = aboutBot(bot);
  if (isSamePair(bundle.appKeys, appKeys))
    return about.ok('bundle-app-keys', 'made with the app keys set now');
  return about.warn(
    'bundle-app-keys',
    'made with other app keys than those set now',
    `both work while both apps exist; to move the bot to the app set now: ${keymaker(`reauth ${bot}`)}`,
  );
}

function examineAccount(
  { keymaker }: Checkup,
  { bot, bundle }: LoadedBundle,
  flockFile: FlockFile,
  sibling: string | undefined,
): Finding {
  const about = aboutBot(bot);
  const { screenName } = bundle;
  if (flockFile.faultOf(bot)) return about.skipped('account', 'its settings in flock.json are wrong');
  const { account } = flockFile.settingsOf(bot);
  const signIn = keymaker(`make-keys ./poems --bot ${bot} --force`);
  if (sibling !== undefined)
    return about.bad(
      'account',
      `has the same account as ${sibling}`,
      `sign in as its own account: ${signIn}`,
    );
  if (account === undefined) return about.ok('account', 'no other bot has its account');
  if (isSameName(screenName, account) !== false)
    return about.ok('account', `@${account}, as flock.json has it`);
  return about.bad(
    'account',
    `the key is for @${screenName}, but flock.json says @${account}`,
    `correct flock.json, or sign in as @${account}: ${signIn}`,
  );
}

/**
 * Checks that each bot with a good bundle has a poem with lines. Reports poems without a bundle, and files in the poems
 * folder that no bot reads.
 *
 * @param bad - the bots with bad bundles, which have a finding already
 */
async function examinePoems(
  checkup: Checkup,
  flockFile: FlockFile,
  bad: ReadonlySet<BotName>,
): Promise<{ findings: Finding[] }> {
  try {
    const flock = await withPoems(checkup, flockFile);
    const bots = flock.bots.filter(({ name }) => isChosen(checkup, name));
    const misfits = flock.misfits.filter(
      (misfit) => !bad.has(misfit.bot) && !flockFile.faultOf(misfit.bot) && isChosen(checkup, misfit.bot),
    );
    const read = ({ name, poemFile }: (typeof bots)[number]) => examinePoem(name, poemFile);
    const poems = await pMap(bots, read, { concurrency: readConcurrency });
    const findings = [
      ...misfits.map((misfit) => aboutBot(misfit.bot).thrown('poem', misfit.error)),
      ...poems,
    ];
    const named = new Set(flockFile.named);
    const others = flock.keyless.filter(({ name }) => checkup.chosen.size > 0 || !named.has(name));
    return { findings: [...findings, ...keyless(checkup, others), ...passedOver(checkup, flock)] };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    // examineKeysFolder reports a keys folder that is refused.
    return { findings: error.exit === 'permission' ? [] : [aboutFlock('poems').thrown('poems', error)] };
  }
}

/** @param bots - without those that flock.json names, which {@link examineNamed} reports */
function keyless(checkup: Checkup, bots: Flock['keyless']): Finding[] {
  const { keymaker } = checkup;
  return bots
    .filter(({ name }) => isChosen(checkup, name))
    .map(({ name }) =>
      aboutBot(name).warn('key', 'has no key yet', keymaker(`make-keys ./poems --bot=${name}`)),
    );
}

/** How bad it is that a file in the poems folder is not read. */
const resultOf = { refused: 'bad', unseen: 'warn', ignored: 'skipped' } as const;

function passedOver({ chosen }: Checkup, flock: Flock): Finding[] {
  if (chosen.size > 0) return [];
  return passedOverShown(flock.passedOver).map(({ file, kind, why, hint }) =>
    aboutFlock(shownPath(file))[resultOf[kind]]('poems-folder', why, kind === 'ignored' ? undefined : hint),
  );
}

async function examinePoem(name: string, file: string): Promise<Finding> {
  const about = aboutBot(name);
  try {
    const count = splitPoem(await readPoem(file), 'line').length;
    const shown = shownPath(file);
    if (count === 0) return about.bad('poem', `${shown} has no lines`, 'write the poem, one post a line');
    return about.ok('poem', `${count === 1 ? '1 line' : `${count} lines`} in ${shown}`);
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    return about.thrown('poem', error);
  }
}

/** Finds the poem of each bundle by flockd's own rule. */
function withPoems({ paths, keys }: Checkup, flockFile: FlockFile): Promise<Flock> {
  return loadFlock(paths.root, new WithoutOwners(keys.folder, keys.options), flockFile);
}

/** Hides the account and the provider of each bundle, so that a fault of these does not keep its poem from being checked. */
class WithoutOwners extends KeyStore {
  override async readListed(listed: ListedBundle): Promise<KeyBundle> {
    const { appKeys, accessToken, poemFile } = await super.readListed(listed);
    return { appKeys, accessToken, poemFile, userId: listed.file, screenName: undefined };
  }
}

/** Shortens paths, because messages from other modules have full paths. */
function withShownPaths(finding: Finding, { paths }: Checkup): Finding {
  const short = (text: string): string =>
    [paths.keys, paths.root].reduce((message, folder) => {
      const shown = shownPath(`${folder}/x`).slice(0, -1);
      return message.replaceAll(`${folder}/`, shown);
    }, text);
  return { ...finding, message: short(finding.message), hint: finding.hint && short(finding.hint) };
}
