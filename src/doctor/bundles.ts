import { lstat, stat } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import type { FlockFile } from '../config/flock-file.ts';
import { FlockError } from '../errors.ts';
import type { TokenPair } from '../keys/bundle.ts';
import { isSameName } from '../keys/right-account.ts';
import type { ListedBundle } from '../keys/store.ts';
import { homesOf, isSame } from './app-pairs.ts';
import { type Checkup, type Held, isChosen, providerIdOf } from './checkup.ts';
import { bot as botCalled, type Finding } from './finding.ts';
import { examineNamed } from './flock-files.ts';
import { examineFile } from './private-file.ts';
import { twins } from './twins.ts';

/** Bundles read at a time. */
const readers = 64;

/** Every bundle by itself: its file, its form, its app keys, its account. All are read, since any two may be twins. */
export async function examineBundles(
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
