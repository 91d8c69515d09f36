import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { everySecond, linesOf, poem, TestFlock } from '../support/flock.ts';
import { isAlive, scriptOf, startCommand, terminalScript } from '../support/programs.ts';

const flockd = [process.execPath, scriptOf('flockd'), 'run'];

async function open(): Promise<TestFlock> {
  const flock = await TestFlock.open({ poems: { 'heron.txt': poem('heron', 60) }, settings: everySecond });
  await flock.giveKey('heron');
  return flock;
}

/** Waits until a process is gone, however it ends. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 50));
}

describe('flockd whose terminal is closed', { concurrency: 4 }, () => {
  const terminals: [name: string, call: string[]][] = [
    ['a terminal', ['env', 'TERM=xterm', ...flockd]],
    ['one that cannot be drawn on', ['env', 'TERM=dumb', ...flockd]],
    // No signal comes there: that it is gone shows when something is written.
    ['one of another session', ['setsid', '--wait', 'sh', '-c', `echo $$ > pid; exec "$@"`, 'sh', ...flockd]],
    [
      'one of another session that cannot be drawn on',
      ['setsid', '--wait', 'sh', '-c', `echo $$ > pid; TERM=dumb exec "$@"`, 'sh', ...flockd],
    ],
  ];
  for (const [name, call] of terminals) {
    it(`${name}, finishes and records the post that is under way`, async () => {
      await using flock = await open();
      flock.x.sandbox.faults.add({
        match: { method: 'POST', path: '/2/tweets' },
        fault: { kind: 'delay', ms: 1500 },
        times: 1,
      });
      const terminal = flock.watch(
        startCommand(['python3', terminalScript, '80', ...call], { cwd: flock.root, env: flock.environment }),
      );
      await flock.posted('heron', 1);
      terminal.kill('SIGHUP');
      const { code, signal } = await terminal.exit;
      if (call[0] === 'setsid') await gone(Number(await readFile(flock.file('pid'), 'utf8')));
      else assert.deepEqual([code, signal], [0, null]);
      const count = flock.postsOf('heron').length;
      const { stdout } = await flock.run('flockd', ['status', '--json']);
      const status = JSON.parse(stdout) as { flock: unknown; bots: { state: string; posts: number }[] };
      assert.deepEqual(
        status.bots.map(({ state, posts }) => [state, posts]),
        [['fine', count]],
      );
      const again = flock.start('flockd', ['run']);
      await again.logged('posted', 'heron');
      assert.deepEqual(flock.postsOf('heron').slice(0, count + 1), linesOf('heron', count + 1));
    });
  }

  it('reads its files again on SIGHUP where it has no terminal', async () => {
    await using flock = await open();
    const running = flock.start('flockd', ['run']);
    await running.logged('posted', 'heron');
    running.kill('SIGHUP');
    await running.logged('reloaded');
    running.kill('SIGTERM');
    assert.equal((await running.exit).code, 0);
  });
});

describe('a command whose reader has gone', () => {
  for (const call of [
    'keymaker --help',
    'keymaker list',
    'keymaker doctor --offline',
    'flockd status --json',
  ]) {
    it(`ends quietly: ${call} | true`, async () => {
      await using flock = await open();
      const [program = 'keymaker', ...args] = call.split(' ');
      const script = `"$@" 2>errors | true; echo "\${PIPESTATUS[0]} $(cat errors)"`;
      const words = [process.execPath, scriptOf(program === 'flockd' ? 'flockd' : 'keymaker'), ...args];
      const shell = startCommand(['bash', '-c', script, 'bash', ...words], {
        cwd: flock.root,
        env: flock.environment,
      });
      await flock.watch(shell).exit;
      assert.match(shell.stdout, /^[01] \n$/);
    });
  }
});
