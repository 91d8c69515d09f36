import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TestFlock } from '../support/flock.ts';

const poems = { 'lost.txt': 'lost 1\nlost 2\nlost 3\n', 'heron.txt': 'heron 1\nheron 2\nheron 3\n' };
const settings = { schedule: '* * * * * *', atEnd: 'stop' };

interface Shown {
  bots: { bot: string; state: string; done: number; of: number; hint?: string; last?: { line: number } }[];
}

async function statusOf(
  flock: TestFlock,
  bot: string,
): Promise<Shown['bots'][number] & { code: number | null }> {
  const { stdout, code } = await flock.run('flockd', ['status', '--json']);
  const found = (JSON.parse(stdout) as Shown).bots.find((one) => one.bot === bot);
  assert.ok(found);
  return { ...found, code };
}

describe('flockd status, resolve and resume', { concurrency: true }, () => {
  it('show and repair a bot while the daemon runs', async () => {
    await using flock = await TestFlock.open({ poems, settings });
    for (const bot of ['lost', 'heron']) await flock.giveKey(bot);
    flock.control('accounts/lost/suspend');
    const flockd = flock.start('flockd', ['run']);
    await flockd.logged('parked', 'lost');
    const parked = await statusOf(flock, 'lost');
    assert.deepEqual([parked.state, parked.done, parked.of, parked.code], ['parked', 0, 3, 1]);
    assert.match(parked.hint ?? '', /flockd resume lost/);

    const early = await flock.run('flockd', ['resume', 'heron']);
    assert.deepEqual([early.code, early.stderr], [0, '']);
    assert.match(early.stdout, /heron is not paused, and does not need you/);

    flock.control('accounts/lost/unsuspend');
    const resumed = await flock.run('flockd', ['resume', 'lost']);
    assert.equal(resumed.code, 0, resumed.stderr);
    await flock.posted('lost', 3);
    assert.deepEqual(flock.postsOf('lost'), ['lost 1', 'lost 2', 'lost 3']);
  });

  it('work on the ledger itself where no daemon runs', async () => {
    await using flock = await TestFlock.open({ poems, settings });
    for (const bot of ['lost', 'heron']) await flock.giveKey(bot);
    flock.control('accounts/lost/suspend');
    const flockd = flock.start('flockd', ['run']);
    await flockd.logged('parked', 'lost');
    flockd.kill('SIGKILL');
    await flockd.exit;
    flock.control('accounts/lost/unsuspend');
    const resumed = await flock.run('flockd', ['resume', 'lost', '--line', '3']);
    assert.equal(resumed.code, 0, resumed.stderr);
    const tooFar = await flock.run('flockd', ['resume', 'lost', '--line', '4']);
    assert.equal(tooFar.code, 64);
    assert.match(tooFar.stderr, /has no line 4\nhint: it has 3/);
    const again = flock.start('flockd', ['run']);
    await flock.posted('lost', 1);
    assert.deepEqual(flock.postsOf('lost'), ['lost 3']);
    again.kill();
    await again.exit;
  });

  it('settle a post in doubt by a person’s word', async () => {
    await using flock = await TestFlock.open({ poems, settings: { ...settings, settle: '1h' } });
    for (const bot of ['lost', 'heron']) await flock.giveKey(bot);
    const account = { method: 'POST', path: '/2/tweets', account: 'lost' };
    flock.x.sandbox.faults.add({ match: account, times: 1, rate: 1, fault: { kind: 'drop', when: 'after' } });
    flock.x.sandbox.faults.add({
      match: account,
      times: 1,
      rate: 1,
      fault: { kind: 'drop', when: 'before' },
    });
    const flockd = flock.start('flockd', ['run']);
    await flockd.logged('in-doubt', 'lost');
    // At first it could be a post that is under way.
    while ((await statusOf(flock, 'lost')).state !== 'in doubt');
    assert.equal((await flock.run('flockd', ['resolve', 'lost'])).code, 64);
    assert.equal((await flock.run('flockd', ['resolve', 'lost', '--posted', '--not-posted'])).code, 64);
    assert.equal((await flock.run('flockd', ['resolve', 'heron', '--posted'])).code, 64);
    const first = await flock.run('flockd', ['resolve', 'lost', '--posted']);
    assert.equal(first.code, 0, first.stderr);
    await flockd.logged('in-doubt', 'lost', ({ line }) => line === 2);
    assert.equal((await flock.run('flockd', ['resolve', 'lost', '--not-posted'])).code, 0);
    await flock.posted('lost', 3);
    assert.deepEqual(flock.postsOf('lost'), ['lost 1', 'lost 2', 'lost 3']);
  });
});
