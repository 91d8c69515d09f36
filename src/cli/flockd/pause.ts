import * as z from 'zod';
import { isStopped, stopFlock } from '../../daemon/stop-switch.ts';
import { FlockError } from '../../errors.ts';
import type { BotName } from '../../flock/bot.ts';
import { readJournal } from '../../ledger/journal.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import { give } from './give.ts';
import { knownBot } from './known-bot.ts';
import { openOnLedger } from './open-on-ledger.ts';

export const pause = command({
  words: { bot: { type: 'string', describe: 'the name of the bot; without one, the whole flock' } },
  flags: placeFlags,
  examples: [
    ['flockd pause', 'stop the whole flock, within a second'],
    ['flockd pause howl', 'let this bot rest until flockd resume howl'],
  ],
  schema: z.object({ bot: z.string().optional(), ...placeSchema }),
  async run(args, terminal) {
    await using context = await openOnLedger(args, terminal);
    const { state } = context.paths;
    if (args.bot !== undefined) {
      const bot = await knownBot(args.bot, context);
      if (!(await readJournal(state)).states.has(bot)) throw newTo(bot);
      await give(state, { order: 'pause', bot });
      terminal.say(`${bot} rests until: flockd resume ${bot}`);
      return 'done';
    }
    const wasStopped = isStopped(state);
    await stopFlock(state, `stopped by flockd pause at ${new Date(context.clock.now()).toISOString()}`);
    terminal.say(
      wasStopped
        ? 'The flock is stopped already; flockd resume lets it go on.'
        : 'The flock is stopped: nobody posts until flockd resume.',
    );
    return 'done';
  },
});

/** One that rests before it has begun is a matter of settings. */
const newTo = (bot: BotName): FlockError =>
  new FlockError('usage', `${bot} is not in the ledger: it has not begun its poem`, {
    hint: `let it rest from the start in flock.json: "bots": {"${bot}": {"paused": true}}`,
  });
