import type { Context } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { type BotName, parseBotName } from '../../flock/bot.ts';
import { readJournal } from '../../ledger/journal.ts';
import { nearest } from '../../text.ts';

/**
 * The bot that a person named: one with a key bundle, or one that the ledger knows.
 *
 * @throws {FlockError} `usage` where there is none of that name
 */
export async function knownBot(
  text: string,
  { keys, paths }: Pick<Context, 'keys' | 'paths'>,
): Promise<BotName> {
  const name = parseBotName(text);
  const bundles = (await keys.list()).map(({ bot }): string => bot);
  if (bundles.includes(name)) return name;
  const known = [...bundles, ...(await readJournal(paths.state)).states.keys()];
  if (known.includes(name)) return name;
  const meant = nearest(name, known);
  throw new FlockError('usage', `${name} is not in the flock`, {
    hint: meant === undefined ? 'flockd status lists the bots' : `did you mean ${meant}?`,
  });
}
