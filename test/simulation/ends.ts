import type { Bot } from '../../src/config/flock-file.ts';
import { type BotState, isFinished, lengthOf } from '../../src/ledger/state.ts';
import type { Poems } from './poems.ts';
import type { Scenario } from './scenario.ts';
import type { SimulatedNetwork } from './simulated-network.ts';

/** How many lines of its second pass, and of its third where the poem is short, a bot that begins again is watched for. */
const beyond = 3;

/** Longer than every wait that is due: the clock set back a day and some, a few refusals, and days for a budget. */
export const longest = ({ budget, usd }: Pick<Scenario, 'budget' | 'usd'>): number =>
  (usd !== undefined ? 2400 : budget !== undefined ? 600 : 80) * 3_600_000;

/** Whether a bot has posted all that a history waits for, and has nothing left to settle. */
export function isAtEnd(
  { name, settings }: Bot,
  state: BotState | undefined,
  poems: Poems,
  x: SimulatedNetwork,
): boolean {
  if (!state || state.open || state.restored) return false;
  const lines = poems.linesOf(name).length;
  // Nobody has to tell it where to go on.
  if (state.parked?.cause === 'place' && settings.atEnd === 'stop' && x.linesOf(name) >= lines) return true;
  if (settings.atEnd === 'loop') return x.linesOf(name) >= lines + beyond;
  return isFinished(state.place) && lengthOf(state.place) === lines;
}
