import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { authorizeAs, TestFlock } from '../support/flock.ts';

const poems = { 'howler.txt': 'The wind has one word\n', 'prowler.txt': 'The cat has none\n' };

/** A flock whose bot howler has a key, and reads a poem of another name. */
async function openFlock(): Promise<{ flock: TestFlock; before: string }> {
  const flock = await TestFlock.open({ poems });
  await flock.giveKey('howler', (bundle) => ({ ...bundle, poem_file: 'poems/prowler.txt' }));
  return { flock, before: await readFile(flock.file('keys/howler.json'), 'utf8') };
}

describe('keymaker reauth', { concurrency: true }, () => {
  it('replaces the key of the same account and keeps its poem', async () => {
    const { flock, before } = await openFlock();
    await using _ = flock;
    flock.control('accounts/howler/revoke');
    const keymaker = flock.start('keymaker', ['reauth', 'howler']);
    const { 0: link } = await keymaker.matching(/^http\S+/m);
    assert.equal(new URL(link).searchParams.get('screen_name'), 'howler');
    keymaker.answer(await authorizeAs(link, 'howler'));
    assert.equal((await keymaker.exit).code, 0);
    assert.match(keymaker.stdout, /howler is @howler \(id \d+\): keys\/howler\.json/);
    assert.notEqual(await readFile(flock.file('keys/howler.json'), 'utf8'), before);
    assert.deepEqual(await flock.bundle('howler'), {
      ...flock.granted('howler'),
      poem_file: 'poems/prowler.txt',
    });
    await flock.assertNoSecrets();
  });

  it('needs no app keys but those in the bundle', async () => {
    const { flock } = await openFlock();
    await using _ = flock;
    const env = { CONSUMER_TOKEN: '', CONSUMER_TOKEN_SECRET: '' };
    const keymaker = flock.start('keymaker', ['reauth', 'howler'], { env });
    keymaker.answer(await authorizeAs((await keymaker.matching(/^http\S+/m))[0], 'howler'));
    assert.equal((await keymaker.exit).code, 0);
  });

  it('refuses another account and changes nothing', async () => {
    const { flock, before } = await openFlock();
    await using _ = flock;
    const keymaker = flock.start('keymaker', ['reauth', 'howler']);
    keymaker.answer(await authorizeAs((await keymaker.matching(/^http\S+/m))[0], 'prowler'));
    assert.equal((await keymaker.exit).code, 1);
    assert.match(
      keymaker.stderr,
      /howler: you authorized @prowler .* this bot is @howler; nothing was changed\nhint: sign out in the browser, run keymaker reauth howler again, and sign in as @howler\n/,
    );
    assert.equal(await readFile(flock.file('keys/howler.json'), 'utf8'), before);
    assert.deepEqual(await readdir(flock.file('keys')), ['howler.json']);
  });

  it('knows an account that was renamed by its id, and writes its new name down', async () => {
    for (const settings of [
      {},
      { bots: { howler: { account: '@howler' } } },
      { bots: { howler: { account: '@growler' } } },
    ]) {
      const { flock } = await openFlock();
      await using _ = flock;
      await flock.write('flock.json', JSON.stringify(settings));
      flock.control('accounts/howler/rename/growler');
      // Somebody else takes the name over.
      flock.granted('howler');
      const taken = flock.start('keymaker', ['reauth', 'howler']);
      taken.answer(await authorizeAs((await taken.matching(/^http\S+/m))[0], 'howler'));
      assert.equal((await taken.exit).code, 1, taken.stderr);
      assert.match(
        taken.stderr,
        /howler: you authorized @howler \(id \d+\), but this bot is @(howler with the id \d+|growler); nothing was changed/,
      );
      const keymaker = flock.start('keymaker', ['reauth', 'howler']);
      keymaker.answer(await authorizeAs((await keymaker.matching(/^http\S+/m))[0], 'growler'));
      assert.equal((await keymaker.exit).code, 0, keymaker.stderr);
      assert.match(keymaker.stdout, /howler is @growler \(id/);
      assert.equal((await flock.bundle('howler'))['screen_name'], 'growler');
    }
  });

  it('leaves the key as it is when the person skips', async () => {
    const { flock, before } = await openFlock();
    await using _ = flock;
    const { code, stdout } = await flock.run('keymaker', ['reauth', 'howler'], { input: ['n'] });
    assert.equal(code, 1);
    assert.match(stdout, /howler keeps the key it has\./);
    assert.equal(await readFile(flock.file('keys/howler.json'), 'utf8'), before);
  });

  it('names the near one for a bot it does not know', async () => {
    const { flock } = await openFlock();
    await using _ = flock;
    const { code, stderr } = await flock.run('keymaker', ['reauth', 'howlr']);
    assert.equal(code, 64);
    assert.match(stderr, /^keymaker: howlr has no key bundle in .*\nhint: did you mean howler\?\n$/);
  });

  it('reaches a bot whose name begins with a dash, after --', async () => {
    await using flock = await TestFlock.open({ poems: { 'Über.txt': 'Eine Zeile\n' } });
    await flock.giveKey('-ber');
    const keymaker = flock.start('keymaker', ['reauth', '--', '-ber']);
    keymaker.answer(await authorizeAs((await keymaker.matching(/^http\S+/m))[0], '_ber'));
    assert.equal((await keymaker.exit).code, 0);
  });

  it('says how to repair a damaged bundle', async () => {
    const { flock } = await openFlock();
    await using _ = flock;
    await flock.write('keys/howler.json', '{"consumer_token": "test-app-');
    const { code, stderr } = await flock.run('keymaker', ['reauth', 'howler']);
    assert.equal(code, 65);
    assert.match(
      stderr,
      /howler\.json: not whole JSON.*\nhint: make it again: keymaker make-keys .* --bot=howler\n$/,
    );
  });
});
