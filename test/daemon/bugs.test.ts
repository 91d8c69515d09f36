import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldFlock } from '../support/held-flock.ts';

const poem = ['one', 'two', 'three', 'four'];
const daily = { schedule: '0 9 * * *', atEnd: 'stop' };

/** A flock in which something nobody foresaw is thrown in each step of a bot that reads its poem. */
function withBug(): { flock: HeldFlock; toggle: () => void } {
  const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
  flock.add('sick', poem);
  flock.add('well', poem);
  const read = flock.poems.get.bind(flock.poems);
  let isSick = false;
  flock.poems.get = (file) => {
    if (isSick && file === 'sick') throw new TypeError('undefined is no poem');
    return read(file);
  };
  return { flock, toggle: () => (isSick = !isSick) };
}

describe('a bug in the step of one bot', () => {
  it('parks that bot, says so, and stops nobody else', async () => {
    const { flock, toggle } = withBug();
    flock.start();
    await flock.until('2026-05-01T12:00:00Z');
    toggle();
    await flock.until('2026-05-10T00:00:00Z');
    assert.deepEqual(flock.failures, []);
    assert.deepEqual(flock.postsOf('well'), poem);
    assert.deepEqual(flock.postsOf('sick'), ['one']);
    const { parked } = flock.state('sick') ?? {};
    assert.match(parked?.why ?? '', /this is a bug: undefined is no poem/);
    assert.match(parked?.hint ?? '', /flockd resume sick/);
  });

  it('is over when a person lets the bot go on, and it has lost and repeated nothing', async () => {
    const { flock, toggle } = withBug();
    flock.start();
    await flock.until('2026-05-01T12:00:00Z');
    toggle();
    await flock.until('2026-05-04T00:00:00Z');
    toggle();
    await flock.resume('sick');
    await flock.until('2026-05-12T00:00:00Z');
    assert.deepEqual(flock.postsOf('sick'), poem);
    assert.deepEqual(flock.failures, []);
  });

  it('of a bot that has not begun is tried again, and is over by itself', async () => {
    const { flock, toggle } = withBug();
    toggle();
    flock.start();
    await flock.until('2026-05-03T00:00:00Z');
    assert.equal(flock.state('sick'), undefined);
    toggle();
    await flock.until('2026-05-12T00:00:00Z');
    assert.deepEqual(flock.postsOf('sick'), poem);
    assert.deepEqual(flock.failures, []);
  });
});
