import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Presence } from '../../src/daemon/claims.ts';
import { isLocked, lockState } from '../../src/daemon/lock.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const skip = process.platform !== 'linux' && 'there are no abstract sockets';

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

  it('takes away what was left of a write that was killed, and nothing that another process writes', async () => {
    const state = tempFolder();
    const dead = spawnSync('true').pid;
    const names = [
      `.stopped.${dead}-0123456789ab.tmp`,
      `.stopped.${process.ppid}-0123456789ab.tmp`,
      'stopped',
    ];
    for (const name of names) writeFileSync(path.join(state, name), '');
    await using _lock = await lockState(state);
    assert.deepEqual(readdirSync(state).sort(), [names[1], 'lock', 'stopped']);
  });

  it('is looked for without anything being made', async () => {
    const state = path.join(folder, 'missing');
    assert.equal(await isLocked(state), false);
    assert.ok(!existsSync(state), 'the folder was made');
  });

  it('is taken again where its file was removed, unless another process has it by then', async () => {
    const state = path.join(folder, 'removed');
    await using lock = await lockState(state);
    await lock.mustBeOurs();
    await rm(path.join(state, 'lock'));
    await lock.mustBeOurs();
    await assert.rejects(lockState(state), { exit: 'tryLater' });
    await rm(path.join(state, 'lock'));
    await using _other = await lockState(state);
    await assert.rejects(lock.mustBeOurs(), { exit: 'io', message: /another process has taken it/ });
  });

  it('is not had where a flockd says that it runs there, though the file was removed', { skip }, async () => {
    const state = path.join(folder, 'announced');
    await mkdir(state);
    await using _presence = await Presence.announce({ root: folder, state });
    await assert.rejects(lockState(state), { exit: 'tryLater', message: RegExp(`pid ${process.pid}`) });
    assert.equal(await isLocked(state), true);
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
