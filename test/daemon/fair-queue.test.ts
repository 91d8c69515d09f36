import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSlowAfter, PriorityClasses, maxSlow, slowClass } from '../../src/daemon/fair-queue.ts';
import type { BotState } from '../../src/ledger/state.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import { intentOf } from '../support/intent.ts';

const state: BotState = { place: { poem: '', next: 0, ahead: [] }, pass: 1, served: 0, posts: 3 };
const owed = { slot: 0, until: 0, retryAt: 0, reason: '', times: 1 };
const open = intentOf('howl', 0);

describe('lanes', () => {
  it('are for slow bots, and for each app that X has held to a limit', () => {
    const lanes = new PriorityClasses();
    const [ours, theirs] = [new TokenPair('ours', 'secret'), new TokenPair('theirs', 'secret')];
    lanes.learn(ours, { ...state, owed: { ...owed, why: 'never-sent' } });
    assert.equal(lanes.classOf(ours, false), undefined);
    lanes.learn(ours, { ...state, owed: { ...owed, why: 'wait' } });
    lanes.learn(ours, state);
    assert.notEqual(lanes.classOf(ours, false), undefined);
    assert.equal(lanes.classOf(theirs, false), undefined);
    assert.equal(lanes.classOf(ours, true), slowClass);
  });

  it('leave a quarter of the places to those who are not slow, and one place to those who are', () => {
    assert.deepEqual([1, 2, 4, 5, 64].map(maxSlow), [1, 1, 3, 3, 48]);
  });
});

describe('a bot is slow', () => {
  const [deadline, quick, late] = [10_000, 1_999, 2_000];

  it('once a step of it has taken a fifth of the deadline', () => {
    assert.equal(isSlowAfter(false, { took: quick, deadline, before: state, after: state }), false);
    assert.equal(isSlowAfter(false, { took: late, deadline, before: state, after: state }), true);
  });

  it('until it has posted quickly, whatever it has found on its timeline', () => {
    const posted = { ...state, posts: 4 };
    const step = { took: quick, deadline, before: state, after: state };
    assert.equal(isSlowAfter(true, step), true);
    assert.equal(isSlowAfter(true, { ...step, before: { ...state, open }, after: posted }), true);
    assert.equal(isSlowAfter(true, { ...step, after: posted }), false);
    assert.equal(isSlowAfter(true, { ...step, took: late, after: posted }), true);
  });
});
