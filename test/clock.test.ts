import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock, sleepUntil, systemClock } from '../src/clock.ts';

describe('a held clock', () => {
  it('stands still until it is told to go on, and wakes in order', async () => {
    const clock = new HeldClock('2026-05-01T09:00:00Z');
    const start = Date.parse('2026-05-01T09:00:00Z');
    const woken: [name: string, after: number][] = [];
    const note = (name: string) => () => woken.push([name, clock.now() - start]);
    clock.at(start + 20, note('second'));
    clock.at(start + 10, note('first'));
    clock.at(start + 10, note('first too'));
    clock.at(start + 30, note('later'));
    const cancel = clock.at(start + 15, note('never'));
    cancel();
    assert.equal(clock.nextAlarm, start + 10);
    await clock.runUntil(start + 25);
    assert.deepEqual(woken, [
      ['first', 10],
      ['first too', 10],
      ['second', 20],
    ]);
    assert.equal(clock.now(), start + 25);
    assert.equal(clock.nextAlarm, start + 30);
  });

  it('wakes what was set on the way', async () => {
    const clock = new HeldClock(0);
    const woken: number[] = [];
    const again = (): void => {
      woken.push(clock.now());
      if (woken.length < 5) clock.at(clock.now() + 10, again);
    };
    clock.at(10, again);
    await clock.runUntil(1000);
    assert.deepEqual(woken, [10, 20, 30, 40, 50]);
    assert.equal(clock.nextAlarm, undefined);
  });

  it('can be set like a wall clock, which is no time passing', async () => {
    const clock = new HeldClock(1000);
    let woken = 0;
    clock.at(5000, () => woken++);
    await clock.runUntil(1500);
    const elapsed = clock.elapsed();
    clock.set(500);
    assert.deepEqual([clock.now(), woken], [500, 0]);
    clock.set(9000);
    assert.deepEqual([clock.now(), woken], [9000, 1]);
    assert.equal(clock.elapsed(), elapsed);
  });
});

describe('the system’s clock', () => {
  const soon = (wait: number, cancelAfter?: number): Promise<number | undefined> =>
    new Promise((resolve) => {
      const cancel = systemClock.at(Date.now() + wait, () => resolve(Date.now()));
      if (cancelAfter === undefined) return;
      setTimeout(() => {
        cancel();
        setTimeout(() => resolve(undefined), wait);
      }, cancelAfter);
    });

  it('wakes once the instant is there, never before', async () => {
    const instant = Date.now() + 40;
    assert.ok(((await soon(40)) ?? 0) >= instant);
  });

  it('wakes at once, but not within the call, for an instant that is past', async () => {
    let inside = true;
    const woken = new Promise<boolean>((resolve) => systemClock.at(Date.now() - 5000, () => resolve(inside)));
    inside = false;
    assert.equal(await woken, false);
  });

  it('can be called off', async () => {
    assert.equal(await soon(40, 10), undefined);
    const cancelPast = systemClock.at(0, () => assert.fail('woken'));
    cancelPast();
    await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it('waits for instants further away than a timer can count', async () => {
    const cancel = systemClock.at(Date.now() + 400 * 86_400_000, () => assert.fail('woken'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    cancel();
  });

  it('counts elapsed time forward', () => {
    const first = systemClock.elapsed();
    assert.ok(systemClock.elapsed() >= first);
  });
});

describe('sleeping', () => {
  it('ends at the instant', async () => {
    const clock = new HeldClock(0);
    let awake = false;
    const slept = sleepUntil(clock, 50).then(() => (awake = true));
    await clock.runUntil(49);
    assert.equal(awake, false);
    await clock.runUntil(50);
    await slept;
    assert.equal(awake, true);
  });

  it('ends with the reason of the signal, and leaves no alarm', async () => {
    const clock = new HeldClock(0);
    const stop = new AbortController();
    const slept = sleepUntil(clock, 50, stop.signal);
    const why = new Error('the daemon stops');
    stop.abort(why);
    await assert.rejects(slept, why);
    assert.equal(clock.nextAlarm, undefined);
    await assert.rejects(sleepUntil(clock, 50, stop.signal), why);
    assert.equal(clock.nextAlarm, undefined);
    await assert.rejects(sleepUntil(clock, 50, AbortSignal.abort('text')), Error);
  });

  it('is not disturbed by a signal that comes after', async () => {
    const clock = new HeldClock(0);
    const stop = new AbortController();
    const slept = sleepUntil(clock, 50, stop.signal);
    await clock.runUntil(50);
    stop.abort();
    await slept;
  });
});
