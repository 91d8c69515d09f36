import type { Stats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import path from 'node:path';
import { appKeysIfSet, appKeysSource } from '../config/environment.ts';
import { type FlockFile, parseFlockFile, readFlockFile } from '../config/flock-file.ts';
import { FlockError } from '../errors.ts';
import type { BotName } from '../flock/bot.ts';
import type { TokenPair } from '../keys/bundle.ts';
import type { ListedBundle } from '../keys/store.ts';
import { couldBeSecret, nearest, shown } from '../text.ts';
import { moreWatches, whyUnwatchable } from '../watch.ts';
import type { Checkup } from './checkup.ts';
import { bot, type Finding, type Subject, thing } from './finding.ts';
import { examineFile, examineFolder } from './private-file.ts';
import { shownPath } from './shown-path.ts';

/** Reads `flock.json`. One that is wrong counts as empty for the other checks. */
export async function examineFlockFile({
  paths,
}: Checkup): Promise<{ findings: Finding[]; flockFile: FlockFile }> {
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
export function examineNamed(
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
export async function examineAppKeys(
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
export async function examineKeysFolder({
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
