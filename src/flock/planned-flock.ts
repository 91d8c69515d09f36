import path from 'node:path';
import { FlockError, systemCode } from '../errors.ts';
import type { BotKey } from '../keys/key-bundle.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { findPoems, type PoemFile } from '../poems/read-poems.ts';
import type { BotName } from './bot.ts';
import type { BotSettings, FlockFile } from './flock-file.ts';
import { loadFlock, type Flock } from './load-flock.ts';

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
export interface WholeFlock extends Omit<Flock, 'bots'> {
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
  const { bots, misfits, purse } = await loadFlock(root, keys, flockFile);
  const withKey = bots.map((bot) => ({
    ...bot,
    account: bot.bundle.screenName ?? bot.settings.account,
  }));
  const named = new Set([...bots.map(({ name }) => name), ...misfits.map(({ bot }) => bot)]);
  const read = new Set(bots.map(({ poemFile }) => poemFile));
  const unread = (await findPoems(path.join(root, 'poems')).catch(noneWhereMissing)).filter(
    ({ bot, file }) => !named.has(bot) && !read.has(path.resolve(file)),
  );
  const whole: WholeFlock = { bots: withKey, misfits: [...misfits], purse };
  for (const [bot, poems] of groupedByBot(unread)) {
    const [poem, twin] = poems;
    if (twin) whole.misfits.push({ bot, error: namesakes(bot, poems) });
    else if (poem) whole.bots.push(withoutKey(poem, flockFile));
  }
  whole.bots.sort((a, b) => byName(a.name, b.name));
  whole.misfits.sort((a, b) => byName(a.bot, b.bot));
  return whole;
}

function withoutKey({ bot, file }: PoemFile, flockFile: FlockFile): PlannedBot {
  const settings = flockFile.settingsOf(bot);
  return { name: bot, poemFile: path.resolve(file), settings, account: settings.account, bundle: undefined };
}

function groupedByBot(poems: readonly PoemFile[]): Map<BotName, PoemFile[]> {
  const found = new Map<BotName, PoemFile[]>();
  for (const poem of poems) {
    const known = found.get(poem.bot);
    if (known) known.push(poem);
    else found.set(poem.bot, [poem]);
  }
  return found;
}

function namesakes(bot: BotName, poems: readonly PoemFile[]): FlockError {
  const files = poems.map(({ file }) => file).join(' and ');
  return new FlockError('data', `${files} would ${poems.length > 2 ? 'all' : 'both'} be read by ${bot}`, {
    hint: 'rename all but one of them',
  });
}

function noneWhereMissing(error: unknown): PoemFile[] {
  if (error instanceof FlockError && systemCode(error.cause) === 'ENOENT') return [];
  throw error;
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
