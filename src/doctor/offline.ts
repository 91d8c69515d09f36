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
  bot,
  bot as botCalled,
  type Checkup,
  type Finding,
  type Held,
  homesOf,
  isChosen,
  isSame,
  type Known,
  names,
  providerIdOf,
  type Subject,
  thing,
} from './report.ts';

/** A file that holds a secret, and what the system says of it. */
interface SecretFile {
  file: string;
  /** Of the file itself, should it be a link. */
  status: FileStatus & { isSymbolicLink: () => boolean };
  /** Of what it is in. */
  folder: FileStatus | undefined;
}

/** Whether keymaker and flockd take what a file holds, by the rule that they go by. */
function examineFile(about: Subject, check: string, { file, status, folder }: SecretFile): Finding {
  const shown = shownPath(file);
  if (status.isSymbolicLink()) {
    const { why, repair } = faultOfLink(shown);
    return about.bad(check, `${shown} ${why}`, repair);
  }
  return judged(about, check, status, faultOfFile(shown, status, folder));
}

/** Whether a folder of secrets is its owner's alone, or that of a server. The programs refuse it only where others can write. */
function examineFolder(about: Subject, check: string, file: string, status: FileStatus): Finding {
  const shown = shownPath(file);
  const fault = faultOfFolder(shown, status);
  if (fault || (status.mode & 0o077) === 0 || isServing(status)) return judged(about, check, status, fault);
  return about.bad(check, `open to others (mode ${modeOf(status)})`, `chmod 700 ${shellWord(shown)}`);
}

const judged = (about: Subject, check: string, status: FileStatus, fault: Fault | undefined): Finding =>
  fault ? about.bad(check, fault.why, fault.repair) : about.ok(check, `mode ${modeOf(status)}`);

/** Reads `flock.json`. One that is wrong counts as empty for the other checks. */
async function examineFlockFile({ paths }: Checkup): Promise<{ findings: Finding[]; flockFile: FlockFile }> {
  const about = thing(path.basename(paths.flockFile));
  try {
    const flockFile = await readFlockFile(paths.flockFile);
    const isThere = (await statusOf(paths.flockFile)) !== undefined;
    const said = isThere ? 'reads well' : 'there is none: every bot has the defaults';
    const faults = flockFile.named.flatMap((name) => faultIn(name, flockFile));
    return { findings: faults.length > 0 ? faults : [about.ok('flock-file', said)], flockFile };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    return { findings: [about.thrown('flock-file', error)], flockFile: parseFlockFile('{}', '') };
  }
}

function faultIn(name: BotName, { faultOf }: FlockFile): Finding[] {
  const error = faultOf(name);
  return error ? [bot(shown(name)).thrown('settings', error)] : [];
}

/** Whether the bots that `flock.json` names have bundles. */
function examineNamed(
  { keymaker, chosen }: Checkup,
  flockFile: FlockFile,
  bots: readonly BotName[],
): Finding[] {
  if (chosen.size > 0) return [];
  const there = new Set<string>(bots);
  const unknown = flockFile.named.filter((name) => !there.has(name));
  const hintFor = (name: string): string => {
    if (couldBeSecret(name)) return 'look under "bots": a name that could be a secret is not shown';
    const meant = nearest(name, bots);
    const first = keymaker(`make-keys ./poems --bot ${name}`);
    return meant === undefined ? first : `did you mean ${meant}? Otherwise: ${first}`;
  };
  return unknown.map((name) =>
    bot(shown(name)).warn('named', 'flock.json names it, but it has no key bundle', hintFor(name)),
  );
}

