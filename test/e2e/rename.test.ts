import assert from 'node:assert/strict';
import { readdir, rename, rm } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { everySecond, linesOf, poem, TestFlock } from '../support/flock.ts';

const poems = { 'heron.txt': poem('heron', 60), 'tide.txt': poem('tide', 60) };

async function open(settings: object = everySecond): Promise<TestFlock> {
  const flock = await TestFlock.open({ poems, settings });
  await flock.giveKey('heron');
  return flock;
}

/** Lets the flock post so many lines of a bot, and stops it. */
async function post(flock: TestFlock, count: number): Promise<void> {
  const flockd = flock.start('flockd', ['run']);
  await flock.posted('heron', count);
  flockd.kill();
  assert.equal((await flockd.exit).code, 0);
}

/** Every post so far is the next line of the one poem. */
const assertInOrder = (flock: TestFlock): void => {
  const texts = flock.postsOf('heron');
  assert.deepEqual(texts, linesOf('heron', texts.length));
};

const names = async (flock: TestFlock): Promise<string[]> => (await readdir(flock.file('keys'))).sort();

describe('flockd rename', { concurrency: 4 }, () => {
  it('keeps the place of a bot whose poem has a new name, its history and its key', async () => {
    await using flock = await open();
    await post(flock, 2);
    await rename(flock.file('poems/heron.txt'), flock.file('poems/egret.txt'));
    const { code, stdout, stderr } = await flock.run('flockd', ['rename', 'heron', 'egret']);
    const next = flock.postsOf('heron').length + 1;
    assert.deepEqual(
      [code, stdout, stderr],
      [0, `heron is egret now and goes on at line ${next} of 60.\nIt reads poems/egret.txt now.\n`, ''],
    );
    assert.deepEqual(await names(flock), ['egret.json']);
    assert.equal((await flock.bundle('egret'))['poem_file'], 'poems/egret.txt');
    const again = await flock.run('flockd', ['rename', 'heron', 'egret']);
    assert.deepEqual([again.code, again.stderr], [0, '']);
    assert.match(again.stdout, /^egret is what heron was before .*\.$/m);
    await post(flock, next);
    assertInOrder(flock);
    const { stdout: exported } = await flock.run('flockd', ['export']);
    assert.ok(!exported.includes('"bot":"heron"') && exported.includes('"bot":"egret"'), exported);
  });

  it('does so while flockd runs, which posts on without a word of trouble', async () => {
    await using flock = await open();
    const flockd = flock.start('flockd', ['run']);
    await flock.posted('heron', 2);
    const { code, stdout, stderr } = await flock.run('flockd', ['rename', 'heron', 'egret']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(
      stdout,
      /^hint: mv poems\/heron\.txt poems\/egret\.txt, then flockd rename heron egret once more$/m,
    );
    await flockd.logged('renamed', 'egret');
    await flockd.logged('posted', 'egret');
    const count = flock.postsOf('heron').length;
    // What it said is to be done next.
    await rename(flock.file('poems/heron.txt'), flock.file('poems/egret.txt'));
    const again = await flock.run('flockd', ['rename', 'heron', 'egret']);
    assert.equal(again.code, 0, again.stderr);
    await flock.posted('heron', count + 2);
    flockd.kill();
    assert.equal((await flockd.exit).code, 0);
    assertInOrder(flock);
    assert.equal(flockd.log.filter(({ event }) => event === 'begun').length, 1);
    const troubles = flockd.log.filter(({ event }) => ['gone', 'parked', 'in-doubt'].includes(event));
    assert.deepEqual(troubles, []);
    await flock.assertNoSecrets();
  });

  it('that is cut off after the ledger lets nobody post, and is completed by the same once more', async () => {
    await using flock = await open();
    await flock.giveKey('tide');
    await post(flock, 2);
    await flock.run('flockd', ['rename', 'heron', 'egret']);
    await rename(flock.file('keys/egret.json'), flock.file('keys/heron.json'));
    const before = flock.postsOf('heron').length;
    const flockd = flock.start('flockd', ['run']);
    const unfit = await flockd.logged('unfit', 'heron');
    assert.match(unfit.msg, /heron was renamed to egret, but its key bundle still has the old name/);
    assert.equal(unfit.hint, 'flockd rename heron egret renames that, too');
    await flock.posted('tide', flock.postsOf('tide').length + 2);
    assert.equal(flock.postsOf('heron').length, before);
    const status = await flock.run('flockd', ['status']);
    assert.match(status.stdout, /heron was renamed to egret/);
    const now = await flock.run('flockd', ['post', 'heron']);
    assert.match(now.stderr, /heron was renamed to egret/);
    const again = await flock.run('flockd', ['rename', 'heron', 'egret']);
    assert.equal(again.code, 0, again.stderr);
    await flock.posted('heron', before + 1);
    flockd.kill();
    await flockd.exit;
    assertInOrder(flock);
  });

  it('keeps the place of a bot whose key has the new name already', async () => {
    await using flock = await open();
    await post(flock, 2);
    await rename(flock.file('keys/heron.json'), flock.file('keys/egret.json'));
    const again = await flock.run('flockd', ['rename', 'heron', 'egret']);
    assert.equal(again.code, 0, again.stderr);
    await post(flock, flock.postsOf('heron').length + 1);
    assertInOrder(flock);
  });

  it('renames an encrypted bundle, with or without its identity', async () => {
    await using flock = await open();
    const env = { KEYMAKER_IDENTITY_FILE: 'flock.identity' };
    await flock.run('keymaker', ['encrypt', '--new-identity', 'flock.identity']);
    assert.equal((await flock.run('keymaker', ['encrypt'], { env })).code, 0);
    const blind = await flock.run('flockd', ['rename', 'heron', 'egret']);
    assert.equal(blind.code, 0);
    assert.match(
      blind.stderr,
      /heron\.json\.age: it is encrypted.*: whether its poem has moved is not known/,
    );
    await rename(flock.file('poems/heron.txt'), flock.file('poems/egret.txt'));
    assert.equal((await flock.run('flockd', ['rename', 'egret', 'rain'], { env })).code, 0);
    assert.deepEqual(await names(flock), ['rain.json.age']);
  });

  it('refuses what is not to be, and changes nothing then', async () => {
    await using flock = await open({ ...everySecond, bots: { tide: { paused: true } } });
    await post(flock, 1);
    await flock.giveKey('tide');
    const cases: [from: string, to: string, code: number, message: RegExp][] = [
      ['heron', 'heron', 64, /heron has that name/],
      ['heron', 'Not a name!', 64, /is not the name of a bot/],
      ['heorn', 'egret', 64, /heorn is not in the flock\nhint: did you mean heron\?/],
      ['tide', 'heron', 64, /that is a bot with a place of its own/],
      ['heron', 'tide', 64, /both have a key bundle/],
      ['tide', 'ebb', 78, /flock\.json has settings for tide, and none for ebb\nhint: copy them under "ebb"/],
    ];
    for (const [from, to, code, message] of cases) {
      const run = await flock.run('flockd', ['rename', from, to]);
      assert.deepEqual([run.code, run.stdout], [code, ''], run.stderr);
      assert.match(run.stderr, message);
    }
    // The key of another account has the name that the bot is to get.
    await rename(flock.file('keys/tide.json'), flock.file('keys/egret.json'));
    await rm(flock.file('keys/heron.json'));
    const other = await flock.run('flockd', ['rename', 'heron', 'egret']);
    assert.match(other.stderr, /egret\.json is the key of another account/);
    assert.deepEqual(await names(flock), ['egret.json']);
  });

  it('leaves old settings to the owner, and says so', async () => {
    await using flock = await open({
      ...everySecond,
      bots: { heron: { atEnd: 'stop' }, egret: { atEnd: 'stop' } },
    });
    const { code, stdout } = await flock.run('flockd', ['rename', 'heron', 'egret']);
    assert.equal(code, 0);
    assert.match(stdout, /^flock\.json still has settings for heron, which can go\.$/m);
  });
});
