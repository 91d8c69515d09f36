import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { TestFlock } from '../support/flock.ts';

const bots = Array.from({ length: 12 }, (_, index) => `bot${String(index).padStart(2, '0')}`);
const poems = Object.fromEntries(bots.map((bot) => [`${bot}.txt`, `${bot} has one line\n`]));
const passwords = Object.fromEntries(bots.map((bot) => [bot, `Pässwort of ${bot}, & more`]));
const logins = bots.flatMap((bot) => [bot, passwords[bot] ?? '']);
const xauth = ['make-keys', 'poems', '--all', '--xauth'];

describe('keymaker make-keys --xauth', { concurrency: 4 }, () => {
  it('asks for every name and password first, then exchanges them side by side', async () => {
    await using flock = await TestFlock.open({ poems, sandbox: { passwords } });
    // Each answer comes only when several are under way: one after the other it would never come.
    let open = 0;
    let most = 0;
    const { sandbox } = flock.x;
    const handle = sandbox.handle.bind(sandbox);
    sandbox.faults.add({ match: { path: '/oauth/access_token' }, fault: { kind: 'delay', ms: 1000 } });
    sandbox.handle = (request) => {
      if (request.url.startsWith('/oauth/access_token')) {
        open++;
        most = Math.max(most, open);
        setTimeout(() => open--, 1000);
      }
      return handle(request);
    };
    const run = await flock.run('keymaker', xauth, { input: logins });
    assert.equal(run.code, 0, run.stderr);
    assert.ok(most > 1 && most <= 8, `${most} at a time`);
    for (const bot of bots) {
      assert.deepEqual(await flock.bundle(bot), flock.granted(bot));
      assert.match(run.stdout, new RegExp(`^${bot} is @${bot} \\(id \\d+\\): keys/${bot}\\.json$`, 'm'));
    }
    assert.ok(run.stdout.indexOf('bot11') < run.stdout.indexOf('bot00 is'), 'all questions come first');
    assert.doesNotMatch(run.stdout + run.stderr, /Pässwort/);
    await flock.assertNoSecrets();
  });

  it('keeps the others where one password is wrong', async () => {
    await using flock = await TestFlock.open({
      poems,
      sandbox: { passwords: { ...passwords, bot03: 'another' } },
    });
    const run = await flock.run('keymaker', xauth, { input: logins });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /refused the name or the password/);
    assert.match(run.stdout, /Keys: 11 made, 0 kept, 0 skipped, 1 failed\./);
    assert.ok(!(await readdir(flock.file('keys'))).includes('bot03.json'));
  });

  it('gives no account to two bots, though they ask at the same time', async () => {
    await using flock = await TestFlock.open({ poems, sandbox: { passwords } });
    const twice = bots.flatMap(() => ['bot00', passwords['bot00'] ?? '']);
    const run = await flock.run('keymaker', xauth, { input: twice });
    assert.equal(run.code, 1);
    assert.match(run.stdout, /Keys: 1 made, 0 kept, 0 skipped, 11 failed\./);
    assert.equal((await readdir(flock.file('keys'))).length, 1);
  });

  it('brings what is under way to its end, and counts it, where one failure ends the run', async () => {
    await using flock = await TestFlock.open({ poems, sandbox: { passwords } });
    const { faults } = flock.x.sandbox;
    const path = '/oauth/access_token';
    faults.add({ match: { path }, times: 1, fault: { kind: 'status', status: 500 } });
    faults.add({ match: { path }, fault: { kind: 'delay', ms: 1000 } });
    const run = await flock.run('keymaker', xauth, { input: logins });
    assert.equal(run.code, 69);
    assert.match(
      run.stdout,
      /Keys: 7 made, 0 kept, 0 skipped, 1 failed\.\n5 left: run the same command again\.\n$/,
    );
    assert.equal((await readdir(flock.file('keys'))).length, 7);
  });

  it('asks, in the order of the poems, where an account has another name than was typed', async () => {
    const three = Object.fromEntries(bots.slice(0, 3).map((bot) => [`${bot}.txt`, 'A line\n']));
    const names = ['bot00', 'rain', 'lamp'];
    const open = {
      poems: three,
      sandbox: { passwords: Object.fromEntries(names.map((name) => [name, 'hidden-x'])) },
    };
    await using flock = await TestFlock.open(open);
    const { sandbox } = flock.x;
    for (const [name, renamed] of [
      ['rain', 'dew'],
      ['lamp', 'wick'],
    ] as const) {
      const handle = sandbox.handle.bind(sandbox);
      sandbox.handle = (request) => {
        const answer = handle(request);
        return request.body.includes(`x_auth_username=${name}`)
          ? {
              ...answer,
              body: answer.body.replace(`screen_name=${name}`, `screen_name=${renamed}`),
            }
          : answer;
      };
    }
    // The first of the questions comes last of the answers.
    sandbox.faults.add({
      match: { path: '/oauth/access_token' },
      times: 2,
      fault: { kind: 'delay', ms: 1500 },
    });
    const input = [...names.flatMap((name) => [name, 'hidden-x']), 'n', 'y'];
    const run = await flock.run('keymaker', xauth, { input });
    assert.equal(run.code, 1);
    assert.match(
      run.stdout,
      /Is @dew the account of bot01\? \(y\/n\)\n[^]*Is @wick the account of bot02\? \(y\/n\)\n/,
    );
    assert.match(run.stderr, /bot01: you said that @dew is not its account; nothing was changed/);
    assert.deepEqual((await readdir(flock.file('keys'))).sort(), ['bot00.json', 'bot02.json']);
    assert.equal((await flock.bundle('bot02'))['screen_name'], 'wick');
  });

  it('says so where the provider does not offer it', async () => {
    await using flock = await TestFlock.open({ poems });
    const run = await flock.run('keymaker', ['make-keys', 'poems', '--bot', 'bot00', '--xauth'], {
      input: ['bot00', 'secret'],
    });
    assert.equal(run.code, 78);
    assert.match(run.stderr, /X does not let this app use xAuth \(401\)\nhint: run it without --xauth/);
    assert.match(run.stdout, /Keys: 0 made, 0 kept, 0 skipped, 1 failed\./);
  });

  it('shows nothing of the password on a terminal', async () => {
    await using flock = await TestFlock.open({ poems, sandbox: { passwords } });
    const terminal = { columns: 60, env: { NO_COLOR: '1' } };
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--bot', 'bot00', '--xauth'], terminal);
    await keymaker.matching(/Name of the account of bot00: /);
    keymaker.write('bot00\r');
    await keymaker.matching(/Password of @bot00 \(not shown\): /);
    keymaker.write(`${passwords['bot00'] ?? ''}\r`);
    assert.equal((await keymaker.exit).code, 0);
    assert.doesNotMatch(keymaker.stdout, /sswort/);
    assert.match(keymaker.stdout, /bot00 is @bot00/);
  });

  it('names what is missing where the input ends', async () => {
    await using flock = await TestFlock.open({ poems, sandbox: { passwords } });
    const run = await flock.run('keymaker', xauth, { input: ['bot00'] });
    assert.equal(run.code, 64);
    assert.match(run.stderr, /no answer to "Password of @bot00 \(not shown\):"\S* standard input has ended/);
    assert.match(
      run.stdout,
      /Keys: 0 made, 0 kept, 0 skipped, 0 failed\.\n12 left: run the same command again\./,
    );
    assert.deepEqual(await readdir(flock.file('keys')), []);
  });
});
