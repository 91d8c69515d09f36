import { z } from 'zod';
import { openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { parseBotName, type BotName } from '../../flock/bot.ts';
import { readFlockFile } from '../../flock/flock-file.ts';
import { loadFlock } from '../../flock/load-flock.ts';
import { readPoem } from '../../poems/read-poems.ts';
import { splitPoem } from '../../poems/split-poem.ts';
import { fingerprints } from '../../posting/place.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import { give } from './give.ts';

export const resume = command({
  words: { bot: { type: 'string', describe: 'the name of the bot' } },
  flags: {
    line: { type: 'string', describe: 'go on at this line of the poem as it is now, counted from 1' },
    ...placeFlags,
  },
  examples: [
    ['flockd resume howl', 'what had parked it is repaired'],
    ['flockd resume howl --line 1', 'its poem became another one: begin that'],
  ],
  schema: z.object({
    bot: z.string(),
    line: z
      .string()
      .regex(/^[1-9]\d{0,8}$/, 'should be the number of a line, from 1')
      .transform(Number)
      .optional(),
    ...placeSchema,
  }),
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    await using context = openContext(args);
    const place = args.line === undefined ? {} : await placeAt(bot, args.line, context);
    await give(context.paths.state, { order: 'resume', bot, ...place });
    terminal.say(`${bot} goes on${args.line === undefined ? '' : ` at line ${args.line}`}.`);
    return 'done';
  },
});

type Context = ReturnType<typeof openContext>;

/** @throws {FlockError} `usage` where the bot or the line is not there, `data` where its poem cannot be read */
async function placeAt(
  bot: BotName,
  line: number,
  { paths, keys }: Context,
): Promise<{ poem: string; next: number }> {
  const { bots } = await loadFlock(paths.root, keys, await readFlockFile(paths.flockFile));
  const found = bots.find(({ name }) => name === bot);
  if (!found)
    throw new FlockError('usage', `${bot} is not in the flock`, { hint: 'flockd status lists the bots' });
  const lines = splitPoem(await readPoem(found.poemFile), found.settings.unit);
  if (line > lines.length) {
    throw new FlockError('usage', `the poem of ${bot} has no line ${line}`, {
      hint: `it has ${lines.length}`,
    });
  }
  return { poem: fingerprints(lines), next: line - 1 };
}
