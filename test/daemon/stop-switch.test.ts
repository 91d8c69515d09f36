import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { isStopped, releaseFlock, stopFlock, watchStopSwitch } from '../../src/daemon/stop-switch.ts';
import { FlockError } from '../../src/errors.ts';
import { tempFolder } from '../flock/temp-folder.ts';

/** Watches a switch. @returns the way to wait until it is thrown */
function watched(state: string) {
  // The switch alone keeps no process running.
  const kept = setInterval(() => undefined, 1000);
  const waiting: ((stopped: boolean) => void)[] = [];
  const thrown: boolean[] = [];
  const stopSwitch = watchStopSwitch(state, (stopped) => {
    const resolve = waiting.shift();
    if (resolve) resolve(stopped);
    else thrown.push(stopped);
  });
  return {
    isStopped: stopSwitch.isStopped,
    change: () =>
      new Promise<boolean>((resolve) => {
        const known = thrown.shift();
        if (known === undefined) waiting.push(resolve);
        else resolve(known);
      }),
    [Symbol.dispose]: () => {
      clearInterval(kept);
      stopSwitch[Symbol.dispose]();
    },
  };
}

describe('the stop switch', () => {
  it('is a file, which a person may make and remove', async () => {
    const state = tempFolder();
    using flock = watched(state);
    assert.equal(flock.isStopped(), false);
    writeFileSync(path.join(state, 'stop'), '');
    assert.equal(await flock.change(), true);
    assert.equal(flock.isStopped(), true);
    rmSync(path.join(state, 'stop'));
    assert.equal(await flock.change(), false);
    assert.equal(flock.isStopped(), false);
  });

  it('is thrown by a program, and says why', async () => {
    const state = path.join(tempFolder(), 'state');
    await stopFlock(state, 'the poet asked for it');
    assert.equal(isStopped(state), true);
    assert.equal(readFileSync(path.join(state, 'stop'), 'utf8'), 'the poet asked for it\n');
    using flock = watched(state);
    assert.equal(flock.isStopped(), true);
    await releaseFlock(state);
    assert.equal(await flock.change(), false);
    await releaseFlock(state);
  });

  it('that cannot be thrown says so', async () => {
    const state = path.join(tempFolder({ state: '' }), 'state');
    const cannot = (error: unknown): boolean =>
      error instanceof FlockError && error.exit === 'io' && error.message.includes(state);
    await assert.rejects(stopFlock(state, 'why'), cannot);
    await assert.rejects(releaseFlock(state), cannot);
  });
});
