import type { LedgerEvent } from '../ledger/events.ts';
import { heard, type Ledger } from '../ledger/journal.ts';
import type { BotState } from '../ledger/state.ts';

/** What can come of a post. */
export const outcomes = ['posted', 'refused', 'absent'] as const;

export type Outcome = (typeof outcomes)[number];

/** A post that has an outcome. */
export interface SettledPost {
  bot: string;
  outcome: Outcome;
  /** How long after its slot it was sent. Milliseconds. */
  late: number;
}

/** A ledger that also tells of every post that it has kept the outcome of, once it has. */
export const metered = (ledger: Ledger, settled: (post: SettledPost) => void): Ledger =>
  heard(ledger, (event, before) => {
    const post = settledBy(event, before);
    if (post) settled(post);
  });

function settledBy(event: LedgerEvent, before: BotState | undefined): SettledPost | undefined {
  const outcome = outcomes.find((name) => name === event.event);
  const open = before?.open;
  // Where a restored bot looked for what it had posted, nothing was sent.
  if (outcome === undefined || !open || open.look === true) return undefined;
  return { bot: event.bot, outcome, late: open.at - open.slot };
}