/** Whether the app keys are set, where, and whether `apikeys.json` is private. */
async function examineAppKeys(
  { paths }: Checkup,
  hasBundles: boolean,
): Promise<{ findings: Finding[]; appKeys: TokenPair | undefined }> {
  const about = thing('app keys');
  const file = path.join(paths.root, 'apikeys.json');
  const status = await lstat(file).catch(() => undefined);
  const folder = await statusOf(paths.root);
  const privacy = status
    ? [examineFile(thing('apikeys.json'), 'app-keys-file', { file, status, folder })]
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
    const isSaid = error.exit === 'permission' && privacy.some(({ result }) => result === 'bad');
    const thrown = isSaid ? [] : [about.thrown('app-keys-set', error)];
    return { findings: [...thrown, ...privacy], appKeys: undefined };
  }
}

/** The bundles there are, and whether their folder is private. */
async function examineKeysFolder({
  paths,
  keys,
  keymaker,
}: Checkup): Promise<{ findings: Finding[]; entries: ListedBundle[] }> {
  const about = thing(shownPath(paths.keys));
  const status = await statusOf(paths.keys);
  const mode = status ? [examineKeysMode(about, status, { paths, keys }), ...examineWatches(paths.keys)] : [];
  try {
    const entries = await keys.list();
    const none = about.warn('keys', 'no key bundles yet', keymaker('make-keys ./poems'));
    return { findings: entries.length > 0 ? mode : [...mode, none], entries };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const isSaid = error.exit === 'permission' && mode.some(({ result }) => result === 'bad');
    return { findings: isSaid ? mode : [...mode, about.thrown('keys', error)], entries: [] };
  }
}

/** Whether flockd, run by the same user, would be told of changes by the system. */
function examineWatches(folder: string): Finding[] {
  const why = whyUnwatchable(folder);
  if (why === undefined) return [];
  const message = `this user has no inotify watches left (${why}): flockd looks for changes every second instead`;
  return [thing('inotify').warn('watches', message, moreWatches)];
}

const examineKeysMode = (
  about: Subject,
  status: Stats,
  { paths, keys }: Pick<Checkup, 'paths' | 'keys'>,
): Finding =>
  keys.isReadOnly
    ? about.ok('keys-folder', 'credentials of systemd')
    : examineFolder(about, 'keys-folder', paths.keys, status);

/** What cannot be examined is told of by those who read it. */
const statusOf = (file: string) => stat(file).catch(() => undefined);

/** The bots that share their account with others, and whose names those are. */
function twins(held: readonly Held[]): Map<BotName, string> {
  const byAccount = new Map<string, Held[]>();
  for (const one of held) {
    const { userId, provider, accessToken } = one.bundle;
    const account = accountKey(userId ?? accessToken.reveal().token, provider);
    byAccount.set(account, [...(byAccount.get(account) ?? []), one]);
  }
  const shared = [...byAccount.values()].filter((group) => group.length > 1);
  return new Map(
    shared.flatMap((group) =>
      group.map(({ bot }) => [bot, names(group.filter((other) => other.bot !== bot))] as const),
    ),
  );
}

/** Bundles read at a time. */
const readers = 64;

/** Every bundle by itself: its file, its form, its app keys, its account. All are read, since any two may be twins. */
async function examineBundles(
  checkup: Checkup,
  entries: readonly ListedBundle[],
  flockFile: FlockFile,
  appKeys: TokenPair | undefined,
): Promise<{ findings: Finding[]; held: Held[] }> {
  const bundles = await pMap(entries, (entry) => readBundle(checkup, entry), { concurrency: readers });
  const held = bundles.flatMap((bundle) => bundle.held ?? []);
  const homes = appKeys ? homesOf(appKeys, held) : new Set<string>();
  const shared = twins(held);
  const findings = bundles.flatMap(({ entry, findings: found, held: one }) => {
    if (!isChosen(checkup, entry.bot)) return [];
    if (!one) return found;
    return [
      ...found,
      ...examineProvider(checkup, one, flockFile),
      ...(appKeys && homes.has(providerIdOf(one)) ? [examineOwnAppKeys(checkup, one, appKeys)] : []),
      examineAccount(checkup, one, flockFile, shared.get(entry.bot)),
    ];
  });
  const named = examineNamed(
    checkup,
    flockFile,
    entries.map(({ bot }) => bot),
  );
  return { findings: [...named, ...findings], held };
}

