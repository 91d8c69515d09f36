import assert from 'node:assert/strict';
import { utimes } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { linesOf, poem, TestFlock, type TestFlockOptions } from '../support/flock.ts';

/** Nothing is posted unless somebody asks for it. */
const settings = { schedule: '0 0 29 2 *', atEnd: 'stop', settle: '1h' };

async function open(more: Partial<TestFlockOptions> = {}): Promise<TestFlock> {
  const flock = await TestFlock.open({ poems: { 'heron.txt': poem('heron', 5) }, settings, ...more });
  await flock.giveKey('heron');
  return flock;
}

interface Shown {
  state: string;
  line: number;
  of: number;
  id?: string;
  url?: string;
  why?: string;
  until?: string;
}

async function post(flock: TestFlock): Promise<Shown & { code: number | null; stderr: string }> {
  const { stdout, stderr, code } = await flock.run('flockd', ['post', 'heron', '--json']);
  return { ...(stdout === '' ? { state: '', line: 0, of: 0 } : (JSON.parse(stdout) as Shown)), code, stderr };
}

for (const where of ['through a running daemon', 'without a daemon'] as const) {
  describe(`flockd post, ${where}`, { concurrency: 3 }, () => {
    const run = async (flock: TestFlock): Promise<void> => {
      if (where === 'without a daemon') return;
      await flock.start('flockd', ['run']).logged('begun');
    };

    it('posts the next line, and says which and where', async () => {
      await using flock = await open();
      await run(flock);
      const said = await flock.run('flockd', ['post', 'heron']);
      assert.equal(said.code, 0, said.stderr);
      assert.match(
        said.stdout,
        /^heron has posted line 1 of 5: http:\/\/127\.0\.0\.1:\d+\/\?account=heron#post-\d+\n {2}heron 1: the tide comes in by itself\n$/,
      );
      const second = await post(flock);
      assert.deepEqual([second.code, second.state, second.line, second.of], [0, 'posted', 2, 5]);
      assert.equal(second.url, `${flock.x.url}/?account=heron#post-${second.id ?? ''}`);
      assert.deepEqual(flock.postsOf('heron'), linesOf('heron', 2));
      await flock.assertNoSecrets();
    });

    it('posts nothing from a poem that was changed a moment ago', async () => {
      await using flock = await open();
      await run(flock);
      await utimes(flock.file('poems/heron.txt'), new Date(), new Date());
      const said = await post(flock);
      if (where === 'without a daemon') {
        // It waits until the file has been unchanged for 5 seconds.
        assert.deepEqual([said.code, said.state, said.line], [0, 'posted', 1]);
      } else {
        assert.deepEqual([said.code, said.state], [75, 'waiting']);
        assert.equal(said.why, 'its poem was changed in the last 5 seconds');
      }
    });

    it('posts each line once, however many ask at once', async () => {
      await using flock = await open();
      await run(flock);
      const all = await Promise.all([post(flock), post(flock), post(flock)]);
      // Without a daemon the first has the ledger, and the others find nobody who takes orders.
      const posted = all.filter(({ code }) => code === 0).map(({ line }) => line);
      assert.deepEqual(
        posted.sort(),
        linesOf('heron', posted.length).map((_, index) => index + 1),
      );
      assert.deepEqual(flock.postsOf('heron'), linesOf('heron', posted.length));
      if (where === 'through a running daemon') assert.equal(posted.length, 3);
    });

    it('says why a line was refused for now, and posts it when asked again', async () => {
      await using flock = await open();
      await run(flock);
      const headers = { 'x-rate-limit-reset': String(Math.ceil(Date.now() / 1000) + 600) };
      flock.x.sandbox.faults.add({
        match: { path: '/2/tweets', method: 'POST' },
        times: 1,
        rate: 1,
        fault: { kind: 'status', status: 429, headers },
      });
      const refused = await post(flock);
      assert.deepEqual([refused.code, refused.state, refused.line], [75, 'waiting', 1]);
      assert.match(refused.why ?? '', /429/);
      assert.ok(Date.parse(refused.until ?? '') > Date.now() + 300_000);
      const again = await post(flock);
      assert.deepEqual([again.code, again.line], [0, 1]);
      assert.deepEqual(flock.postsOf('heron'), linesOf('heron', 1));
    });

    it('leaves a post in doubt to the timeline', async () => {
      await using flock = await open();
      await run(flock);
      flock.x.sandbox.faults.add({
        match: { path: '/2/tweets', method: 'POST' },
        times: 1,
        rate: 1,
        fault: { kind: 'drop', when: 'after' },
      });
      const doubted = await post(flock);
      assert.deepEqual([doubted.code, doubted.state, doubted.line], [75, 'in doubt', 1]);
      const again = await post(flock);
      assert.equal(again.code, 75);
      assert.match(again.stderr, /heron has a post in doubt/);
      assert.deepEqual(flock.postsOf('heron'), linesOf('heron', 1));
    });

    it('says why a bot is parked, and how to repair it', async () => {
      await using flock = await open();
      await run(flock);
      flock.control('accounts/heron/suspend');
      const parked = await flock.run('flockd', ['post', 'heron']);
      assert.equal(parked.code, 1);
      assert.match(parked.stderr, /the bot needs you: .*suspended.*\nhint: .*flockd resume heron/s);
      const again = await flock.run('flockd', ['post', 'heron']);
      assert.equal(again.code, 1);
      assert.match(again.stderr, /heron needs you/);
    });

    it('takes the second way of a refrain at once', async () => {
      await using flock = await open({ poems: { 'heron.txt': 'la\nla\ntwo\n' } });
      await run(flock);
      await post(flock);
      const joined = await post(flock);
      assert.deepEqual([joined.code, joined.state, joined.line], [0, 'posted', 2]);
      assert.deepEqual(flock.postsOf('heron'), ['la', 'la\ntwo']);
      const finished = await post(flock);
      assert.equal(finished.code, 64);
      assert.match(finished.stderr, /heron has finished its poem\nhint: flockd resume heron --line 1/);
    });

    it('says which budget is used up', async () => {
      await using flock = await open({
        settings: { ...settings, bots: { heron: { budget: { postsPerDay: 1 } } } },
      });
      await run(flock);
      assert.equal((await post(flock)).code, 0);
      const capped = await post(flock);
      assert.deepEqual([capped.code, capped.state], [75, 'waiting']);
      assert.equal(capped.why, 'its budget of 1 post a day is used up');
      assert.match(capped.until ?? '', /T00:00:00\.000Z$/);
      assert.deepEqual(flock.postsOf('heron'), linesOf('heron', 1));
    });
  });
}
