import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { poem, TestFlock } from '../support/flock.ts';
import type { Running } from '../support/programs.ts';

const settings = { schedule: '* * * * * *', atEnd: 'stop' };

const openFlock = (): Promise<TestFlock> =>
  TestFlock.open({ poems: { 'heron.txt': poem('heron', 40) }, settings });

/** Its only bot posts two lines of its poem, and then finds another poem in its place. @returns the daemon */
async function losePlace(flock: TestFlock): Promise<Running> {
  await flock.giveKey('heron');
  const flockd = flock.start('flockd', ['run']);
  await flock.posted('heron', 2);
  await flock.write('poems/heron.txt', poem('egret', 40));
  await flockd.logged('parked', 'heron');
  return flockd;
}

describe('a bot that has lost its place', { concurrency: true }, () => {
  it('is not let go on where its poem still is another one, whether flockd runs or not', async () => {
    await using flock = await openFlock();
    const flockd = await losePlace(flock);
    for (const places of [[], ['--keys', 'keys']]) {
      const { code, stderr, stdout } = await flock.run('flockd', ['resume', 'heron', ...places]);
      assert.equal(code, 65);
      assert.equal(stdout, '');
      const call = ['flockd resume heron --line N', ...places].join(' ');
      assert.equal(
        stderr,
        'flockd: heron: its poem has become another one, and its place in it is lost\n' +
          `hint: say where it is to go on: ${call}; or put the old poem back\n`,
      );
      flockd.kill();
      await flockd.exit;
    }
    assert.ok(!flockd.log.some(({ event }) => event === 'freed'));
  });

  it('goes on at the line that is named', async () => {
    await using flock = await openFlock();
    const flockd = await losePlace(flock);
    const before = flock.postsOf('heron').length;
    const named = await flock.run('flockd', ['resume', 'heron', '--line', '7']);
    assert.equal(named.code, 0, named.stderr);
    await flockd.logged('freed', 'heron');
    await flock.posted('heron', before + 1);
    assert.match(flock.postsOf('heron')[before] ?? '', /^egret 7:/);
  });

  it('goes on where it was once the old poem is back', async () => {
    await using flock = await openFlock();
    const flockd = await losePlace(flock);
    const before = flock.postsOf('heron').length;
    await flock.write('poems/heron.txt', poem('heron', 40));
    const back = await flock.run('flockd', ['resume', 'heron']);
    assert.equal(back.code, 0, back.stderr);
    await flockd.logged('freed', 'heron');
    await flock.posted('heron', before + 1);
    assert.match(flock.postsOf('heron')[before] ?? '', new RegExp(`^heron ${before + 1}:`));
  });
});
