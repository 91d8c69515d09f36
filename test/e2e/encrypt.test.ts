import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { authorizeAs, everySecond, linesOf, poem, TestFlock } from '../support/flock.ts';

const poems = { 'howl.txt': poem('howl', 2), 'prowl.txt': poem('prowl', 2) };
const known = { KEYMAKER_IDENTITY_FILE: 'flock.identity' };

/** A flock of howl and prowl, with keys and an identity. */
async function openFlock(): Promise<TestFlock> {
  const flock = await TestFlock.open({ poems, settings: everySecond });
  for (const bot of ['howl', 'prowl']) await flock.giveKey(bot);
  const made = await flock.run('keymaker', ['encrypt', '--new-identity', 'flock.identity']);
  assert.equal(made.code, 0, made.stderr);
  return flock;
}

const names = async (flock: TestFlock): Promise<string[]> => (await readdir(flock.file('keys'))).sort();

const encryptAll = (flock: TestFlock) => flock.run('keymaker', ['encrypt', '--identity', 'flock.identity']);

describe('keymaker encrypt', { concurrency: 4 }, () => {
  it('encrypts every bundle to an identity, and flockd posts with it as before', async () => {
    await using flock = await openFlock();
    assert.equal((await stat(flock.file('flock.identity'))).mode & 0o777, 0o600);
    const secrets = Object.values(flock.granted('howl')).slice(0, 4);
    const run = await encryptAll(flock);
    assert.equal(run.code, 0, run.stderr);
    assert.match(
      run.stdout,
      /^howl: keys\/howl\.json\.age\nprowl: keys\/prowl\.json\.age\nKeys: 2 encrypted, 0 .*0 failed\.\n$/,
    );
    assert.deepEqual(await names(flock), ['howl.json.age', 'prowl.json.age']);
    for (const name of await names(flock)) {
      const bytes = await readFile(flock.file('keys', name));
      for (const secret of secrets) assert.ok(!bytes.includes(secret));
    }
    const flockd = flock.start('flockd', ['run'], { env: known });
    await Promise.all([flock.posted('howl', 2), flock.posted('prowl', 2)]);
    flockd.kill();
    assert.equal((await flockd.exit).code, 0);
    assert.deepEqual(flock.postsOf('howl'), linesOf('howl', 2));
    for (const secret of secrets) assert.ok(!`${flockd.stdout}${flockd.stderr}`.includes(secret));
  });

  it('makes every program ask for the identity, by the name of the bundle', async () => {
    await using flock = await openFlock();
    await encryptAll(flock);
    const hint = /hint: .*KEYMAKER_IDENTITY_FILE/;
    for (const [program, ...args] of [
      ['keymaker', 'reauth', 'howl'],
      ['keymaker', 'revoke', 'howl', '--yes'],
      ['keymaker', 'make-keys', 'poems', '--bot', 'howl', '--force'],
      ['keymaker', 'begin', 'howl'],
    ] as const) {
      const { code, stderr } = await flock.run(program, args);
      assert.equal(code, 78, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, /keys\/howl\.json\.age: it is encrypted, and no identity is known/);
      assert.match(stderr, hint);
    }
    const flockd = await flock.run('flockd', ['run']);
    assert.notEqual(flockd.code, 0);
    assert.match(flockd.stderr, /howl\.json\.age: it is encrypted/);
    assert.match((await flock.run('keymaker', ['list'])).stdout, /<bot>\.json\.age: it is encrypted/);
    assert.equal((await flock.run('keymaker', ['list'], { env: known })).code, 0);
    const doctor = await flock.run('keymaker', ['doctor', '--offline'], { env: known });
    assert.equal(doctor.code, 0, doctor.stdout);
    assert.match(doctor.stdout, /ok +howl and prowl: all \d checks/);
    assert.deepEqual(await names(flock), ['howl.json.age', 'prowl.json.age']);
  });

  it('is kept up by what makes new keys: nothing plain is written', async () => {
    await using flock = await openFlock();
    await encryptAll(flock);
    const before = await readFile(flock.file('keys/howl.json.age'));
    for (const call of [
      ['reauth', 'howl'],
      ['make-keys', 'poems', '--bot', 'howl', '--force'],
    ]) {
      const keymaker = flock.start('keymaker', call, { env: known });
      const { 0: link } = await keymaker.matching(/^http\S+/m);
      keymaker.answer(await authorizeAs(link, 'howl'));
      assert.equal((await keymaker.exit).code, 0, keymaker.stderr);
      assert.match(keymaker.stdout, /keys\/howl\.json\.age/);
      assert.deepEqual(await names(flock), ['howl.json.age', 'prowl.json.age']);
    }
    const begun = await flock.run('keymaker', ['begin', 'howl', '--json'], { env: known });
    const { link } = JSON.parse(begun.stdout) as { link: string };
    const finished = await flock.run('keymaker', ['finish', 'howl'], {
      env: known,
      input: [await authorizeAs(link, 'howl')],
    });
    assert.equal(finished.code, 0, finished.stderr);
    await flock.write('old/howl.json', JSON.stringify(flock.granted('howl')));
    const imported = await flock.run('keymaker', ['import', 'old/howl.json', '--force'], { env: known });
    assert.equal(imported.code, 0, imported.stderr);
    assert.deepEqual(await names(flock), ['howl.json.age', 'prowl.json.age']);
    assert.notDeepEqual(await readFile(flock.file('keys/howl.json.age')), before);

    const back = await flock.run('keymaker', ['encrypt', '--decrypt'], { env: known });
    assert.equal(back.code, 0, back.stderr);
    assert.deepEqual(await names(flock), ['howl.json', 'prowl.json']);
    assert.equal((await stat(flock.file('keys/howl.json'))).mode & 0o777, 0o600);
    assert.deepEqual(await flock.bundle('howl'), flock.granted('howl'));
  });

  it('does what it can, and says of each bot what it could not', async () => {
    await using flock = await openFlock();
    await flock.write('keys/cut.json', '{"consumer_token": "abcdefgh", "cons');
    const run = await encryptAll(flock);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /cut\.json: not whole JSON/);
    assert.match(run.stdout, /Keys: 2 encrypted, 0 encrypted before, 1 failed\./);
    const again = await flock.run('keymaker', ['encrypt', '--bot', 'howl'], { env: known });
    assert.deepEqual([again.code, again.stdout], [0, 'Keys: 0 encrypted, 1 encrypted before, 0 failed.\n']);
    assert.deepEqual(await names(flock), ['cut.json', 'howl.json.age', 'prowl.json.age']);
  });
});

