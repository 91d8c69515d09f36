import pMap from 'p-map';
import { FlockError } from '../errors.ts';
import type { PlannedBot, WholeFlock } from '../flock/load.ts';
import { mustBeItsAccount } from '../keys/right-account.ts';
import type { BotState } from '../ledger/state.ts';
import { type Line, linesOf } from '../poems/poem.ts';
import type { LeftOut } from './report.ts';

/** Who takes part in a rehearsal, and who cannot and why. */
export interface Cast {
  bots: PlannedBot[];
  /** The texts of the poems, by their files. */
  poems: ReadonlyMap<string, string>;
  /** The lines of each bot's poem. */
  lines: ReadonlyMap<string, readonly Line[]>;
  leftOut: LeftOut[];
}

/** Poems read at a time. */
const readers = 32;

/**
 * Reads every poem, once and for all.
 *
 * @param states - what the ledger says of the bots
 * @throws {FlockError} where nobody is left to rehearse, for the reason of the first who is left out
 */
export async function readCast(
  { bots, misfits }: Pick<WholeFlock, 'bots' | 'misfits'>,
  states: ReadonlyMap<string, BotState>,
  readPoem: (file: string) => Promise<string>,
): Promise<Cast> {
  const poems = new Map<string, string>();
  const keep = async (file: string): Promise<string> => {
    const text = poems.get(file) ?? (await readPoem(file));
    poems.set(file, text);
    return text;
  };
  const faults: { bot: string; error: FlockError }[] = [...misfits];
  const lines = new Map<string, readonly Line[]>();
  const read = async (bot: PlannedBot): Promise<void> => {
    try {
      mustBeItsAccount(bot, states.get(bot.name)?.account);
      lines.set(bot.name, await linesOf(bot.poemFile, bot.settings.unit, keep));
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      faults.push({ bot: bot.name, error });
    }
  };
  await pMap(bots, read, { concurrency: readers });
  faults.sort((a, b) => (a.bot < b.bot ? -1 : 1));
  const fit = bots.filter(({ name }) => lines.has(name));
  if (fit.length === 0) throw nobody(faults.map(({ error }) => error));
  return { bots: fit, poems, lines, leftOut: faults.map(asLeftOut) };
}

const asLeftOut = ({ bot, error }: { bot: string; error: FlockError }): LeftOut => ({
  bot,
  why: error.message,
  ...(error.hint !== undefined && { hint: error.hint }),
});

function nobody([first, ...others]: FlockError[]): FlockError {
  if (!first) {
    return new FlockError('data', 'there is no poem to rehearse', {
      hint: 'poems are text files in the poems folder; --root DIR names the flock',
    });
  }
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  return new FlockError(first.exit, `no bot can be rehearsed: ${first.message}${more}`, {
    ...(first.hint !== undefined && { hint: first.hint }),
    cause: first,
  });
}
