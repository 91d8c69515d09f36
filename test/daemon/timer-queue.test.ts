import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HeldClock } from '../../src/clock.ts';
import { TimerQueue } from '../../src/daemon/timer-queue.ts';
import { collectGarbage } from '../support/collect-garbage.ts';

interface Item {
  name: string;
}

function openAgenda() {
  const clock = new HeldClock(0);
  const called: string[] = [];
  const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }] as [Item, Item, Item];
  const call = ({ name }: Item): void => void called.push(`${name} ${clock.now()}`);
  return {
    agenda: new TimerQueue<Item>(clock, call, (x, y) => (x.name < y.name ? -1 : 1)),
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
    for (const [item, instant] of [
      [c, 20],
      [b, 10],
      [a, 20],
    ] as const)
      agenda.set(item, instant);
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

  it('lets go of what it has called', async () => {
    const { agenda, clock } = openAgenda();
    const putDown = (times: number): WeakRef<object> => {
      const item = { name: `item ${times}` };
      agenda.set(item, 1 + (times % 7));
      return new WeakRef(item);
    };
    const called = Array.from({ length: 1000 }, (_, times) => putDown(times));
    await clock.runUntil(10);
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    assert.equal(called.filter((item) => item.deref() !== undefined).length, 0);
  });

  it('calls each at its instant, in order, however they are moved and taken off', async () => {
    const names = Array.from('abcdef');
    const name = fc.constantFrom(...names);
    const doing = fc.oneof(
      fc.record({ name, wait: fc.option(fc.integer({ min: 1, max: 9 })) }),
      fc.record({ pass: fc.integer({ min: 1, max: 5 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(doing, { maxLength: 60 }), async (all) => {
        const { agenda, clock, called } = openAgenda();
        const items = new Map(names.map((one): [string, Item] => [one, { name: one }]));
        const instants = new Map<string, number>();
        const expected: string[] = [];
        const pass = async (until: number): Promise<void> => {
          await clock.runUntil(until);
          const due = [...instants].filter(([, at]) => at <= until);
          due.sort(([x, at], [y, to]) => at - to || (x < y ? -1 : 1));
          for (const [one, at] of due) {
            expected.push(`${one} ${at}`);
            instants.delete(one);
          }
        };
        for (const what of all) {
          if ('pass' in what) {
            await pass(clock.now() + what.pass);
            continue;
          }
          const item = items.get(what.name);
          assert.ok(item);
          if (what.wait === null) {
            agenda.remove(item);
            instants.delete(what.name);
          } else {
            agenda.set(item, clock.now() + what.wait);
            instants.set(what.name, clock.now() + what.wait);
          }
        }
        await pass(clock.now() + 10);
        assert.deepEqual(called, expected);
        assert.equal(agenda.next, undefined);
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

  it('is overdue where its timer does not come, and not where the clock was set ahead of it', () => {
    const time = { now: 0, elapsed: 0 };
    const clock = { now: () => time.now, elapsed: () => time.elapsed, at: () => () => undefined };
    const agenda = new TimerQueue<Item>(
      clock,
      () => undefined,
      () => 0,
    );
    const pass = (ms: number): void => {
      time.now += ms;
      time.elapsed += ms;
    };
    assert.equal(agenda.overdue, 0, 'nothing is put down');
    agenda.set({ name: 'a' }, 5000);
    pass(4000);
    assert.equal(agenda.overdue, 0);
    time.now += 86_400_000;
    assert.equal(agenda.overdue, 0, 'the clock was set ahead');
    pass(3000);
    assert.equal(agenda.overdue, 2000);
    time.now -= 2 * 86_400_000;
    assert.equal(agenda.overdue, 0, 'the clock was set back');
  });
});