describe('bundles among the credentials of systemd', { concurrency: 4 }, () => {
  it('are read by every program, and written by none', async () => {
    await using flock = await TestFlock.open({ poems, settings: everySecond });
    for (const bot of ['howl', 'prowl'])
      await flock.write(`credentials/keys_${bot}.json`, JSON.stringify(flock.granted(bot)));
    const env = { CREDENTIALS_DIRECTORY: flock.file('credentials') };
    const listed = await flock.run('keymaker', ['list', '--json'], { env });
    assert.match(listed.stdout, /"bot": "howl",\n.*keys_howl\.json"/);
    const flockd = flock.start('flockd', ['run'], { env });
    await Promise.all([flock.posted('howl', 2), flock.posted('prowl', 2)]);
    flockd.kill();
    assert.equal((await flockd.exit).code, 0);
    for (const call of [
      ['reauth', 'howl'],
      ['revoke', 'howl', '--yes'],
      ['make-keys', 'poems', '--all', '--force'],
      ['begin', 'howl'],
      ['encrypt', '--recipient', 'age1'],
    ]) {
      const { code, stderr } = await flock.run('keymaker', call, { env });
      assert.equal(code, 73, `${call.join(' ')}: ${stderr}`);
      assert.match(stderr, /credentials of systemd are read-only\nhint: .*LoadCredential=/);
    }
    assert.deepEqual(await readdir(flock.file('credentials')), ['keys_howl.json', 'keys_prowl.json']);
    assert.equal(
      flock.x.sandbox.world.accessToken(flock.granted('howl')['oauth_token'] ?? '')?.revoked,
      false,
    );
  });
});

describe('keymaker encrypt beside a flockd that runs', { concurrency: 4 }, () => {
  const slow = {
    poems: { 'howl.txt': poem('howl', 60), 'prowl.txt': poem('prowl', 60) },
    settings: everySecond,
  };

  async function openSlow(): Promise<TestFlock> {
    const flock = await TestFlock.open(slow);
    for (const bot of ['howl', 'prowl']) await flock.giveKey(bot);
    await flock.run('keymaker', ['encrypt', '--new-identity', 'flock.identity']);
    return flock;
  }

  it('writes nothing where that could not open the bundles again, and says what to do first', async () => {
    await using flock = await openSlow();
    const flockd = flock.start('flockd', ['run']);
    await flockd.logged('posted', 'howl');
    const { code, stdout, stderr } = await encryptAll(flock);
    assert.deepEqual([code, stdout], [78, '']);
    assert.match(
      stderr,
      /^keymaker: flockd runs on this flock and has no identity that decrypts them: after a restart/,
    );
    assert.match(stderr, /^hint: restart it with KEYMAKER_IDENTITY_FILE=\S*\/flock\.identity first/m);
    assert.deepEqual(await names(flock), ['howl.json', 'prowl.json']);
    // On a terminal it asks.
    const asked = flock.start('keymaker', ['encrypt', '--identity', 'flock.identity'], { columns: 200 });
    await asked.matching(/Encrypt them all the same\? \(y\/n\)/);
    asked.answer('n');
    await asked.matching(/Nothing was encrypted\./);
    assert.equal((await asked.exit).code, 0);
    assert.deepEqual(await names(flock), ['howl.json', 'prowl.json']);
  });

  it('asks nothing where that has the identity, or there is none that runs', async () => {
    await using flock = await openSlow();
    const flockd = flock.start('flockd', ['run'], { env: known });
    await flockd.logged('posted', 'howl');
    assert.equal((await encryptAll(flock)).code, 0);
    flockd.kill();
    await flockd.exit;
    const back = ['encrypt', '--decrypt', '--identity', 'flock.identity'];
    assert.equal((await flock.run('keymaker', back)).code, 0);
    assert.equal((await encryptAll(flock)).code, 0);
  });

  it('stops no bot: each posts with the key in memory, says so, and rests once its bundle is gone', async () => {
    await using flock = await openSlow();
    const flockd = flock.start('flockd', ['run', '--listen', '127.0.0.1:0']);
    await flockd.logged('posted', 'prowl');
    const encrypted = await flock.run('keymaker', ['encrypt', '--identity', 'flock.identity', '--yes']);
    assert.equal(encrypted.code, 0, encrypted.stderr);
    const warned = await flockd.logged('unopened', 'howl');
    assert.match(
      warned.msg,
      /posts with the key in memory, and not after a restart \(\S+howl\.json(?:\.age: it is encrypted| and .* are both there)/,
    );
    const before = flock.postsOf('howl').length;
    await flock.posted('howl', before + 2);
    const status = await flock.run('flockd', ['status']);
    assert.match(
      status.stdout,
      /it is encrypted.*; where flockd had read it before, it posts until a restart/,
    );
    // It is told once, however often the files are read.
    assert.equal((await flock.run('flockd', ['reload'])).code, 0);
    assert.equal(flockd.log.filter(({ event, bot }) => event === 'unopened' && bot === 'howl').length, 1);
    assert.equal(flockd.log.filter(({ event }) => event === 'unfit').length, 0);
    await rm(flock.file('keys/howl.json.age'));
    await flockd.logged('gone', 'howl');
    const count = flock.postsOf('prowl').length;
    await flock.posted('prowl', count + 1);
    flockd.kill();
    assert.equal((await flockd.exit).code, 0);
    assert.deepEqual(flock.postsOf('howl'), linesOf('howl', flock.postsOf('howl').length));
    // After a restart it cannot.
    const again = await flock.run('flockd', ['run']);
    assert.match(again.stderr, /prowl\.json\.age: it is encrypted/);
  });
});
