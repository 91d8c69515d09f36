import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import { PoemWatch } from '../../src/poems/poem.ts';

const second = 1000;
const hour = 3_600_000;

function open(): { clock: HeldClock; watch: PoemWatch; pass: (ms: number) => Promise<void> } {
  const clock = new HeldClock('2026-05-01T09:00:00Z');
  return {
    clock,
    watch: new PoemWatch(clock),
    pass: (ms) => clock.runUntil(clock.now() + ms),
  };
}

describe('how long a poem has stood still', () => {
  it('is counted from when it was first read so', async () => {
    const { watch, pass } = open();
    assert.equal(watch.look('a', 'text', undefined).alike, 0);
    await pass(3 * second);
    assert.equal(watch.look('a', 'text', undefined).alike, 3 * second);
    assert.equal(watch.look('b', 'text', undefined).alike, 0);
  });

  it('begins anew where it reads otherwise, or was written again with the same text', async () => {
    const { watch, pass, clock } = open();
    const written = clock.now() - hour;
    watch.look('a', 'text', written);
    await pass(3 * second);
    assert.equal(watch.look('a', 'longer text', written).alike, 0);
    await pass(3 * second);
    assert.equal(watch.look('a', 'longer text', written + 1).alike, 0);
    await pass(2 * second);
    assert.equal(watch.look('a', 'longer text', written + 1).alike, 2 * second);
    // Back to what it was is a change, too.
    assert.equal(watch.look('a', 'text', written).alike, 0);
  });

  it('is not counted on a clock that is set', async () => {
    const { watch, pass, clock } = open();
    watch.look('a', 'text', undefined);
    await pass(second);
    clock.set(clock.now() + 26 * hour);
    assert.equal(watch.look('a', 'text', undefined).alike, second);
    clock.set(clock.now() - 52 * hour);
    assert.equal(watch.look('a', 'text', undefined).alike, second);
  });

  it('is forgotten where it is known', async () => {
    const { watch, pass } = open();
    watch.look('a', 'text', undefined);
    await pass(second);
    watch.forget('a');
    assert.equal(watch.look('a', 'text', undefined).alike, 0);
  });
});

describe('how old a poem is', () => {
  it('is told by its time stamp', () => {
    const { watch, clock } = open();
    assert.equal(watch.look('a', 'text', clock.now() - hour).age, hour);
    assert.equal(watch.look('a', 'text', clock.now()).age, 0);
  });

  it('is nothing where it is from the future, and endless where nobody can tell', () => {
    const { watch, clock } = open();
    assert.equal(watch.look('a', 'text', clock.now() + hour).age, 0);
    assert.equal(watch.look('a', 'text', undefined).age, Infinity);
  });
});

describe('how long a poem could not be read', () => {
  it('is counted from the first time, until it can be', async () => {
    const { watch, pass } = open();
    assert.equal(watch.unread('a'), 0);
    await pass(5 * second);
    assert.equal(watch.unread('a'), 5 * second);
    assert.equal(watch.unread('b'), 0);
    watch.look('a', 'text', undefined);
    assert.equal(watch.unread('a'), 0);
  });
});
