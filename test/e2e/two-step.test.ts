import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { authorizeAs, TestFlock } from '../support/flock.ts';

const poems = { 'amber.txt': 'Amber keeps the gnat\n', 'birch.txt': 'Birch writes white on white\n' };
const begun = z.object({
  bot: z.string(),
  link: z.url(),
  next_step: z.string(),
  account: z.string().nullable(),
  expires: z.iso.datetime(),
});

async function begin(flock: TestFlock, bot = 'amber') {
  const run = await flock.run('keymaker', ['begin', bot, '--json']);
  assert.equal(run.code, 0, run.stderr);
  return begun.parse(JSON.parse(run.stdout));
}

describe('keymaker begin and finish', { concurrency: 4 }, () => {
  it('print a link and take its PIN later, with nobody at the terminal', async () => {
    await using flock = await TestFlock.open({ poems });
    const { bot, link, next_step, expires } = await begin(flock);
    assert.deepEqual([bot, next_step], ['amber', 'keymaker finish amber']);
    const left = Date.parse(expires) - Date.now();
    assert.ok(left > 10 * 60_000 && left <= 15 * 60_000);
    assert.equal((await stat(flock.file('keys/.amber.pending'))).mode & 0o777, 0o600);
    const done = await flock.run('keymaker', ['finish', 'amber'], {
      input: [await authorizeAs(link, 'amber')],
    });
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /amber is @amber \(id \d+\): keys\/amber\.json/);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber'));
    assert.deepEqual(await readdir(flock.file('keys')), ['amber.json']);
    await flock.assertNoSecrets();
  });

  it('say the same to people', async () => {
    await using flock = await TestFlock.open({ poems });
    const run = await flock.run('keymaker', ['begin', 'amber']);
    assert.match(
      run.stdout,
      /^Open this link, .*\n\nhttp\S+\n\nThen, within 15 minutes: keymaker finish amber\n.*--account NAME answers\.\n$/,
    );
  });

  it('leave the poem, the account and the place of an old bundle as they are', async () => {
    await using flock = await TestFlock.open({ poems: { ...poems, 'other/gnat.txt': 'Zzz\n' } });
    await flock.giveKey('amber', (bundle) => ({ ...bundle, poem_file: 'poems/other/gnat.txt' }));
    const { link } = await begin(flock);
    const wrong = await flock.run('keymaker', ['finish', 'amber'], {
      input: [await authorizeAs(link, 'birch')],
    });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /you authorized @birch .*, but this bot is @amber; nothing was changed/);
    const again = await begin(flock);
    const done = await flock.run('keymaker', ['finish', 'amber'], {
      input: [await authorizeAs(again.link, 'amber')],
    });
    assert.equal(done.code, 0);
    assert.equal((await flock.bundle('amber'))['poem_file'], 'poems/other/gnat.txt');
  });

  it('store no key of an account that nobody has named, and take a name, a flag or a word for it', async () => {
    await using flock = await TestFlock.open({ poems });
    const finish = async (flags: string[], ...answers: string[]) => {
      const { link, account } = await begin(flock);
      assert.equal(account, null);
      const pin = await authorizeAs(link, 'amber_reads');
      return flock.run('keymaker', ['finish', 'amber', ...flags], { input: [pin, ...answers] });
    };
    const unasked = await finish([]);
    assert.equal(unasked.code, 64);
    assert.match(
      unasked.stderr,
      /no answer to "Is @amber_reads the account of amber\? \(y\/n\)".*\nhint: begin again: keymaker begin amber, then: keymaker finish amber --account NAME\n/,
    );
    const other = await finish(['--account', '@birch']);
    assert.equal(other.code, 1);
    assert.match(other.stderr, /you authorized @amber_reads .*, but this bot is @birch; nothing was changed/);
    assert.deepEqual(await readdir(flock.file('keys')), []);
    for (const [flags, ...answers] of [[['--account', 'Amber_Reads']], [['--yes']], [[], 'y']] as const) {
      const done = await finish([...flags], ...answers);
      assert.equal(done.code, 0, done.stderr);
      assert.deepEqual(await flock.bundle('amber'), flock.granted('amber', 'amber_reads'));
      await rm(flock.file('keys/amber.json'));
    }
  });

  it('go on with a new link after a no', async () => {
    await using flock = await TestFlock.open({ poems });
    const { link } = await begin(flock);
    const keymaker = flock.start('keymaker', ['finish', 'amber']);
    keymaker.answer(await authorizeAs(link, 'somebody_else'));
    await keymaker.lineMatching(/Is @somebody_else the account of amber\? \(y\/n\)/);
    keymaker.answer('n');
    const { 0: fresh } = await keymaker.matching(/^http\S+(?=\n)/m);
    assert.match(
      keymaker.stderr,
      /amber: you said that @somebody_else is not its account; nothing was changed\n/,
    );
    assert.notEqual(fresh, link);
    assert.deepEqual(await readdir(flock.file('keys')), ['.amber.pending']);
    keymaker.endInput();
    assert.equal((await keymaker.exit).code, 64);
    const done = await flock.run('keymaker', ['finish', 'amber'], {
      input: [await authorizeAs(fresh, 'amber')],
    });
    assert.equal(done.code, 0, done.stderr);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber'));
    assert.deepEqual(await readdir(flock.file('keys')), ['amber.json']);
  });

  it('do not take another account than flock.json names', async () => {
    await using flock = await TestFlock.open({
      poems,
      settings: { bots: { amber: { account: '@amber_reads' } } },
    });
    const { link, account } = await begin(flock);
    assert.equal(account, 'amber_reads');
    const pin = await authorizeAs(link, 'amber');
    const given = await flock.run('keymaker', ['finish', 'amber', '--account', 'amber'], { input: [pin] });
    assert.equal(given.code, 64);
    assert.match(given.stderr, /flock\.json says that amber is @amber_reads, not @amber\n/);
    const both = await flock.run('keymaker', ['finish', 'amber', '--account', 'amber', '--yes']);
    assert.equal(both.code, 64);
    const wrong = await flock.run('keymaker', ['finish', 'amber', '--yes'], { input: [pin] });
    assert.equal(wrong.code, 1);
    assert.match(
      wrong.stderr,
      /this bot is @amber_reads; nothing was changed\nhint: .*begin again: keymaker begin amber, and sign in as @amber_reads\n/,
    );
    assert.deepEqual(await readdir(flock.file('keys')), []);
  });

  it('need a new link after a wrong PIN', async () => {
    await using flock = await TestFlock.open({ poems });
    const { link } = await begin(flock);
    const pin = await authorizeAs(link, 'amber');
    const wrong = await flock.run('keymaker', ['finish', 'amber'], {
      input: [pin === '1234567' ? '7654321' : '1234567'],
    });
    assert.equal(wrong.code, 75);
    assert.match(wrong.stderr, /refused the PIN.*\nhint: begin again: keymaker begin amber/);
    const late = await flock.run('keymaker', ['finish', 'amber'], { input: [pin] });
    assert.equal(late.code, 64);
    assert.match(late.stderr, /nothing was begun for amber\nhint: begin again: keymaker begin amber/);
    assert.deepEqual(await readdir(flock.file('keys')), []);
  });

  it('keep the link where what is typed is no PIN at all', async () => {
    await using flock = await TestFlock.open({ poems });
    const { link } = await begin(flock);
    const pin = await authorizeAs(link, 'amber');
    for (const input of [['no pin'], []])
      assert.equal((await flock.run('keymaker', ['finish', 'amber'], { input })).code, 64);
    assert.equal((await flock.run('keymaker', ['finish', 'amber'], { input: [pin] })).code, 0);
  });

  it('say so where the link is too old, or what is pending cannot be read', async () => {
    await using flock = await TestFlock.open({ poems });
    await begin(flock);
    const file = flock.file('keys/.amber.pending');
    const pending = await readFile(file, 'utf8');
    await writeFile(file, pending.replace(/"expires":"[^"]*"/, '"expires":"2020-01-01T00:00:00.000Z"'));
    const late = await flock.run('keymaker', ['finish', 'amber'], { input: ['1234567'] });
    assert.equal(late.code, 75);
    assert.match(late.stderr, /older than 15 minutes/);
    for (const damaged of ['', '{', pending.slice(0, 40), '[]', 'null', pending.replace('provider', 'x')]) {
      await writeFile(file, damaged);
      const run = await flock.run('keymaker', ['finish', 'amber'], { input: ['1234567'] });
      assert.equal(run.code, 64);
      assert.match(run.stderr, /nothing was begun/);
    }
  });

  it('do not begin what has no poem, or cannot be done without a browser', async () => {
    await using flock = await TestFlock.open({ poems });
    const unknown = await flock.run('keymaker', ['begin', 'ambre']);
    assert.equal(unknown.code, 64);
    assert.match(unknown.stderr, /did you mean amber\?/);
    const tumblr = await flock.run('keymaker', ['begin', 'amber', '--provider', 'tumblr']);
    assert.equal(tumblr.code, 64);
    assert.match(
      tumblr.stderr,
      /through the browser only\nhint: keymaker make-keys .*--provider tumblr --callback/,
    );
  });

  it('and make-keys goes on with a flock that is half done', async () => {
    await using flock = await TestFlock.open({ poems });
    const { link } = await begin(flock);
    await flock.run('keymaker', ['finish', 'amber'], { input: [await authorizeAs(link, 'amber')] });
    const rest = await flock.run('keymaker', ['make-keys', 'poems'], { input: ['n'] });
    assert.match(rest.stdout, /amber has a key for @amber; --force makes another\.\n/);
    assert.match(rest.stdout, /Keys: 0 made, 1 kept, 1 skipped, 0 failed\./);
  });
});
