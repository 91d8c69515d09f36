import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fingerprints } from '../../src/ledger/cursor.ts';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { heard } from '../../src/ledger/journal.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';

const poem = fingerprints(['a', 'b', 'c'].map((text) => ({ text })));
const intent = (line: number): LedgerEvent => {
  return { event: 'intent', bot: 'howl', at: 5, slot: 5, until: 5, line, lines: 1, print: 'p' };
};
const posted = (id: string): LedgerEvent => ({ event: 'posted', bot: 'howl', at: 6, id, by: 'timeline' });

describe('a ledger that is listened to', () => {
  it('tells of each event what was before it, also of those in one batch', async () => {
    const told: [event: string, line: number | undefined][] = [];
    const ledger = heard(new MemoryLedger(), ({ event }, before) => told.push([event, before?.place.next]));
    await ledger.record({ event: 'begun', bot: 'howl', at: 1, poem });
    await ledger.record(intent(0), posted('1'), intent(1), posted('2'));
    assert.deepEqual(told, [
      ['begun', undefined],
      ['intent', 0],
      ['posted', 0],
      ['intent', 1],
      ['posted', 1],
    ]);
  });
});
