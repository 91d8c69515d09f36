import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { LiveStatus } from '../../src/daemon/read-status.ts';
import { type BotFiles, statusOfFlock } from '../../src/flock/status.ts';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { unlimitedBudget, type FlockBudget } from '../../src/posting/budget.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';

const minute = 60_000;
const hour = 60 * minute;
const start = Date.parse('2026-11-21T20:00:00Z');
const names = ['ada', 'bea', 'cid', 'dot'];
const settings = parseFlockFile(
  JSON.stringify({ schedule: '*/20 * * * *', atEnd: 'stop', bots: { bea: { budget: { postsPerDay: 3 } } } }),
  'flock.json',
);
const filesOf = (bot: string): BotFiles => ({
  bot,
  account: bot,
  lines: 6,
  linked: new Set([4]),
  settings: settings.settingsOf(bot as BotName),
  unfit: undefined,
});
const poem = 'aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffff';

/** What a flock could go through in five hours, every few minutes. */
function* life(): Generator<{ now: number; events: LedgerEvent[]; isStopped: boolean; purse: FlockBudget }> {
  const purse = { ...unlimitedBudget, budget: { usdPerMonth: 0.2 } };
  let sent: LedgerEvent[] = [];
  for (let now = start, step = 0; now < start + 5 * hour; now += 7 * minute, step++) {
    const bot = names[step % names.length] ?? '';
    const base = { bot, at: now };
    const events: LedgerEvent[] = step < names.length ? [{ ...base, event: 'begun', poem }] : sent;
    sent = [];
    if (step >= names.length && step % 5 === 0)
      events.push({ ...base, event: step % 2 === 0 ? 'paused' : 'resumed' });
    else if (step >= names.length) {
      const ends = { dayEnds: start + 4 * hour, monthEnds: start + 240 * hour };
      const intent = { ...base, slot: now, until: now, line: 0, lines: 1, print: 'p', cost: 15_000, ...ends };
      events.push({ event: 'intent', ...intent });
      sent =
        step % 3 === 0
          ? [{ ...base, event: 'refused', why: 'wait', reason: '429', retryAt: now + hour }]
          : [{ ...base, event: 'posted', id: String(step), by: 'answer' }];
    }
    yield { now, events, isStopped: step % 11 === 10, purse: step < 20 ? unlimitedBudget : purse };
  }
}

describe('the status of a flock that runs', () => {
  it('is always what it would be if it were worked out anew', async () => {
    const ledger = new MemoryLedger();
    const files = names.map(filesOf);
    const live = new LiveStatus(ledger);
    live.update(files);
    const seen = new Set<string>();
    for (const { now, events, isStopped, purse } of life()) {
      await ledger.record(...events);
      for (const later of [0, 500, 11_000]) {
        const flock = { now: now + later, isStopped, purse };
        const status = live.read(flock);
        const anew = statusOfFlock(files, new Map(ledger.states()), { ...flock, history: ledger.history() });
        assert.deepEqual(status, anew);
        for (const { state } of status.bots) seen.add(state);
      }
    }
    for (const state of ['new', 'fine', 'waiting', 'in doubt', 'paused', 'stopped'])
      assert.ok(seen.has(state), `no bot was ever ${state}`);
  });

  it('is worked out anew for those alone that have changed', async () => {
    const ledger = new MemoryLedger();
    const live = new LiveStatus(ledger);
    live.update(names.map(filesOf));
    for (const bot of names) await ledger.record({ event: 'begun', bot, at: start, poem });
    const flock = { now: start, isStopped: false, purse: unlimitedBudget };
    const before = live.read(flock).bots;
    await ledger.record({ event: 'paused', bot: 'cid', at: start });
    const after = live.read({ ...flock, now: start + 1000 }).bots;
    assert.deepEqual(
      names.filter((_, index) => before[index] !== after[index]),
      ['cid'],
    );
  });
});
