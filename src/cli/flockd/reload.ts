import * as z from 'zod';
import { readFlockFile } from '../../config/flock-file.ts';
import type { Context } from '../../context.ts';
import { giveOrder } from '../../daemon/control.ts';
import { isLocked } from '../../daemon/lock.ts';
import { FlockError } from '../../errors.ts';
import { loadFlock } from '../../flock/load.ts';
import { type GivenPlaces, hintAs } from '../calls-as.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { openOnLedger } from './open-on-ledger.ts';

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
    await tellOfMisfits(context, args, terminal);
    return 'done';
  },
});

/** Says whom flockd has left out: by the same files, and the same code. */
async function tellOfMisfits(
  { paths, keys }: Context,
  places: GivenPlaces,
  terminal: Terminal,
): Promise<void> {
  try {
    const { misfits } = await loadFlock(paths.root, keys, await readFlockFile(paths.flockFile));
    for (const { bot, error } of misfits)
      terminal.warn(`${bot} cannot post: ${error.message}`, error.hint && hintAs(places, error.hint));
  } catch (error) {
    // Whoever may ask for this may perhaps not read the files.
    if (!(error instanceof FlockError)) throw error;
  }
}
