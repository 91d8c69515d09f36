import * as z from 'zod';
import { isLocked } from '../../daemon/lock.ts';
import { giveOrder } from '../../daemon/orders.ts';
import { FlockError } from '../../errors.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import { openOnLedger } from './ledger-place.ts';

export const reload = command({
  flags: placeFlags,
  examples: [['flockd reload', 'after a change of flock.json; systemctl reload flockd does the same']],
  schema: z.object({ ...placeSchema }),
  async run(args, terminal) {
    await using context = await openOnLedger(args, terminal);
    const { state } = context.paths;
    if (!(await isLocked(state))) {
      throw new FlockError('unavailable', `no flockd runs on ${state}`, { hint: 'start it: flockd run' });
    }
    await giveOrder(state, { order: 'reload' });
    terminal.say('flockd has read its files again.');
    return 'done';
  },
});
