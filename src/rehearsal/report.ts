import type { Condition } from '../flock/status.ts';
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

export interface LeftOut {
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
