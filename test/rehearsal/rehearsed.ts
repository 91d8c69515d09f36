import { createHash } from 'node:crypto';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import type { WholeFlock } from '../../src/flock/load.ts';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import type { Ledger } from '../../src/ledger/journal.ts';
import { networks } from '../../src/networks/networks.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import { type RehearsalOptions, rehearse } from '../../src/rehearsal/rehearse.ts';
import type { Report } from '../../src/rehearsal/rehearse.ts';

export interface SmallFlock {
  /** The lines of each bot's poem. */
  poems: Record<string, readonly string[]>;
  /** What stands in `flock.json`. */
  settings?: Record<string, unknown>;
}

export type Options = Partial<Omit<RehearsalOptions, 'from' | 'flock' | 'readPoem'>> & { from?: string };

/** What a post was for, and when it was made. Milliseconds since 1970. */
export interface Posted {
  bot: string;
  slot: number;
  at: number;
}

/** A flock that is nowhere on a disk. */
export function wholeFlock({ poems, settings = {} }: SmallFlock): WholeFlock {
  const { settingsOf, timezone, budget } = parseFlockFile(JSON.stringify(settings), 'flock.json');
  const bots = Object.keys(poems).map((name) => {
    const settings = settingsOf(name as BotName);
    const network = networks[settings.network ?? 'x'];
    const rules = network.rulesFor({}, settings.contentWarning);
    const poem = { name: name as BotName, poemFile: name, settings };
    return { ...poem, network, rules, account: undefined, bundle: undefined };
  });
  return { bots, invalidBots: [], passedOver: [], flockBudget: { ...unlimitedBudget, timezone, budget } };
}

/** Rehearses a small flock, a week without faults where nothing else is said. */
export async function rehearsed(
  flock: SmallFlock,
  options: Options = {},
): Promise<{ report: Report; posted: Posted[]; ledger: Ledger }> {
  const { from = '2026-05-01T00:00:00Z', through = (ledger: Ledger) => ledger, ...others } = options;
  const posted: Posted[] = [];
  let heard: Ledger | undefined;
  const report = await rehearse({
    flock: wholeFlock(flock),
    begun: { states: new Map(), history: new FlockHistory() },
    from: Date.parse(from),
    days: 7,
    faults: 0,
    seed: 'rehearsed',
    readPoem: (file) => Promise.resolve((flock.poems[file] ?? []).join('\n')),
    ...others,
    through: (ledger) => (heard = through(hearing(ledger, posted))),
  });
  if (!heard) throw new Error('no ledger was opened');
  return { report, posted, ledger: heard };
}

function hearing(ledger: Ledger, posted: Posted[]): Ledger {
  return changing(ledger, (event) => {
    const open = ledger.state(event.bot)?.open;
    if (event.event === 'posted' && open) posted.push({ bot: event.bot, slot: open.slot, at: event.at });
    return [event];
  });
}

/** A ledger that is told something else than the daemon says. */
export const changing = (ledger: Ledger, change: (event: LedgerEvent) => LedgerEvent[]): Ledger => ({
  state: (bot) => ledger.state(bot),
  states: () => ledger.states(),
  history: () => ledger.history(),
  record: (...events) => ledger.record(...events.flatMap(change)),
  [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
});

/** Lines that are all different, and have no link. */
export const lines = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${word} ${index + 1} and the tide goes out`);

/** How long after its slot a bot posts: its share of the spread is in its name. */
export const offsetOf = (bot: string, spread: number): number =>
  Math.floor((createHash('sha256').update(bot).digest().readUInt32BE(0) / 2 ** 32) * spread);
