import pMap from 'p-map';
import { shownPath } from '../doctor/report.ts';
import { FlockError } from '../errors.ts';
import type { Flock, PlannedBot, WholeFlock } from '../flock/load.ts';
import { mustBeItsAccount } from '../keys/right-account.ts';
import type { BotState } from '../ledger/state.ts';
import { readPoem } from '../poems/find.ts';
import { linesOf } from '../poems/poem.ts';
import { keyMark } from '../posting/bot-runner.ts';
import type { BotToPlan } from './flock-plan.ts';

/** Poems read at a time. */
const readers = 64;

/**
 * Reads the poems of a flock, each once.
 *
 * @param states - what the ledger says of the bots
 * @returns who can be planned, and who cannot and why, both by name
 */
export async function readBots(
  { bots, misfits }: WholeFlock,
  states: ReadonlyMap<string, BotState>,
): Promise<{ bots: BotToPlan[]; misfits: Flock['misfits'] }> {
  const appOf = apps(bots);
  const read = async (bot: PlannedBot): Promise<BotToPlan | FlockError> => {
    try {
      return await readBot(bot, states.get(bot.name), appOf(bot));
    } catch (error) {
      if (error instanceof FlockError) return error;
      throw error;
    }
  };
  const found = await pMap(bots, read, { concurrency: readers });
  const unfit = bots.flatMap(({ name: bot }, index) => {
    const error = found[index];
    return error instanceof FlockError ? [{ bot, error }] : [];
  });
  return {
    bots: found.flatMap((bot) => (bot instanceof FlockError ? [] : [bot])),
    misfits: [...misfits, ...unfit].sort((a, b) => (a.bot < b.bot ? -1 : 1)),
  };
}

async function readBot(bot: PlannedBot, state: BotState | undefined, app: string): Promise<BotToPlan> {
  const { name, poemFile, settings, account, bundle } = bot;
  mustBeItsAccount(bot, state?.account);
  const lines = await linesOf(poemFile, settings.unit, readPoem);
  return {
    name,
    file: shownPath(poemFile),
    lines,
    texts: lines.map(({ text }) => text),
    settings,
    state,
    account,
    hasKey: bundle !== undefined,
    // Without a key nothing says that it was repaired.
    key: bundle ? keyMark({ name, poemFile, settings, bundle }) : (state?.parked?.key ?? ''),
    app,
  };
}

/** Tells the apps of a flock apart. Bots without a key will have the one that the others have, where those have but one. */
function apps(bots: readonly PlannedBot[]): (bot: PlannedBot) => string {
  const tokens = bots.flatMap(({ bundle }) => (bundle ? [bundle.appKeys.reveal().token] : []));
  const known = new Map([...new Set(tokens)].map((token, index) => [token, `app ${index + 1}`]));
  const usual = known.size === 1 ? 'app 1' : 'app of the new';
  return ({ bundle }) => (bundle && known.get(bundle.appKeys.reveal().token)) ?? usual;
}