async function readBundle({ keys, paths }: Checkup, entry: ListedBundle) {
  const about = botCalled(entry.bot);
  const findings: Finding[] = [];
  try {
    const status = await lstat(entry.file).catch(() => undefined);
    if (keys.isReadOnly) findings.push(about.ok('bundle-file', 'a credential of systemd'));
    else if (status) {
      const folder = await stat(paths.keys).catch(() => undefined);
      const privacy = examineFile(about, 'bundle-file', { file: entry.file, status, folder });
      findings.push(privacy);
      // The store would say the same once more.
      if (privacy.result === 'bad') return { entry, findings };
    }
    const bundle = await keys.readListed(entry);
    const whose = bundle.screenName === undefined ? 'reads well' : `of @${bundle.screenName}`;
    findings.push(about.ok('bundle', `key bundle ${whose}`));
    return { entry, findings, held: { ...entry, bundle } };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    findings.push(about.thrown('bundle', error));
    return { entry, findings };
  }
}

/** flockd posts to X; keys for others belong into a folder of their own. */
function examineProvider(
  { paths, provider }: Checkup,
  { bot, bundle }: Held,
  flockFile: FlockFile,
): Finding[] {
  if (bundle.provider === undefined) return [];
  const about = botCalled(bot);
  try {
    const { title } = provider(bundle.provider, flockFile.providers);
    return paths.keys === path.join(paths.root, 'keys')
      ? [
          about.warn(
            'provider',
            `the key is for ${title}, and flockd posts to X`,
            'keep it in another folder, and give that with --keys DIR',
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

function examineOwnAppKeys({ keymaker }: Checkup, { bot, bundle }: Held, appKeys: TokenPair): Finding {
  const about = botCalled(bot);
  if (isSame(bundle.appKeys, appKeys)) return about.ok('bundle-app-keys', 'made with the app keys set now');
  return about.warn(
    'bundle-app-keys',
    "made with another app's keys than those set now",
    `both work as long as both apps live; this moves it to the one set now: ${keymaker(`reauth ${bot}`)}`,
  );
}

function examineAccount(
  { keymaker }: Checkup,
  { bot, bundle }: Held,
  flockFile: FlockFile,
  twin: string | undefined,
): Finding {
  const about = botCalled(bot);
  const { screenName } = bundle;
  if (flockFile.faultOf(bot)) return about.skipped('account', 'its settings in flock.json are wrong');
  const { account } = flockFile.settingsOf(bot);
  const again = keymaker(`make-keys ./poems --bot ${bot} --force`);
  if (twin !== undefined)
    return about.bad('account', `has the same account as ${twin}`, `sign in as its own account: ${again}`);
  if (account === undefined) return about.ok('account', 'no other bot has its account');
  if (isSameName(screenName, account) !== false)
    return about.ok('account', `@${account}, as flock.json has it`);
  return about.bad(
    'account',
    `the key is for @${screenName}, but flock.json says @${account}`,
    `correct flock.json, or sign in as @${account}: ${again}`,
  );
}

/**
 * Whether each bot that has a good bundle has a poem, and that poem lines; who has a poem and no bundle; and what in the
 * folder is read by nobody.
 *
 * @param bad - the bots of which more was said already: their bundles are bad
 */
async function examinePoems(
  checkup: Checkup,
  flockFile: FlockFile,
  bad: ReadonlySet<BotName>,
): Promise<{ findings: Finding[] }> {
  try {
    const flock = await joined(checkup, flockFile);
    const bots = flock.bots.filter(({ name }) => isChosen(checkup, name));
    const misfits = flock.misfits.filter(
      (misfit) => !bad.has(misfit.bot) && !flockFile.faultOf(misfit.bot) && isChosen(checkup, misfit.bot),
    );
    const read = ({ name, poemFile }: (typeof bots)[number]) => examinePoem(name, poemFile);
    const poems = await pMap(bots, read, { concurrency: readers });
    const findings = [...misfits.map((misfit) => bot(misfit.bot).thrown('poem', misfit.error)), ...poems];
    const named = new Set(flockFile.named);
    const others = flock.keyless.filter(({ name }) => checkup.chosen.size > 0 || !named.has(name));
    return { findings: [...findings, ...keyless(checkup, others), ...passedOver(checkup, flock)] };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    // What is wrong with the keys folder is said by whoever examines the bundles.
    return { findings: error.exit === 'permission' ? [] : [thing('poems').thrown('poems', error)] };
  }
}

/** But for those that flock.json names, of which that was said already. */
function keyless(checkup: Checkup, bots: Flock['keyless']): Finding[] {
  const { keymaker } = checkup;
  return bots
    .filter(({ name }) => isChosen(checkup, name))
    .map(({ name }) => bot(name).warn('key', 'has no key yet', keymaker(`make-keys ./poems --bot=${name}`)));
}

/** What is no poem need not be mended. */
const gravity = { refused: 'bad', unseen: 'warn', ignored: 'skipped' } as const;

function passedOver({ chosen }: Checkup, flock: Flock): Finding[] {
  if (chosen.size > 0) return [];
  return passedOverShown(flock.passedOver).map(({ file, kind, why, hint }) =>
    thing(shownPath(file))[gravity[kind]]('poems-folder', why, kind === 'ignored' ? undefined : hint),
  );
}

async function examinePoem(name: string, file: string): Promise<Finding> {
  const about = bot(name);
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

/** The bundles with their poems, by the rule that flockd goes by. */
function joined({ paths, keys }: Checkup, flockFile: FlockFile): Promise<Flock> {
  return loadFlock(paths.root, new WithoutOwners(keys.folder, keys.options), flockFile);
}

/** Bundles that do not say whose they are, so that no poem goes unexamined for a wrong account, a twin or a provider. */
class WithoutOwners extends KeyStore {
  override async readListed(listed: ListedBundle): Promise<KeyBundle> {
    const { appKeys, accessToken, poemFile } = await super.readListed(listed);
    return { appKeys, accessToken, poemFile, userId: listed.file, screenName: undefined };
  }
}

/** The half that costs nothing and asks nobody: what the flock's files say. */
export async function examineOffline(checkup: Checkup): Promise<{ findings: Finding[]; known: Known }> {
  const flock = await examineFlockFile(checkup);
  const folder = await examineKeysFolder(checkup);
  const keys = await examineAppKeys(checkup, folder.entries.length > 0);
  const bundles = await examineBundles(checkup, folder.entries, flock.flockFile, keys.appKeys);
  const held = new Set(bundles.held.map(({ bot }) => bot));
  const bad = new Set(folder.entries.map(({ bot }) => bot).filter((bot) => !held.has(bot)));
  const poems = await examinePoems(checkup, flock.flockFile, bad);
  const findings = [flock, folder, keys, bundles, poems].flatMap((part) => part.findings);
  return {
    findings: findings.map((finding) => withShownPaths(finding, checkup)),
    known: { flockFile: flock.flockFile, appKeys: keys.appKeys, held: bundles.held },
  };
}

/** What other parts of the program say names files in full. */
function withShownPaths(finding: Finding, { paths }: Checkup): Finding {
  const short = (text: string): string =>
    [paths.keys, paths.root].reduce((said, folder) => {
      const shown = shownPath(`${folder}/x`).slice(0, -1);
      return said.replaceAll(`${folder}/`, shown);
    }, text);
  return { ...finding, message: short(finding.message), hint: finding.hint && short(finding.hint) };
}
