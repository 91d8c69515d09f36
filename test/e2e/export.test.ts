import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { everySecond, linesOf, poem, TestFlock } from '../support/flock.ts';

describe('flockd export and restore', { concurrency: true }, () => {
  it('keep a flock that runs, and bring it back without posting a line twice', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 4) },
      settings: { ...everySecond, schedule: '*/10 * * * * *', settle: '1s' },
      // X is no help.
      sandbox: { duplicates: 'accept' },
    });
    await flock.giveKey('heron');
    const first = flock.start('flockd', ['run']);
    await first.logged('posted', 'heron');
    const exported = await flock.run('flockd', ['export', 'backup.json']);
    assert.equal(exported.code, 0, exported.stderr);
    assert.equal((await stat(flock.file('backup.json'))).mode & 0o777, 0o600);
    const text = await readFile(flock.file('backup.json'), 'utf8');
    assert.equal(
      (JSON.parse(text) as { bots: { heron: { place: { next: number } } } }).bots.heron.place.next,
      1,
    );
    const bundle = await flock.bundle('heron');
    for (const name of ['consumer_token', 'consumer_token_secret', 'oauth_token', 'oauth_token_secret'])
      assert.ok(!text.includes(String(bundle[name])), name);

    const running = await flock.run('flockd', ['restore', 'backup.json', '--replace']);
    assert.equal(running.code, 75);
    assert.match(running.stderr, /another flockd \(pid \d+\) runs/);

    await first.logged('posted', 'heron', ({ line }) => line === 2);
    first.kill();
    await first.exit;
    const kept = await flock.run('flockd', ['restore', 'backup.json']);
    assert.equal(kept.code, 73);
    const restored = await flock.run('flockd', ['restore', 'backup.json', '--replace']);
    assert.equal(restored.code, 0, restored.stderr);
    assert.ok((await readdir(flock.file('state'))).some((name) => /^journal-.*Z\.jsonl$/.test(name)));

    const second = flock.start('flockd', ['run']);
    const found = await second.logged('posted', 'heron', ({ line }) => line === 2);
    assert.equal(found.by, 'timeline');
    await second.logged('posted', 'heron', ({ line }) => line === 4);
    assert.deepEqual(flock.postsOf('heron'), linesOf('heron', 4));
  });
});
