import type { LedgerExport } from '../../src/ledger/backup.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import type { BotState } from '../../src/ledger/state.ts';

export const at = Date.parse('2026-11-21T12:00:00Z');

/** A bot that has posted so many of its three lines. */
export const posted = (lines: number): BotState => ({
  place: { poem: 'aaaaaaaabbbbbbbbcccccccc', next: lines, ahead: [] },
  account: '17',
  pass: 1,
  served: at - 1000,
  posts: lines,
  ...(lines > 0 && { last: { id: String(70 + lines), at: at - 1000, line: lines - 1 } }),
  tally: { day: { ends: at + 1000, posts: lines }, month: { ends: at + 1000, micros: lines }, total: lines },
});

export const parked: BotState = {
  ...posted(1),
  parked: { why: 'X refuses its key (401)', hint: 'keymaker reauth tide', key: 'markofakey', at },
};

/** What a ledger says of these bots. */
export const exported = (states: Record<string, BotState>): LedgerExport => ({
  at,
  states: new Map(Object.entries(states)),
  history: new FlockHistory({ days: [[at, { posts: 3, micros: 45_000 }]], months: [], recent: [] }),
});
