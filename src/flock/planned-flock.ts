import type { BotSettings, FlockFile } from '../config/flock-file.ts';
import { FlockError } from '../errors.ts';
import type { BotKey } from '../keys/bundle.ts';
import type { KeyStore } from '../keys/store.ts';
import type { BotName } from './bot.ts';
import { type Flock, type KeylessBot, loadFlock } from './load-flock.ts';

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
