import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { TestFlock } from '../support/flock.ts';

const poems = { 'amber.txt': 'Amber keeps the gnat\n' };

describe('keymaker revoke', { concurrency: 4 }, () => {
  it('ends the key at X, then removes the bundle, and says where to look', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    const { oauth_token: token = '' } = flock.granted('amber');
    const run = await flock.run('keymaker', ['revoke', 'amber'], { input: ['y'] });
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /Revoke the key of amber \(@amber\)\? \(y\/n\)\n/);
    assert.match(run.stdout, /X has ended the key of amber; its bundle is removed\./);
    assert.match(run.stdout, /Connected apps/);
    assert.equal(flock.x.sandbox.world.accessToken(token)?.revoked, true);
    assert.deepEqual(await readdir(flock.file('keys')), []);
  });

  it('changes nothing where the answer is no', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    const run = await flock.run('keymaker', ['revoke', 'amber'], { input: ['n'] });
    assert.equal(run.code, 1);
    assert.deepEqual(await readdir(flock.file('keys')), ['amber.json']);
  });

  it('removes the bundle of a key that was dead before', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    await flock.run('keymaker', ['revoke', 'amber', '--yes']);
    await flock.giveKey('amber', (bundle) => ({
      ...bundle,
      oauth_token: `${bundle['user_id'] ?? ''}-neverWas`,
    }));
    const run = await flock.run('keymaker', ['revoke', 'amber', '--yes']);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /did not know the key of amber any more/);
    assert.deepEqual(await readdir(flock.file('keys')), []);
  });

  it('keeps the bundle where X cannot be reached or is not well', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    const away = await flock.run('keymaker', ['revoke', 'amber', '--yes'], {
      env: { KEYMAKER_API_URL: 'http://127.0.0.1:9' },
    });
    assert.equal(away.code, 69);
    flock.x.sandbox.faults.add({
      match: { path: '/1.1/*' },
      fault: { kind: 'status', status: 503, when: 'before' },
    });
    const sick = await flock.run('keymaker', ['revoke', 'amber', '--yes']);
    assert.equal(sick.code, 69);
    assert.deepEqual(await readdir(flock.file('keys')), ['amber.json']);
  });

  it('knows only bots that have a key', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    const run = await flock.run('keymaker', ['revoke', 'ambre', '--yes']);
    assert.equal(run.code, 64);
    assert.match(run.stderr, /did you mean amber\?/);
  });
});
