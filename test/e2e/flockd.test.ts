import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { authorizeAs, everySecond, linesOf, poem, TestFlock } from '../support/flock.ts';

describe('flockd run', { concurrency: 7 }, () => {
  it('parks a revoked bot alone; reauth brings it back to its line while the daemon runs', async () => {
    await using flock = await TestFlock.open({
      poems: { 'lost.txt': poem('lost', 4), 'heron.txt': poem('heron', 40) },
      settings: everySecond,
    });
    for (const bot of ['lost', 'heron']) await flock.giveKey(bot);
    const flockd = flock.start('flockd', ['run']);
    await flockd.logged('posted', 'lost', ({ line }) => line === 2);
    endKey(flock, 'lost');
    const before = flock.postsOf('lost').length;
    const parked = await flockd.logged('parked', 'lost');
    assert.equal(parked.hint, 'keymaker reauth lost');
    assert.match(parked.msg, /keymaker reauth lost/);
    assert.ok(flock.postsOf('heron').length > before, 'the other bot goes on');

    flock.sandbox.faults.clear();
    const { code, stderr } = await reauth(flock, 'lost');
    assert.equal(code, 0, stderr);
    await flock.posted('lost', 4);
    assert.deepEqual(flock.postsOf('lost'), linesOf('lost', 4));
    const heron = flock.postsOf('heron');
    assert.deepEqual(heron, linesOf('heron', 40).slice(0, heron.length));
    await flock.assertNoSecrets();
  });

  it('keeps a parked bot parked over a restart; a reauth while it is down frees it', async () => {
    await using flock = await TestFlock.open({
      poems: { 'lost.txt': poem('lost', 3), 'heron.txt': poem('heron', 60) },
      settings: everySecond,
    });
    for (const bot of ['lost', 'heron']) await flock.giveKey(bot);
    endKey(flock, 'lost');
    const first = flock.start('flockd', ['run']);
    await first.logged('parked', 'lost');
    first.kill('SIGTERM');
    assert.equal((await first.exit).code, 0);

    const second = flock.start('flockd', ['run']);
    await second.logged('posted', 'heron');
    second.kill('SIGTERM');
    assert.equal((await second.exit).code, 0);
    assert.deepEqual(
      second.log.filter(({ bot }) => bot === 'lost').map(({ event }) => event),
      [],
    );

    flock.sandbox.faults.clear();
    assert.equal((await reauth(flock, 'lost')).code, 0);
    const third = flock.start('flockd', ['run']);
    await third.logged('freed', 'lost');
    await third.logged('posted', 'lost', ({ line }) => line === 3);
    assert.deepEqual(flock.postsOf('lost'), linesOf('lost', 3));
    await flock.assertNoSecrets();
  });

  it('posts as an account that was renamed, whichever of flock.json and bundle has the new name first', async () => {
    await using flock = await TestFlock.open({
      poems: { 'lost.txt': poem('lost', 90), 'heron.txt': poem('heron', 90) },
    });
    const write = (lost: string, heron: string) =>
      flock.write(
        'flock.json',
        JSON.stringify({ ...everySecond, bots: { lost: { account: lost }, heron: { account: heron } } }),
      );
    await write('@lost', '@heron');
    for (const bot of ['lost', 'heron']) await flock.giveKey(bot);
    const first = flock.start('flockd', ['run']);
    for (const bot of ['lost', 'heron']) await first.logged('posted', bot);
    first.kill('SIGTERM');
    await first.exit;
    flock.control('accounts/lost/rename/found');
    flock.control('accounts/heron/rename/egret');
    // One is corrected in flock.json alone, the other in its bundle alone.
    await write('@found', '@heron');
    await flock.giveKey('heron', () => flock.granted('heron', 'egret'));
    const counts = [flock.postsOf('found').length, flock.postsOf('egret').length];
    const second = flock.start('flockd', ['run']);
    await flock.posted('found', (counts[0] ?? 0) + 1);
    await flock.posted('egret', (counts[1] ?? 0) + 1);
    assert.deepEqual(
      second.log.filter(({ event }) => event === 'unfit'),
      [],
    );
    for (const [account, bot] of [
      ['found', 'lost'],
      ['egret', 'heron'],
    ] as const)
      assert.deepEqual(flock.postsOf(account), linesOf(bot, 90).slice(0, flock.postsOf(account).length));
  });

  it('does not begin as another account than flock.json names, and says so', async () => {
    await using flock = await TestFlock.open({
      poems: { 'lost.txt': poem('lost', 3), 'heron.txt': poem('heron', 3) },
      settings: { ...everySecond, bots: { lost: { account: '@found' } } },
    });
    for (const bot of ['lost', 'heron']) await flock.giveKey(bot);
    const flockd = flock.start('flockd', ['run']);
    const unfit = await flockd.logged('unfit', 'lost');
    assert.equal(unfit.msg, 'cannot post: lost: its key is for @lost, but flock.json says @found');
    await flock.posted('heron', 3);
    assert.deepEqual(flock.postsOf('lost'), []);
    const status = await flock.run('flockd', ['status', '--bot', 'lost']);
    assert.match(status.stdout.replaceAll(/\s+/g, ' '), /its key is for @lost, but flock\.json says @found/);
  });

  it('posts three poems, each in order and to its end', async () => {
    const words = ['heron', 'lantern', 'quarry'];
    await using flock = await TestFlock.open({
      poems: Object.fromEntries(words.map((word) => [`${word}.txt`, poem(word, 3)])),
      settings: everySecond,
    });
    for (const word of words) await flock.giveKey(word);
    const flockd = flock.start('flockd', ['run']);
    await Promise.all(words.map((word) => flock.posted(word, 3)));
    await Promise.all(words.map((word) => flockd.logged('posted', word, ({ line }) => line === 3)));
    flockd.kill('SIGTERM');
    assert.deepEqual(await flockd.exit, { code: 0, signal: null });
    for (const word of words) assert.deepEqual(flock.postsOf(word), linesOf(word, 3));
    for (const line of flockd.log) assert.ok(line.event, JSON.stringify(line));
    assert.equal(flockd.stderr, '');
    await flock.assertNoSecrets();
  });

  it('goes on at the next line after SIGKILL, again and again', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 6) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    for (const line of [2, 4]) {
      const killed = flock.start('flockd', ['run']);
      await killed.logged('posted', 'heron', (entry) => entry.line === line);
      killed.kill('SIGKILL');
      assert.equal((await killed.exit).signal, 'SIGKILL');
    }
    const last = flock.start('flockd', ['run']);
    await last.logged('posted', 'heron', ({ line }) => line === 6);
    last.kill('SIGTERM');
    assert.equal((await last.exit).code, 0);
    assert.deepEqual(flock.postsOf('heron'), linesOf('heron', 6));
    await flock.assertNoSecrets();
  });

  it('works with the bundles of 2014 and of its descendants', async () => {
    await using flock = await TestFlock.open({
      poems: { 'old.txt': poem('old', 1), 'elsewhere.txt': poem('descendant', 1) },
      settings: everySecond,
    });
    // As the Keymaker of 2014 wrote it: no newline at the end, keys in no special order.
    const old = flock.granted('old');
    await flock.write('keys/old.json', JSON.stringify(Object.fromEntries(Object.entries(old).reverse())));
    await flock.giveKey('descendant', ({ poem_file: _, user_id: __, ...bundle }) => {
      return { ...bundle, file: 'poems/elsewhere.txt', interval: 3600, active: true, tags: ['sea'] };
    });
    const flockd = flock.start('flockd', ['run']);
    await Promise.all([flock.posted('old', 1), flock.posted('descendant', 1)]);
    assert.deepEqual(flock.postsOf('old'), linesOf('old', 1));
    assert.deepEqual(flock.postsOf('descendant'), linesOf('descendant', 1));
    await flockd.logged('posted', 'descendant');
    await flock.assertNoSecrets();
  });

  it('lets no bad bundle, bad poem or suspended account stop the others', async () => {
    await using flock = await TestFlock.open({
      poems: {
        'cut.txt': poem('cut', 2),
        'garbled.txt': new Uint8Array([0x68, 0x69, 0x0a, 0xff, 0xfe, 0x0a]),
        'sunk.txt': poem('sunk', 2),
        'heron.txt': poem('heron', 3),
      },
      settings: everySecond,
    });
    for (const bot of ['garbled', 'sunk', 'heron', 'gone']) await flock.giveKey(bot);
    await flock.write('keys/cut.json', '{"consumer_token": "abcdefgh", "consumer_tok');
    flock.control('accounts/sunk/suspend');
    const flockd = flock.start('flockd', ['run']);
    const [cut, garbled, gone, sunk] = await Promise.all([
      flockd.logged('unfit', 'cut'),
      flockd.logged('unfit', 'garbled'),
      flockd.logged('unfit', 'gone'),
      flockd.logged('parked', 'sunk'),
      flock.posted('heron', 3),
    ]);
    assert.match(cut.msg, /keys\/cut\.json: not whole JSON/);
    assert.match(cut.hint ?? '', /keymaker make-keys .*--bot=cut/);
    assert.match(garbled.msg, /garbled\.txt:2: not valid UTF-8/);
    assert.match(gone.msg, /cannot read .*gone\.txt/);
    assert.match(sunk.msg, /suspended/i);
    assert.match(sunk.hint ?? '', /sign in to X as this account.*flockd resume sunk/);
    assert.deepEqual(flock.postsOf('heron'), linesOf('heron', 3));
    assert.deepEqual(flock.postsOf('sunk'), []);
    await flock.assertNoSecrets();
  });

  it('takes up a bundle that is added and lets go of one that is removed', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 60), 'late.txt': poem('late', 2) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    const flockd = flock.start('flockd', ['run']);
    await flockd.logged('posted', 'heron');
    await flock.giveKey('late');
    await flock.posted('late', 2);
    assert.deepEqual(flock.postsOf('late'), linesOf('late', 2));
    await rm(flock.file('keys/heron.json'));
    await flockd.logged('gone', 'heron');
    flockd.kill('SIGTERM');
    assert.equal((await flockd.exit).code, 0);
  });

  it('follows an edit of the poem while it is in the middle of it', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 5) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    const flockd = flock.start('flockd', ['run']);
    await flockd.logged('posted', 'heron', ({ line }) => line === 2);
    const edited = ['a new first line', ...linesOf('heron', 4), 'a new last line'];
    await flock.write('poems/heron.txt', `${edited.join('\n')}\n`);
    await flockd.logged('edited', 'heron');
    await flock.posted('heron', 5);
    assert.deepEqual(flock.postsOf('heron'), [...linesOf('heron', 4), 'a new last line']);
  });

  it('waits for the reset that a 429 names, and loses no line', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 3) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    const flockd = flock.start('flockd', ['run']);
    await flockd.logged('posted', 'heron');
    const reset = Math.ceil(Date.now() / 1000) + 3;
    flock.x.sandbox.faults.add({
      match: { method: 'POST', path: '/2/tweets' },
      times: 1,
      fault: {
        kind: 'status',
        status: 429,
        headers: {
          'x-rate-limit-limit': '100',
          'x-rate-limit-remaining': '0',
          'x-rate-limit-reset': String(reset),
        },
      },
    });
    const refused = await flockd.logged('refused', 'heron');
    assert.match(refused.msg, /429/);
    await flock.posted('heron', 3);
    assert.deepEqual(flock.postsOf('heron'), linesOf('heron', 3));
    const [, second] = flock.x.sandbox.world.posts;
    assert.ok((second?.instant ?? 0) >= reset * 1000, 'posted before the reset');
  });

  it('tries again where the server is not there, and loses no line', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 2) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    const flockd = flock.start('flockd', ['run'], { env: { KEYMAKER_API_URL: 'http://127.0.0.1:1' } });
    const unknown = await flockd.logged('clock-unknown');
    assert.match(unknown.msg, /cannot reach 127\.0\.0\.1:1 \(ECONNREFUSED\)/);
    flockd.kill('SIGTERM');
    assert.equal((await flockd.exit).code, 0);
    const again = flock.start('flockd', ['run']);
    await again.logged('posted', 'heron', ({ line }) => line === 2);
    assert.deepEqual(flock.postsOf('heron'), linesOf('heron', 2));
  });
});

/** Revokes a bot's key, and lets X say so by its name, which a mere 401 does not. */
function endKey(flock: TestFlock, account: string): void {
  flock.control(`accounts/${account}/revoke`);
  const body = { errors: [{ code: 89, message: 'Invalid or expired token.' }] };
  flock.x.sandbox.faults.add({
    match: { account, path: '/2/*' },
    fault: { kind: 'status', status: 401, body },
  });
}

/** Authorizes a bot again as its owner would. */
async function reauth(flock: TestFlock, bot: string): Promise<{ code: number | null; stderr: string }> {
  const keymaker = flock.start('keymaker', ['reauth', bot]);
  const [link] = await keymaker.lineMatching(/http\S+/);
  keymaker.answer(await authorizeAs(link.trim(), bot));
  const { code } = await keymaker.exit;
  return { code, stderr: keymaker.stderr };
}
