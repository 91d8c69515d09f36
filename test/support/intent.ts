import type { LedgerEvent } from '../../src/ledger/events.ts';

type Intent = Extract<LedgerEvent, { event: 'intent' }>;

/** A post that was sent at an instant, for a slot at the same one. */
export const intentOf = (bot: string, at: number, change: Partial<Intent> = {}): Intent => ({
  event: 'intent',
  bot,
  at,
  slot: at,
  until: at,
  line: 0,
  lines: 1,
  print: 'abcdefgh',
  ...change,
});
