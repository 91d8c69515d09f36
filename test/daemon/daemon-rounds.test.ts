import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import { isInTrouble, DrainCycle } from '../../src/daemon/daemon.ts';
import { type BotState, startOf } from '../../src/ledger/state.ts';
import { AlarmedFlock } from '../alarms/alarmed-flock.ts';
import { linesOf } from '../support/flock.ts';
import { intentOf } from '../support/intent.ts';

const noSend = () => Promise.reject(new Error('nothing is to be sent'));
const daily = { schedule: '0 9 * * *', atEnd: 'stop' };

describe('a round of the daemon', () => {
  it('ends when all that was due is worked off, not with each step', async () => {
    const poems = { howl: linesOf('howl', 9), rain: linesOf('rain', 9), moss: linesOf('moss', 9) };
    await using flock = new AlarmedFlock('2026-03-01T08:00:00Z', poems, noSend);
    flock.update(daily);
    await flock.until('2026-03-01T08:30:00Z');
    assert.deepEqual(flock.rounds, [false]);
    await flock.until('2026-03-03T12:00:00Z');
    assert.deepEqual(flock.rounds, [false, false, false, false]);
    assert.equal(flock.postsOf('howl').length, 3);
  });

  it('has failed where a post was refused or is in doubt, and the next has not where it was then made', async () => {
    for (const fault of [
      { kind: 'status', status: 429 },
      { kind: 'drop', when: 'before' },
    ]) {
      await using flock = new AlarmedFlock('2026-03-01T08:00:00Z', { howl: linesOf('howl', 9) }, noSend);
      flock.control('faults', { match: { method: 'POST', path: '/2/tweets' }, times: 1, fault });
      flock.update(daily);
      await flock.until('2026-03-01T12:00:00Z');
      assert.equal(flock.postsOf('howl').length, 1);
      assert.deepEqual(flock.rounds, [false, true, false]);
    }
  });

  it('has failed where a bot was parked by it, and rests afterwards', async () => {
    const poems = { howl: linesOf('howl', 9), rain: linesOf('rain', 9) };
    await using flock = new AlarmedFlock('2026-03-01T08:00:00Z', poems, noSend);
    flock.control('accounts/howl/suspend');
    flock.update(daily);
    await flock.until('2026-03-01T12:00:00Z');
    assert.ok(flock.ledger.state('howl')?.parked);
    assert.deepEqual(flock.rounds, [false, true]);
    await flock.until('2026-03-02T12:00:00Z');
    assert.deepEqual(flock.rounds, [false, true, false]);
  });

  it('has failed where a poem cannot be read', async () => {
    await using flock = new AlarmedFlock('2026-03-01T08:00:00Z', { howl: [] }, noSend);
    flock.update(daily);
    // It may be in the middle of an upload.
    await flock.until('2026-03-01T08:00:19Z');
    assert.ok(!flock.rounds.includes(true));
    const before = flock.rounds.length;
    await flock.until('2026-03-01T08:10:00Z');
    const after = flock.rounds.slice(before);
    assert.ok(after.length > 0);
    assert.ok(after.every((failed) => failed));
  });

  it('lasts a minute at most in a flock that has always something to do, if nothing stands still', async () => {
    const clock = new HeldClock('2026-03-01T08:00:00Z');
    const ended: boolean[] = [];
    const rounds = new DrainCycle(clock, (failed) => ended.push(failed));
    const step = (failed: boolean, overdue = 1000): void => {
      rounds.add(failed);
      rounds.look(false, overdue);
    };
    const pass = (seconds: number): Promise<void> => clock.runUntil(clock.now() + seconds * 1000);
    step(false);
    await pass(59);
    step(true);
    assert.deepEqual(ended, []);
    await pass(1);
    step(false);
    assert.deepEqual(ended, [true]);
    step(false);
    await pass(60);
    step(false, 60_000);
    assert.deepEqual(ended, [true]);
    step(false);
    assert.deepEqual(ended, [true, false]);
  });
});

describe('a bot after a step', () => {
  const at = Date.parse('2026-03-01T09:00:00Z');
  const fine: BotState = { place: startOf('abcdefgh'), pass: 1, served: at, posts: 3 };
  const owed = { slot: at, until: at, retryAt: at, why: 'wait', reason: '429', times: 1 };
  const open = intentOf('howl', at);
  const parked = { why: 'reauth', hint: 'keymaker reauth howl', key: 'k', at };

  it('is in trouble where it is in doubt, was parked, or was refused', () => {
    assert.ok(isInTrouble(fine, { ...fine, open }));
    assert.ok(isInTrouble({ ...fine, open }, { ...fine, open }));
    assert.ok(isInTrouble(fine, { ...fine, parked }));
    assert.ok(isInTrouble(undefined, { ...fine, owed }));
    assert.ok(isInTrouble({ ...fine, owed }, { ...fine, owed: { ...owed, times: 2 } }));
    assert.ok(
      isInTrouble({ ...fine, owed: { ...owed, times: 9 } }, { ...fine, owed: { ...owed, why: 'reauth' } }),
    );
  });

  it('is in none where it waits, rests, was repaired, or was asked for a line', () => {
    assert.ok(!isInTrouble(undefined, undefined));
    assert.ok(!isInTrouble(undefined, fine));
    assert.ok(!isInTrouble({ ...fine, parked }, { ...fine, parked }));
    assert.ok(!isInTrouble({ ...fine, owed }, { ...fine, owed }));
    assert.ok(!isInTrouble({ ...fine, parked, owed }, { ...fine, owed: { ...owed, times: 0 } }));
    for (const why of ['asked', 'absent', 'duplicate'])
      assert.ok(!isInTrouble(fine, { ...fine, owed: { ...owed, why } }));
  });
});
