import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairQueue, isSlowAfter } from '../../src/daemon/fair-queue.ts';
import type { BotState } from '../../src/ledger/state.ts';
import { intentOf } from '../support/intent.ts';

const state: BotState = { place: { poem: '', next: 0, ahead: [] }, pass: 1, served: 0, posts: 3 };
const owed = { slot: 0, until: 0, retryAt: 0, reason: '', times: 1 };
const open = intentOf('howl', 0);

const [deadline, quick, late] = [10_000, 1_999, 2_000];
const step = { took: quick, deadline, before: state, after: state };

/** Bots are named by their app and a number: `x1` is the first of app x. */
const queueOf = (sockets = 64): FairQueue<string> => new FairQueue(sockets, ([app = '']) => app);

/** Takes the bots that may begin a step, first to last. */
function takeAll(queue: FairQueue<string>): string[] {
  const taken: string[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) taken.push(next);
  return taken;
}

/** Lets a step of each bot end as given. */
function run(
  queue: FairQueue<string>,
  bots: readonly string[],
  given: Parameters<typeof queue.end>[1],
): void {
  for (const bot of bots) queue.add(bot);
  assert.deepEqual(takeAll(queue), bots);
  for (const bot of bots) queue.end(bot, given);
}

const limited = { ...step, after: { ...state, owed: { ...owed, why: 'wait' } } } as const;

describe('a fair queue', () => {
  it('serves bots in the order in which they came, also while others come', () => {
    const queue = queueOf();
    for (const name of ['a1', 'a2', 'a3']) queue.add(name);
    assert.equal(queue.next(), 'a1');
    queue.add('a4');
    assert.equal(queue.length, 3);
    assert.deepEqual(takeAll(queue), ['a2', 'a3', 'a4']);
    assert.equal(queue.next(), undefined);
  });

  it('has each bot once', () => {
    const queue = queueOf();
    for (const name of ['a1', 'a2', 'a1']) queue.add(name);
    assert.equal(queue.next(), 'a1');
    queue.add('a1');
    assert.deepEqual(takeAll(queue), ['a2', 'a1']);
  });

  it('can be cleared', () => {
    const queue = queueOf();
    queue.add('a1');
    queue.clear();
    assert.equal(queue.length, 0);
    queue.add('a1');
    assert.deepEqual(takeAll(queue), ['a1']);
  });

  it('serves in turns the bots of each rate-limited app and all others', () => {
    const queue = queueOf();
    run(queue, ['x1'], limited);
    run(queue, ['y1'], { ...step, after: { ...state, owed: { ...owed, why: 'never-sent' } } });
    for (const name of ['x1', 'x2', 'x3', 'x4']) queue.add(name);
    assert.equal(queue.next(), 'x1');
    for (const name of ['y1', 'z1']) queue.add(name);
    assert.deepEqual(takeAll(queue), ['x2', 'y1', 'x3', 'z1', 'x4']);
    run(queue, ['z1'], limited);
    for (const name of ['x1', 'x2', 'y1', 'z1', 'z2']) queue.add(name);
    assert.deepEqual(takeAll(queue), ['x1', 'y1', 'z1', 'x2', 'z2']);
  });

  it('leaves a quarter of the sockets to bots that are not slow, and one socket to those that are', () => {
    const bots = Array.from({ length: 64 }, (_, n) => `a${n}`);
    for (const [sockets, maxSlow] of [
      [1, 1],
      [2, 1],
      [4, 3],
      [5, 3],
      [64, 48],
    ] as const) {
      // prettier-ignore
      const queue = queueOf(sockets);
      run(queue, bots, { ...step, took: late });
      for (const name of [...bots, 'b1', 'b2']) queue.add(name);
      const taken = takeAll(queue);
      assert.equal(taken.filter((name) => name.startsWith('a')).length, maxSlow);
      assert.deepEqual(taken.filter((name) => name.startsWith('b')), ['b1', 'b2']); // prettier-ignore
      assert.equal(queue.length, bots.length - maxSlow);
      queue.end('a0', step);
      assert.deepEqual(takeAll(queue), [`a${maxSlow}`]);
    }
  });

  it('does not count a bot as slow that was forgotten', () => {
    const queue = queueOf(1);
    run(queue, ['a1', 'a2'], { ...step, took: late });
    queue.forget('a1');
    for (const name of ['a1', 'a2']) queue.add(name);
    assert.deepEqual(takeAll(queue), ['a1', 'a2']);
  });
});

describe('a bot is slow', () => {
  it('once a step of it has taken a fifth of the deadline', () => {
    assert.equal(isSlowAfter(false, step), false);
    assert.equal(isSlowAfter(false, { ...step, took: late }), true);
  });

  it('until it has posted quickly, whatever it has found on its timeline', () => {
    const posted = { ...state, posts: 4 };
    assert.equal(isSlowAfter(true, step), true);
    assert.equal(isSlowAfter(true, { ...step, before: { ...state, open }, after: posted }), true);
    assert.equal(isSlowAfter(true, { ...step, after: posted }), false);
    assert.equal(isSlowAfter(true, { ...step, took: late, after: posted }), true);
  });
});
