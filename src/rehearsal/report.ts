import pMap from 'p-map';
import { FlockError } from '../errors.ts';
import type { PlannedBot, WholeFlock } from '../flock/load.ts';
import type { Condition } from '../flock/status.ts';
import { mustBeItsAccount } from '../keys/right-account.ts';
import type { BotState } from '../ledger/state.ts';
import { type Line, linesOf } from '../poems/poem.ts';
import type { Break } from './check-posts.ts';
import type { ClockChange } from './clock-changes.ts';

/** Posts and what came of them. Sums in US dollars. */
export interface Totals {
  /** Posts on the sandbox's timeline. */
  posted: number;
  /** Lines in them: a refrain may share its post with the line after it. */
  lines: number;
  /** How often a post was refused. */
  refused: number;
  /** Posts that were in doubt for a while. */
  inDoubt: number;
  /** By the ledger. */
  usd: number;
  /** Slots that passed without a post of their own. */
  missed: number;
  /** Refrains that were let go because X refused them. */
  passedOver: number;
}

/** One bot, and how it stands at the end. */
export interface BotReport extends Totals {
  bot: string;
  state: Condition;
  /** Lines done in this pass, of how many. */
  done: number;
  of: number;
  pass: number;
  /** How often it had to wait for a budget. */
  budgetWaits: number;
  why?: string;
  hint?: string;
}

/** What an account says otherwise than its poem, or the ledger otherwise than the account. */
export type Broken =
  | { bot: string; what: Break['what']; line: number; at: string }
  | { bot: string; what: 'ledger'; says: string };

/** How late posts came, counted from their slots and the offsets that spread them. Milliseconds. */
export interface Lateness {
  p50: number;
  p99: number;
  max: number;
}

interface LeftOut {
  bot: string;
  why: string;
  hint?: string;
}

/** What a rehearsal came to. Instants are ISO 8601. */
export interface Report extends Totals {
  from: string;
  until: string;
  days: number;
  seed: string;
  faults: { rate: number; drawn: Record<string, number> };
  /** Whether every line was posted once and in order, and no bot needs a person. */
  kept: boolean;
  broken: Broken[];
  /** Posts in doubt that could not be settled. */
  unsettled: number;
  /** How often posts were refused, by the reason. */
  refusals: Record<string, number>;
  late: Lateness | undefined;
  /** The longest that a spread puts a post off. Milliseconds. */
  spread: number;
  /** What the sandbox bills for it all, in US dollars. */
  bill: number;
  clockChanges: ClockChange[];
  bots: BotReport[];
  leftOut: LeftOut[];
}

/** @param instants - how late each post was, in any order */
export function latenessOf(instants: readonly number[]): Lateness | undefined {
  const sorted = Float64Array.from(instants).sort();
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return sorted.length === 0 ? undefined : { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** What several counted, by name, the most often first. */
export function addUp(counts: Iterable<ReadonlyMap<string, number>>): Record<string, number> {
  const sum = new Map<string, number>();
  for (const counted of counts)
    for (const [name, count] of counted) sum.set(name, (sum.get(name) ?? 0) + count);
  return Object.fromEntries([...sum].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}

/** Who takes part in a rehearsal, and who cannot and why. */
export interface Participants {
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
export async function readParticipants(
  { bots, misfits }: Pick<WholeFlock, 'bots' | 'misfits'>,
  states: ReadonlyMap<string, BotState>,
  readPoem: (file: string) => Promise<string>,
): Promise<Participants> {
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
