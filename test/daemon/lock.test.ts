import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { isLocked, lockState } from '../../src/daemon/lock.ts';
import { tempFolder } from '../flock/temp-folder.ts';

/** Holds a lock as somebody does who looks at it, until somebody waits for it. */
const looker = `exec 3< "$0"; flock -s 3; echo looks
until grep -aqs 'flock[^.]-w' /proc/[0-9]*/cmdline; do :; done`;

describe('the lock of a state folder', () => {
  const folder = tempFolder();

  it('is held as long as its holder likes, and by nobody else', async () => {
    const state = path.join(folder, 'held');
    const lock = await lockState(state);
    assert.equal(await isLocked(state), true);
    await assert.rejects(lockState(state), { exit: 'tryLater', message: /another flockd \(pid \d+\)/ });
    await lock[Symbol.asyncDispose]();
    assert.equal(await isLocked(state), false);
  });

  it('is looked for without anything being made', async () => {
    const state = path.join(folder, 'missing');
    assert.equal(await isLocked(state), false);
    assert.ok(!existsSync(state), 'the folder was made');
  });

  it('is had where somebody only looks whether it is held', async () => {
    const state = path.join(folder, 'looked-at');
    await (await lockState(state))[Symbol.asyncDispose]();
    const other = spawn('sh', ['-c', looker, path.join(state, 'lock')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(other, 'exit');
    await once(other.stdout, 'data');
    await using _lock = await lockState(state);
    await ended;
    assert.equal(await isLocked(state), true);
  });
});
