import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { everySecond, linesOf, poem, TestFlock } from '../support/flock.ts';
import { isAlive, scriptOf, startCommand } from '../support/programs.ts';

describe('flockd run as a process', { concurrency: 6 }, () => {
  it('finishes and records a post that is under way when it is told to stop', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 3) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    flock.x.sandbox.faults.add({
      match: { method: 'POST', path: '/2/tweets' },
      fault: { kind: 'delay', ms: 1500 },
      times: 1,
    });
    const first = flock.start('flockd', ['run']);
    await flock.posted('heron', 1);
    first.kill('SIGTERM');
    await first.logged('stopping');
    assert.equal((await first.exit).code, 0);
    assert.deepEqual(
      first.log.map(({ event }) => event),
      ['started', 'begun', 'stopping', 'posted', 'stopped'],
    );
    const second = flock.start('flockd', ['run']);
    await second.logged('posted', 'heron', ({ line }) => line === 2);
    assert.deepEqual(flock.postsOf('heron').slice(0, 2), linesOf('heron', 2));
  });

  for (const [where, redirect] of [
    ['its reader has gone', '| head -1'],
    ['the disk it goes to is full', '> /dev/full'],
  ] as const) {
    it(`goes on posting without its log where ${where}`, async () => {
      await using flock = await TestFlock.open({
        poems: { 'heron.txt': poem('heron', 3) },
        settings: everySecond,
      });
      await flock.giveKey('heron');
      // The daemon's pid is kept, so that it can be ended.
      await flock.write(
        'flockd.sh',
        `echo $$ > pid; exec '${process.execPath}' '${scriptOf('flockd')}' run\n`,
      );
      const shell = flock.watch(
        startCommand(['sh', '-c', `sh flockd.sh ${redirect}`], { cwd: flock.root, env: flock.environment }),
      );
      const ended = shell.exit.then(() => 'ended');
      const first = await Promise.race([flock.posted('heron', 3), ended]);
      assert.equal(first, undefined, `it ended: ${shell.stderr}`);
      process.kill(Number(await readFile(flock.file('pid'), 'utf8')), 'SIGTERM');
      await ended;
      assert.deepEqual(flock.postsOf('heron'), linesOf('heron', 3));
    });
  }

  // On the schedule of once a day: a post under way when the first is killed would be in doubt.
  it('lets only one daemon on a state folder, and names the other', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 60) },
    });
    await flock.giveKey('heron');
    const first = flock.start('flockd', ['run']);
    await first.logged('begun', 'heron');
    const second = await flock.run('flockd', ['run']);
    assert.equal(second.code, 75);
    assert.match(second.stderr, new RegExp(`another flockd \\(pid ${first.pid}\\) runs on`));
    assert.ok(isAlive(first.pid));
    first.kill('SIGKILL');
    await first.exit;
    const third = flock.start('flockd', ['run']);
    await third.logged('started');
  });

  it('is known to run while it does, and not to when it was killed', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 60) },
    });
    await flock.giveKey('heron');
    const running = async (): Promise<unknown> => {
      const { stdout } = await flock.run('flockd', ['status', '--json']);
      const status = JSON.parse(stdout) as { flock: { running: unknown } };
      return status.flock.running;
    };
    assert.equal(await running(), false);
    const flockd = flock.start('flockd', ['run']);
    await flockd.logged('begun', 'heron');
    assert.equal(await running(), true);
    assert.doesNotMatch((await flock.run('flockd', ['status'])).stdout, /does not run/);
    flockd.kill('SIGKILL');
    await flockd.exit;
    assert.equal(await running(), false);
    const { code, stdout } = await flock.run('flockd', ['status']);
    assert.equal(code, 1);
    assert.match(stdout, /^flockd does not run: nothing is posted until flockd run$/m);
  });

  it('speaks to a person on a terminal, and stops on Ctrl-C', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 60) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    const flockd = flock.start('flockd', ['run'], { columns: 60, env: { NO_COLOR: '1' } });
    await flockd.lineMatching(/\[\d\d:\d\d:\d\d\] INFO: heron: posted line 1 of 60/);
    flockd.write('\x03');
    await flockd.lineMatching(/stops \(SIGINT\)/);
    assert.equal((await flockd.exit).code, 0);
    for (const line of flockd.lines) assert.doesNotMatch(line, /[{}]/);
    await flock.assertNoSecrets();
  });
});
