import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { everySecond, linesOf, poem, TestFlock } from '../support/flock.ts';

/** What kill -9 leaves in doubt is soon settled. */
const settings = { ...everySecond, settle: '1s' };
const poems = { 'heron.txt': poem('heron', 60), 'tide.txt': poem('tide', 60) };

async function open(): Promise<TestFlock> {
  const flock = await TestFlock.open({ poems, settings });
  for (const bot of ['heron', 'tide']) await flock.giveKey(bot);
  return flock;
}

interface Shown {
  flock: { stopped: boolean };
  bots: { bot: string; state: string; hint?: string }[];
}

async function statusOf(flock: TestFlock): Promise<Shown> {
  return JSON.parse((await flock.run('flockd', ['status', '--json'])).stdout) as Shown;
}

describe('the stop switch', { concurrency: true }, () => {
  it('takes effect as soon as the file is seen, for as long as it is there', async () => {
    await using flock = await open();
    const flockd = flock.start('flockd', ['run']);
    await Promise.all([flock.posted('heron', 2), flock.posted('tide', 2)]);
    await writeFile(flock.file('state', 'stop'), '');
    await flockd.logged('flock-stopped');
    const before = [flock.postsOf('heron').length, flock.postsOf('tide').length];
    // Each takes the time of a slot or so.
    const shown = await statusOf(flock);
    assert.equal(shown.flock.stopped, true);
    assert.deepEqual(
      shown.bots.map(({ state }) => state),
      ['stopped', 'stopped'],
    );
    await sleep(3000);
    const after = [flock.postsOf('heron').length, flock.postsOf('tide').length];
    // At most what was under way as it was seen, though several slots have passed.
    const more = after.map((count, bot) => count - (before[bot] ?? 0));
    assert.ok(
      more.every((count) => count <= 1),
      `${more.join(' and ')} posts`,
    );
    await rm(flock.file('state', 'stop'));
    await flockd.logged('flock-released');
    const count = flock.postsOf('heron').length;
    await flock.posted('heron', count + 2);
    assert.deepEqual(flock.postsOf('heron'), linesOf('heron', flock.postsOf('heron').length));
  });

  it('survives kill -9 and a restart, and is thrown by commands too, with a daemon or without', async () => {
    await using flock = await open();
    const first = flock.start('flockd', ['run']);
    await flock.posted('heron', 1);
    const paused = await flock.run('flockd', ['pause']);
    assert.deepEqual([paused.code, paused.stderr], [0, '']);
    await first.logged('flock-stopped');
    first.kill('SIGKILL');
    await first.exit;
    const [heron, tide] = [flock.postsOf('heron'), flock.postsOf('tide')];
    const second = flock.start('flockd', ['run']);
    await second.logged('started');
    const refused = await flock.run('flockd', ['post', 'heron']);
    assert.equal(refused.code, 64);
    assert.match(refused.stderr, /the whole flock is paused\nhint: flockd resume/);
    await statusOf(flock);
    second.kill();
    await second.exit;
    assert.deepEqual([flock.postsOf('heron'), flock.postsOf('tide')], [heron, tide]);
    assert.equal((await flock.run('flockd', ['resume'])).code, 0);
    assert.equal(existsSync(flock.file('state', 'stop')), false);
    flock.start('flockd', ['run']);
    await flock.posted('heron', heron.length + 1);
  });
});

describe('a bot that is paused', { concurrency: true }, () => {
  it('rests alone, through kill -9 and a restart, until it is resumed', async () => {
    await using flock = await open();
    const first = flock.start('flockd', ['run']);
    await flock.posted('heron', 1);
    const paused = await flock.run('flockd', ['pause', 'heron']);
    assert.deepEqual([paused.code, paused.stdout], [0, 'heron is paused until: flockd resume heron\n']);
    assert.equal((await flock.run('flockd', ['pause', 'heron'])).code, 64);
    const count = flock.postsOf('heron').length;
    await flock.posted('tide', flock.postsOf('tide').length + 2);
    first.kill('SIGKILL');
    await first.exit;
    const second = flock.start('flockd', ['run']);
    await flock.posted('tide', flock.postsOf('tide').length + 2);
    assert.equal(flock.postsOf('heron').length, count);
    const heron = (await statusOf(flock)).bots.find(({ bot }) => bot === 'heron');
    assert.deepEqual([heron?.state, heron?.hint], ['paused', 'flockd resume heron lets it go on']);
    assert.equal((await flock.run('flockd', ['post', 'heron'])).code, 64);
    assert.equal((await flock.run('flockd', ['resume', 'heron'])).code, 0);
    await flock.posted('heron', count + 1);
    assert.deepEqual(flock.postsOf('heron'), linesOf('heron', flock.postsOf('heron').length));
    second.kill();
    await second.exit;
    // Without a daemon, while the flock is stopped.
    for (const words of [['pause', 'tide'], ['pause']])
      assert.equal((await flock.run('flockd', words)).code, 0);
    const resumed = await flock.run('flockd', ['resume', 'tide']);
    assert.equal(resumed.code, 0);
    assert.match(resumed.stdout, /still paused/);
  });
});
