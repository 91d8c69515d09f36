import { FlockError } from '../../errors.ts';
import { parseBotName, type BotName } from '../../flock/bot.ts';
import { nearest } from '../../flock/nearest.ts';
import { byBot, findPoems, readPoem } from '../../poems/read-poems.ts';
import { linesOf } from '../../poems/lines-of.ts';

/** A poem, and the bot that is to read it. */
export interface Poem {
  bot: BotName;
  file: string;
}

/**
 * The poems of a folder, or those of the bots that are named.
 *
 * @throws {FlockError} `data` where there are no poems, `usage` where a named bot has none
 */
export async function choosePoems(folder: string, wanted: readonly string[]): Promise<Poem[]> {
  const poems = byBot(await findPoems(folder));
  if (poems.size === 0) {
    throw new FlockError('data', `no poems in ${folder}`, {
      hint: 'a poem is a text file whose name ends in .txt',
    });
  }
  if (wanted.length === 0) return Array.from(poems, ([bot, file]) => ({ bot, file }));
  return [...new Set(wanted)].map(parseBotName).map((bot) => {
    const file = poems.get(bot);
    if (file !== undefined) return { bot, file };
    const meant = nearest(bot, [...poems.keys()]);
    throw new FlockError('usage', `no poem in ${folder} belongs to a bot called ${bot}`, {
      hint: meant === undefined ? `the bots are ${[...poems.keys()].join(', ')}` : `did you mean ${meant}?`,
    });
  });
}

/** @throws {FlockError} `data` where the poem cannot be read or has nothing to post */
export async function checkPoem({ file }: Poem): Promise<void> {
  await linesOf(file, 'line', readPoem);
}
