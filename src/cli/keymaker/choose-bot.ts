import path from 'node:path';
import type { Context } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import type { BotName } from '../../flock/bot.ts';
import { knownBots } from '../../flock/load.ts';
import type { KeyBundle } from '../../keys/bundle.ts';
import type { KeyStore } from '../../keys/store.ts';
import { findPoems, type FoundPoems, noPoems } from '../../poems/find.ts';
import { nearest } from '../../text.ts';
import { callsAs, type GivenPlaces } from '../calls-as.ts';
import type { Terminal } from '../terminal.ts';

/** @throws {FlockError} `usage` where the bot has no bundle */
export async function mustHaveKey(
  bot: BotName,
  { keys, paths }: Pick<Context, 'keys' | 'paths'>,
  places: GivenPlaces,
): Promise<void> {
  const known = (await keys.list()).map((entry) => entry.bot);
  if (known.includes(bot)) return;
  const { poems } = await findPoems(path.join(paths.root, 'poems'), knownBots(paths.root, keys)).catch(
    noneWhereUnreadable,
  );
  const readers = poems.map((poem) => poem.bot);
  throw new FlockError('usage', `${bot} has no key bundle in ${keys.folder}`, {
    hint: hintFor(bot, { known, readers }, callsAs(places)),
  });
}

/** @param readers - the bots that have a poem, and perhaps no key */
function hintFor(
  bot: BotName,
  { known, readers }: { known: readonly BotName[]; readers: readonly BotName[] },
  keymaker: (call: string) => string,
): string {
  if (readers.includes(bot)) return `make its first: ${keymaker(`make-keys ./poems --bot=${bot}`)}`;
  const meant = nearest(bot, [...known, ...readers]);
  if (meant !== undefined) return `did you mean ${meant}?`;
  return known.length > 0
    ? `${keymaker('list')} shows the bots`
    : `make some first: ${keymaker('make-keys ./poems')}`;
}

function noneWhereUnreadable(error: unknown): FoundPoems {
  if (error instanceof FlockError) return noPoems;
  throw error;
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
