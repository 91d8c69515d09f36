import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { folderWatcher } from '../src/watch.ts';
import { tempFolder } from './flock/temp-folder.ts';
import { everySecond, poem, TestFlock } from './support/flock.ts';
import { scriptOf, startCommand } from './support/programs.ts';

describe('a folder that is watched', () => {
  const isGone = (name: string | undefined): boolean => name === 'b';

  it('tells which file is written, replaced or removed, and nothing once it is stopped', async () => {
    const folder = tempFolder({ b: '1' });
    const names: (string | undefined)[] = [];
    let wake: () => void = () => undefined;
    const polled: string[] = [];
    const stop = folderWatcher((reason) => polled.push(reason))(folder, (name) => {
      names.push(name);
      wake();
    });
    const until = async (fits: (name: string | undefined) => boolean): Promise<void> => {
      while (!names.some(fits)) await new Promise<void>((resolve) => (wake = resolve));
      names.length = 0;
    };
    writeFileSync(path.join(folder, 'a'), '1');
    await until((name) => name === 'a');
    writeFileSync(path.join(folder, '.a.tmp'), '2');
    renameSync(path.join(folder, '.a.tmp'), path.join(folder, 'a'));
    await until((name) => name === 'a');
    rmSync(path.join(folder, 'b'));
    await until(isGone);
    stop();
    names.length = 0;
    writeFileSync(path.join(folder, 'c'), '1');
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.deepEqual([names, polled], [[], []]);
  });

  it('that is not there is no sign that the system has no watches', () => {
    const polled: string[] = [];
    const stop = folderWatcher((reason) => polled.push(reason))(
      path.join(tempFolder(), 'none'),
      () => undefined,
    );
    stop();
    assert.deepEqual(polled, []);
  });
});

/** Runs a command where this user has no inotify watch. */
const without = (...command: string[]): string[] => [
  ...['unshare', '--user', '--map-root-user', 'sh', '-c'],
  ...['echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"', 'sh', ...command],
];

const [probe = '', ...probed] = without('true');
const canTry = spawnSync(probe, probed).status === 0;

describe('a flock without inotify', { skip: !canTry }, () => {
  it('is told so once, takes up keys, commands and the stop switch, and status and doctor say it', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 60), 'tide.txt': poem('tide', 60) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    const at = { cwd: flock.root, env: flock.environment };
    const flockd = flock.watch(startCommand(without(process.execPath, scriptOf('flockd'), 'run'), at));
    await flockd.logged('posted', 'heron');
    const warned = flockd.log.filter(({ event }) => event === 'unwatched');
    assert.deepEqual(
      warned.map(({ reason, hint }) => [reason, hint?.includes('max_user_instances')]),
      [['EMFILE', true]],
    );
    // A key that comes, an order given by somebody who has no watch either, and a bundle that goes.
    await flock.giveKey('tide');
    await flockd.logged('posted', 'tide');
    const pause = flock.watch(
      startCommand(without(process.execPath, scriptOf('flockd'), 'pause', 'tide'), at),
    );
    assert.equal((await pause.exit).code, 0, pause.stderr);
    await flockd.logged('paused', 'tide');
    rmSync(flock.file('keys/tide.json'));
    await flockd.logged('gone', 'tide');
    const status = flock.watch(startCommand(without(process.execPath, scriptOf('flockd'), 'status'), at));
    await status.exit;
    assert.match(
      status.stdout,
      /^No inotify watches are left \(EMFILE\): flockd looks for changes every second\.$/m,
    );
    const doctor = flock.watch(
      startCommand(without(process.execPath, scriptOf('keymaker'), 'doctor', '--offline', '--json'), at),
    );
    await doctor.exit;
    assert.match(doctor.stdout, /"check": "watches"/);
    mkdirSync(flock.file('state'), { recursive: true });
    writeFileSync(flock.file('state/stop'), '');
    await flockd.logged('flock-stopped');
    flockd.kill();
    assert.equal((await flockd.exit).code, 0);
  });
});
