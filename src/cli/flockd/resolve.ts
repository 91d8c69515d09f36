import * as z from 'zod';
import { FlockError } from '../../errors.ts';
import { parseBotName } from '../../flock/bot.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import { give } from './give.ts';
import { openOnLedger } from './open-on-ledger.ts';

export const resolve = command({
  words: { bot: { type: 'string', describe: 'the name of the bot' } },
  flags: {
    posted: { type: 'boolean', describe: 'the post is on the timeline' },
    id: { type: 'string', describe: "the post's id, the number at the end of its address" },
    'not-posted': { type: 'boolean', describe: 'it is not, and never will be: post it again' },
    root: placeFlags.root,
  },
  examples: [['flockd resolve howl --posted --id 1834567890123456789', 'you looked, and it is there']],
  schema: z.object({
    bot: z.string(),
    posted: z.boolean().default(false),
    id: z.string().optional(),
    'not-posted': z.boolean().default(false),
    root: placeSchema.root,
  }),
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    if (args.posted === args['not-posted']) {
      throw new FlockError('usage', 'say either --posted or --not-posted', {
        hint: `look at the timeline of ${bot} first`,
      });
    }
    if (args.id !== undefined && !/^[0-9]{1,20}$/.test(args.id)) {
      throw new FlockError('usage', `${JSON.stringify(args.id)} is not the id of a post`, {
        hint: 'it is the number at the end of its address',
      });
    }
    await using context = await openOnLedger(args, terminal);
    const { state } = context.paths;
    await give(state, { order: 'resolve', bot, posted: args.posted, id: args.id });
    terminal.say(`${bot}: the post in doubt counts as ${args.posted ? 'posted' : 'not posted'}.`);
    return 'done';
  },
});
