import assert from 'node:assert/strict';
import { chmod, chown, mkdir, readdir, rename, stat, symlink } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { everySecond, poem, TestFlock } from '../support/flock.ts';

const poems = { 'howl.txt': poem('howl', 2), 'prowl.txt': poem('prowl', 2) };

async function openFlock(): Promise<TestFlock> {
  const flock = await TestFlock.open({ poems, settings: everySecond });
  for (const bot of ['howl', 'prowl']) await flock.giveKey(bot);
  return flock;
}

/** That a call of keymaker ends with 77, what it says, and that it changes nothing. */
async function assertRefused(flock: TestFlock, call: string[], said: RegExp, env = {}): Promise<void> {
  const before = await readdir(flock.root, { recursive: true });
  const { code, stderr } = await flock.run('keymaker', call, { env });
  assert.equal(code, 77, `${call.join(' ')}: ${stderr}`);
  assert.match(stderr, said, call.join(' '));
  assert.deepEqual(await readdir(flock.root, { recursive: true }), before);
}

const needKey = [
  ['reauth', 'howl'],
  ['revoke', 'howl', '--yes'],
  ['make-keys', 'poems', '--bot', 'howl'],
  ['begin', 'howl'],
  ['encrypt', '--bot', 'howl', '--recipient', 'age1'],
];

describe('a secret that others can get at', { concurrency: 4 }, () => {
  it('stops its own bot, with the repair, and what needs it ends with 77', async () => {
    await using flock = await openFlock();
    const file = flock.file('keys/howl.json');
    await chmod(file, 0o644);
    const flockd = flock.start('flockd', ['run']);
    const unfit = await flockd.logged('unfit', 'howl');
    assert.match(unfit.msg, /keys\/howl\.json: open to others \(mode 644\)/);
    assert.equal(unfit.hint, `chmod 600 ${file}`);
    await flock.posted('prowl', 2);
    flockd.kill();
    await flockd.exit;
    assert.deepEqual(flock.postsOf('howl'), []);
    for (const call of needKey)
      await assertRefused(
        flock,
        call,
        /howl\.json: open to others \(mode 644\)[^]*hint: chmod 600 \/.*howl\.json/,
      );
    assert.equal((await stat(file)).mode & 0o777, 0o644, 'nobody but its owner mends it');
    await chmod(flock.file('keys/prowl.json'), 0o660);
    const alone = await flock.run('flockd', ['run']);
    assert.equal(alone.code, 77, alone.stderr);
    assert.match(alone.stderr, /no bot can post: .*howl\.json: open to others .*and 1 bot more/);
  });

  it('is a link, too, and a file of somebody else', async () => {
    await using flock = await openFlock();
    await rename(flock.file('keys/howl.json'), flock.file('elsewhere.json'));
    await symlink('../elsewhere.json', flock.file('keys/howl.json'));
    for (const call of needKey)
      await assertRefused(flock, call, /howl\.json: is a symbolic link[^]*hint: .*cp --remove/);
    if (process.getuid?.() !== 0) return;
    await chown(flock.file('keys/prowl.json'), 1001, 1001);
    await assertRefused(
      flock,
      ['reauth', 'prowl'],
      /prowl\.json: belongs to another user \(uid 1001\)\nhint: .*chown 0 /,
    );
  });

  it('is a keys folder, before anything in it is read', async () => {
    await using flock = await openFlock();
    await chmod(flock.file('keys'), 0o777);
    for (const call of [['list'], ['reauth', 'howl'], ['revoke', 'howl', '--yes']])
      await assertRefused(flock, call, /keys: open to others \(mode 777\)\nhint: chmod 700 \/.*keys/);
    assert.equal((await flock.run('flockd', ['run'])).code, 77);
    const doctor = await flock.run('keymaker', ['doctor', '--offline']);
    assert.match(doctor.stdout, /bad +keys: open to others \(mode 777\)\nhint: chmod 700 keys\n/);
    assert.equal(doctor.stdout.match(/open to others/g)?.length, 1);
  });

  it('is a file of app keys', async () => {
    await using flock = await openFlock();
    const none = { CONSUMER_TOKEN: '', CONSUMER_TOKEN_SECRET: '' };
    const call = ['make-keys', 'poems', '--all'];
    await flock.write('apikeys.json', '{"consumer_token":"hush","consumer_token_secret":"hush"}');
    await chmod(flock.file('apikeys.json'), 0o640);
    await assertRefused(flock, call, /apikeys\.json: open to others \(mode 640\)\nhint: chmod 600 /, none);
    const doctor = await flock.run('keymaker', ['doctor', '--offline'], { env: none });
    assert.match(
      doctor.stdout,
      /bad +apikeys\.json: open to others \(mode 640\)\nhint: chmod 600 apikeys\.json/,
    );
    await flock.write('secret', 'hush\n');
    await chmod(flock.file('secret'), 0o604);
    const env = { CONSUMER_TOKEN_SECRET: '', CONSUMER_TOKEN_SECRET_FILE: 'secret' };
    await assertRefused(flock, call, /secret: open to others \(mode 604\)\nhint: chmod 600 secret/, env);
    const pipe = { ...env, CONSUMER_TOKEN_SECRET_FILE: '/dev/tty' };
    assert.equal((await flock.run('keymaker', call, { env: pipe })).code === 0, false);
  });

  it('is an identity', async () => {
    await using flock = await openFlock();
    await flock.run('keymaker', ['encrypt', '--new-identity', 'id']);
    await chmod(flock.file('id'), 0o644);
    await assertRefused(
      flock,
      ['encrypt', '--identity', 'id'],
      /id: open to others \(mode 644\)\nhint: chmod 600 /,
    );
  });

  it('is none where a server has it for a group', { skip: process.getuid?.() !== 0 }, async () => {
    await using flock = await openFlock();
    await mkdir(flock.file('etc'));
    await chown(flock.file('etc'), 0, 50);
    await chmod(flock.file('etc'), 0o750);
    for (const bot of ['howl', 'prowl']) {
      await rename(flock.file(`keys/${bot}.json`), flock.file(`etc/${bot}.json`));
      await chown(flock.file(`etc/${bot}.json`), 0, 50);
      await chmod(flock.file(`etc/${bot}.json`), 0o640);
    }
    assert.equal((await flock.run('keymaker', ['list', '--keys', 'etc'])).code, 0);
    const doctor = await flock.run('keymaker', ['doctor', '--offline', '--all', '--keys', 'etc']);
    assert.equal(doctor.code, 0, doctor.stdout);
    assert.match(doctor.stdout, /ok +etc: mode 750\n/);
    assert.match(doctor.stdout, /ok +howl: mode 640\n/);
  });
});
