import { FlockError } from '../../errors.ts';
import { parseBotName } from '../../flock/bot.ts';
import {
  findPoems,
  type FoundPoems,
  type KnownBots,
  type PassedOver,
  type PoemFile,
  readPoem,
} from '../../poems/find.ts';
import { linesOf } from '../../poems/poem.ts';
import { nearest } from '../../text.ts';

/** The poems that were asked for, and those that no bot can read. */
export interface ChosenPoems {
  chosen: PoemFile[];
  /** Each by its bot, or where that has no name by its file. */
  refused: { bot: string; error: FlockError }[];
}

/**
 * The poems of a folder, or those of the bots that are named.
 *
 * @throws {FlockError} `data` where there are no poems, `usage` where a named bot has none
 */
export async function choosePoems(
  folder: string,
  wanted: readonly string[],
  known: KnownBots,
): Promise<ChosenPoems> {
  const found = await findPoems(folder, known);
  const refused = [...found.clashes, ...found.passedOver.flatMap(refusalOf)];
  if (found.poems.length + refused.length === 0) {
    throw new FlockError('data', `no poems in ${folder}`, {
      hint: 'a poem is a text file whose name ends in .txt',
    });
  }
  return wanted.length === 0 ? { chosen: found.poems, refused } : theWanted(folder, wanted, found);
}

function refusalOf({ file, kind, why, hint }: PassedOver): ChosenPoems['refused'] {
  return kind === 'refused'
    ? [{ bot: file, error: new FlockError('data', `${file}: ${why}`, { hint }) }]
    : [];
}

/** @throws {FlockError} `usage` where there is no poem for one of them */
function theWanted(folder: string, wanted: readonly string[], { poems, clashes }: FoundPoems): ChosenPoems {
  const poemOf = new Map(poems.map((poem) => [poem.bot, poem]));
  const clashOf = new Map(clashes.map((clash) => [clash.bot, clash]));
  const chosen: ChosenPoems = { chosen: [], refused: [] };
  for (const bot of new Set(wanted.map(parseBotName))) {
    const [poem, clash] = [poemOf.get(bot), clashOf.get(bot)];
    if (poem) chosen.chosen.push(poem);
    else if (clash) chosen.refused.push(clash);
    else {
      const bots = [...poemOf.keys()];
      const meant = nearest(bot, bots);
      throw new FlockError('usage', `no poem in ${folder} belongs to a bot called ${bot}`, {
        hint: meant === undefined ? `the bots are ${bots.join(', ')}` : `did you mean ${meant}?`,
      });
    }
  }
  return chosen;
}

/** @throws {FlockError} `data` where the poem cannot be read or has nothing to post */
export async function checkPoem({ file }: PoemFile): Promise<void> {
  await linesOf(file, 'line', readPoem);
}
