import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Agenda, type Datable } from '../../src/daemon/agenda.ts';
import { HeldClock } from '../../src/held-clock.ts';
import { collectGarbage } from '../support/collect-garbage.ts';

interface Item extends Datable {
  name: string;
}

function openAgenda() {
  const clock = new HeldClock(0);
  const called: string[] = [];
  const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }] as [Item, Item, Item];
  const call = ({ name }: Item): void => void called.push(`${name} ${clock.now()}`);
  return {
    agenda: new Agenda<Item>(clock, call, (x, y) => (x.name < y.name ? -1 : 1)),
    clock,
    called,
    a,
    b,
    c,
  };
}

describe('an agenda', () => {
  it('calls each item at its instant, those of one instant in their order', async () => {
    const { agenda, clock, called, a, b, c } = openAgenda();
    for (const [item, instant] of [[c, 20], [b, 10], [a, 20]] as const) agenda.set(item, instant); // prettier-ignore
    assert.equal(agenda.next, 10);
    await clock.runUntil(100);
    assert.deepEqual(called, ['b 10', 'a 20', 'c 20']);
    assert.equal(agenda.next, undefined);
  });

  it('calls an item that was moved once, however often it was moved', async () => {
    const { agenda, clock, called, a, b } = openAgenda();
    agenda.set(b, 7);
    for (let times = 0; times < 10_000; times++) agenda.set(a, 50 + (times % 3));
    agenda.set(a, 5);
    agenda.set(a, 5);
    await clock.runUntil(100);
    assert.deepEqual(called, ['a 5', 'b 7']);
  });

  it('does not call what was taken off', async () => {
    const { agenda, clock, called, a, b, c } = openAgenda();
    agenda.set(a, 5);
    agenda.set(b, 6);
    agenda.remove(a);
    await clock.runUntil(10);
    agenda.set(c, 20);
    agenda.clear();
    assert.equal(agenda.next, undefined);
    await clock.runUntil(30);
    assert.deepEqual(called, ['b 6']);
    agenda.set(c, 40);
    agenda.clear();
    agenda.set(c, 40);
    await clock.runUntil(100);
    assert.deepEqual(called, ['b 6', 'c 40']);
  });

  it('lets go of what was taken off, long before its time', async () => {
    const { agenda, a, b } = openAgenda();
    agenda.set(b, 1);
    const earlier: WeakRef<object>[] = [];
    for (let times = 0; times < 5000; times++) {
      const item = { name: `item ${times}` };
      agenda.set(item, 1_000_000 + times);
      agenda.remove(item);
      agenda.set(a, 2_000_000 + times);
      if (times < 1000) earlier.push(new WeakRef(item));
    }
    // Until the end of its turn everything that a weak reference was made to stays.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    assert.equal(earlier.filter((item) => item.deref() !== undefined).length, 0);
  });

  it('calls each once, in order, however they were moved and taken off', async () => {
    const moves = fc.array(
      fc.record({ item: fc.nat(9), instant: fc.option(fc.integer({ min: 1, max: 30 })) }),
      { maxLength: 100 },
    );
    await fc.assert(
      fc.asyncProperty(moves, async (moved) => {
        const { agenda, clock, called } = openAgenda();
        const items = Array.from({ length: 10 }, (_, name): Item => ({ name: String(name) }));
        const instants = new Map<string, number>();
        for (const { item, instant } of moved) {
          const it = items[item];
          if (!it) continue;
          if (instant === null) agenda.remove(it);
          else agenda.set(it, instant);
          if (instant === null) instants.delete(it.name);
          else instants.set(it.name, instant);
        }
        assert.equal(agenda.next, instants.size === 0 ? undefined : Math.min(...instants.values()));
        await clock.runUntil(100);
        const expected = [...instants].sort(([x, at], [y, to]) => at - to || (x < y ? -1 : 1));
        assert.deepEqual(
          called,
          expected.map(([name, instant]) => `${name} ${instant}`),
        );
      }),
    );
  });

  it('calls everything where the clock was set back, since no instant says any more how far away it is', async () => {
    const { agenda, clock, called, a, b } = openAgenda();
    clock.set(1000);
    agenda.set(a, 1010);
    agenda.set(b, 2000);
    clock.set(0);
    await clock.runUntil(10);
    assert.deepEqual(called, ['a 10', 'b 10']);
  });
});
