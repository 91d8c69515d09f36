import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startOf } from '../../src/ledger/state.ts';
import { unlimitedBudget, UnreconciledBots } from '../../src/posting/budget.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';

const purse = { ...unlimitedBudget, budget: { postsPerDay: 3 } };

/** A ledger of two restored bots and one that is not. */
function ledgerOf(...restored: string[]): MemoryLedger {
  const begun = { place: startOf('aaaaaaaa'), pass: 1, served: 0, posts: 0 };
  const states = ['ada', 'bea', 'cy'].map((name) => {
    return [name, { ...begun, ...(restored.includes(name) && { restored: true as const }) }] as const;
  });
  return new MemoryLedger({ states: new Map(states) });
}

const isUp = (): boolean => true;

describe('the bots whose posts nobody has counted', () => {
  it('are those that were restored, until each has looked', async () => {
    const ledger = ledgerOf('ada', 'bea');
    const uncounted = new UnreconciledBots(ledger, isUp);
    assert.equal(uncounted.awaited(purse), 'ada');
    await ledger.record({ event: 'checked', bot: 'ada', at: 1 });
    assert.equal(uncounted.awaited(purse), 'bea');
    await ledger.record({ event: 'checked', bot: 'bea', at: 2 });
    assert.equal(uncounted.awaited(purse), undefined);
  });

  it('are not waited for where the flock may spend what it likes', () => {
    assert.equal(new UnreconciledBots(ledgerOf('ada'), isUp).awaited(unlimitedBudget), undefined);
    assert.equal(new UnreconciledBots(ledgerOf(), isUp).awaited(purse), undefined);
  });

  it('are not waited for while they rest, and are once they go on', async () => {
    const ledger = ledgerOf('ada');
    const uncounted = new UnreconciledBots(ledger, isUp);
    await ledger.record({ event: 'paused', bot: 'ada', at: 1 });
    assert.equal(uncounted.awaited(purse), undefined);
    await ledger.record({ event: 'resumed', bot: 'ada', at: 2 });
    assert.equal(uncounted.awaited(purse), 'ada');
    await ledger.record({ event: 'parked', bot: 'ada', at: 3, why: 'reauth', hint: '', key: 'k' });
    assert.equal(uncounted.awaited(purse), undefined);
  });

  it('are not waited for where the flock has no such bot, or flock.json lets it rest', () => {
    const uncounted = new UnreconciledBots(ledgerOf('ada', 'bea'), (name) => name !== 'ada');
    assert.equal(uncounted.awaited(purse), 'bea');
    assert.equal(new UnreconciledBots(ledgerOf('ada'), () => false).awaited(purse), undefined);
  });

  it('are looked up once', () => {
    const ledger = ledgerOf();
    let scans = 0;
    const counted = {
      state: (bot: string) => ledger.state(bot),
      states: () => (scans++, ledger.states()),
    };
    const uncounted = new UnreconciledBots(counted, isUp);
    for (let post = 0; post < 5; post++) uncounted.awaited(purse);
    assert.equal(scans, 1);
  });
});
