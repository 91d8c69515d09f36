import { FlockError } from '../../errors.ts';
import type { BotName } from '../../flock/bot.ts';
import { nearest } from '../../flock/nearest.ts';
import type { KeyBundle } from '../../keys/key-bundle.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import type { Terminal } from '../terminal.ts';

/** @throws {FlockError} `usage` where the bot has no bundle */
export async function mustHaveKey(bot: BotName, keys: KeyStore): Promise<void> {
  const known = (await keys.list()).map((entry) => entry.bot);
  if (known.includes(bot)) return;
  const meant = nearest(bot, known);
  throw new FlockError('usage', `${bot} has no key bundle in ${keys.folder}`, {
    hint:
      meant === undefined
        ? `make its first: keymaker make-keys ./poems --bot=${bot}`
        : `did you mean ${meant}?`,
  });
}

/**
 * The bot's good bundle, or undefined. A bad one is as good as none, and will be replaced.
 *
 * @throws {FlockError} where it may be good, and only cannot be read: `permission` and `config`
 */
export async function oldBundle(
  bot: BotName,
  keys: KeyStore,
  terminal: Terminal,
): Promise<KeyBundle | undefined> {
  try {
    return await keys.readIfThere(bot);
  } catch (error) {
    if (!(error instanceof FlockError) || error.exit !== 'data') throw error;
    terminal.warn(`${error.message}; it will be replaced`);
    return undefined;
  }
}
