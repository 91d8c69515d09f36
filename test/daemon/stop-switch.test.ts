import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

  it('stops the flock whatever is in its place, be it a link that leads nowhere', async () => {
    const state = tempFolder();
    const file = path.join(state, 'stop');
    symlinkSync('nowhere', file);
    assert.equal(isStopped(state), true);
    using flock = watched(state);
    assert.equal(flock.isStopped(), true);
    await stopFlock(state, 'why');
    assert.ok(lstatSync(file).isFile(), 'the link is replaced');
    await releaseFlock(state);
    assert.equal(await flock.change(), false);
  });

  it('that is a folder stops the flock, until a person removes it', async () => {
    const state = tempFolder();
    const file = path.join(state, 'stop');
    mkdirSync(file);
    assert.equal(isStopped(state), true);
    await stopFlock(state, 'why');
    await assert.rejects(releaseFlock(state), (error) => {
      assert.ok(error instanceof FlockError);
      assert.deepEqual(
        [error.exit, error.message, error.hint],
        ['io', `${file} is a folder`, 'rmdir it; the flock stays stopped meanwhile'],
      );
      return true;
    });
    assert.equal(isStopped(state), true);
  });

  it('stops the flock where nobody can tell whether it is there', () => {
    assert.equal(isStopped(path.join(tempFolder({ state: '' }), 'state')), true);
    assert.equal(isStopped(path.join(tempFolder(), 'state')), false);
  });

  it('that cannot be thrown says so', async () => {
    const state = path.join(tempFolder({ state: '' }), 'state');
    const cannot = (error: unknown): boolean =>
      error instanceof FlockError && error.exit === 'io' && error.message.includes(state);
    await assert.rejects(stopFlock(state, 'why'), cannot);
    await assert.rejects(releaseFlock(state), cannot);
  });
});
