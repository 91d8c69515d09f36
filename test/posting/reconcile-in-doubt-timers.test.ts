import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import type { Intent } from '../../src/ledger/events.ts';
import { InDoubtTimers } from '../../src/posting/reconcile.ts';

const intent = (bot: string, at: number): Intent => {
  return { event: 'intent', bot, at, slot: at, until: at, line: 0, lines: 1, print: 'p' };
};

describe('how long a post has been in doubt', () => {
  it('is counted from when it was first asked for, on time that only goes forward', async () => {
    const clock = new HeldClock('2026-05-01T09:00Z');
    const doubts = new InDoubtTimers(clock);
    const open = intent('rain', clock.now() - 86_400_000);
    assert.equal(doubts.ageOf(open), 0);
    await clock.runUntil(clock.now() + 1000);
    assert.equal(doubts.ageOf(open), 1000);
    clock.set(clock.now() + 86_400_000);
    assert.ok(doubts.ageOf(open) <= 1000);
    clock.set(clock.now() - 172_800_000);
    assert.ok(doubts.ageOf(open) >= 0);
  });

  it('begins anew for another post, and for one that was settled', async () => {
    const clock = new HeldClock('2026-05-01T09:00Z');
    const doubts = new InDoubtTimers(clock);
    const open = intent('rain', 1);
    doubts.ageOf(open);
    doubts.ageOf(intent('lamp', 1));
    await clock.runUntil(clock.now() + 1000);
    assert.equal(doubts.ageOf(open), 1000);
    assert.equal(doubts.ageOf(intent('rain', 2)), 0);
    doubts.settle('rain');
    assert.equal(doubts.ageOf(open), 0);
  });
});

describe('how long a bot waits after a look that failed', () => {
  const minute = 60_000;
  const waits = (doubts: InDoubtTimers, times: number): number[] =>
    Array.from({ length: times }, () => doubts.nextDelay('rain') / minute);

  it('is longer each time, and half an hour at most', () => {
    const doubts = new InDoubtTimers(new HeldClock('2026-05-01T09:00Z'));
    doubts.ageOf(intent('rain', 1));
    assert.deepEqual(waits(doubts, 8), [1, 2, 4, 8, 16, 30, 30, 30]);
    assert.equal(doubts.nextDelay('lamp'), minute);
  });

  it('is longer each time where nothing is in doubt, too', () => {
    const doubts = new InDoubtTimers(new HeldClock('2026-05-01T09:00Z'));
    assert.deepEqual(waits(doubts, 7), [1, 2, 4, 8, 16, 30, 30]);
  });

  it('begins anew once its timeline was seen, and for another post', () => {
    const doubts = new InDoubtTimers(new HeldClock('2026-05-01T09:00Z'));
    waits(doubts, 3);
    doubts.settle('rain');
    assert.deepEqual(waits(doubts, 2), [1, 2]);
    doubts.ageOf(intent('rain', 1));
    assert.deepEqual(waits(doubts, 2), [1, 2]);
    doubts.ageOf(intent('rain', 2));
    assert.deepEqual(waits(doubts, 2), [1, 2]);
  });
});
