import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { authorizeAs, TestFlock } from '../support/flock.ts';
import type { Running } from '../support/programs.ts';

const poems = {
  'amber.txt': 'Amber keeps the gnat\nand the afternoon\n',
  'birch.txt': 'Birch writes white on white\n',
  'north/cinder.txt': 'Cinder, small red clause\nat the end of the fire\n',
};
const bots = ['amber', 'birch', 'cinder'];

/** Takes the next link, after `from`, and gives the PIN of the page behind it. */
async function pinFor(
  keymaker: Running,
  screenName: string,
  from = 0,
): Promise<{ pin: string; end: number }> {
  const { 0: link, end } = await keymaker.matching(/^http\S+(?=\r?\n)/m, { from });
  return { pin: await authorizeAs(link, screenName), end };
}

const wrong = (pin: string): string => pin.replace(/^./, (digit) => String((Number(digit) + 1) % 10));
const mode = async (file: string): Promise<number> => (await stat(file)).mode & 0o777;

describe('keymaker make-keys', { concurrency: 7 }, () => {
  it('makes every key it is told to, exactly as granted, for nobody else to read', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems']);
    let from = 0;
    for (const bot of bots) {
      await keymaker.lineMatching(new RegExp(`Make key for ${bot}\\? \\(y/n\\)`));
      keymaker.answer('y');
      const { pin, end } = await pinFor(keymaker, bot, from);
      await keymaker.matching(/^PIN for/m, { from: end });
      keymaker.answer(pin);
      from = end;
    }
    assert.deepEqual(await keymaker.exit, { code: 0, signal: null });
    assert.match(
      keymaker.stdout,
      /Keys: 3 made, 0 kept, 0 skipped, 0 failed\.\nNext: flockd plan, then flockd run\n$/,
    );
    assert.equal(await mode(flock.file('keys')), 0o700);
    for (const bot of bots) {
      const poem_file = bot === 'cinder' ? 'poems/north/cinder.txt' : `poems/${bot}.txt`;
      assert.deepEqual(await flock.bundle(bot), { ...flock.granted(bot), poem_file });
      assert.equal(await mode(flock.file(`keys/${bot}.json`)), 0o600);
    }
    assert.deepEqual(
      (await readdir(flock.file('keys'))).sort(),
      bots.map((bot) => `${bot}.json`),
    );
    await flock.assertNoSecrets();
  });

  it('skips what is answered with n, and asks again where the answer is neither', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems']);
    for (const answer of ['n', 'perhaps', 'YES']) keymaker.answer(answer);
    const { pin } = await pinFor(keymaker, 'birch');
    keymaker.answer(pin);
    keymaker.answer(' no ');
    assert.equal((await keymaker.exit).code, 0);
    assert.match(keymaker.stderr, /please answer y or n/);
    assert.match(keymaker.stdout, /Keys: 1 made, 0 kept, 2 skipped, 0 failed\./);
    assert.deepEqual(await readdir(flock.file('keys')), ['birch.json']);
  });

  it('shows a new link after a wrong PIN, and leaves the good bundle be until the right one', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    const before = await readFile(flock.file('keys/amber.json'), 'utf8');
    flock.control('accounts/amber/revoke');
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--bot', 'amber', '--force']);
    const first = await pinFor(keymaker, 'amber');
    keymaker.answer(wrong(first.pin));
    const second = await pinFor(keymaker, 'amber', first.end);
    assert.match(keymaker.stderr, /refused the PIN/);
    assert.equal(await readFile(flock.file('keys/amber.json'), 'utf8'), before);
    keymaker.answer(`${second.pin.slice(0, 3)} ${second.pin.slice(3)}`);
    assert.equal((await keymaker.exit).code, 0);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber'));
    assert.notEqual(await readFile(flock.file('keys/amber.json'), 'utf8'), before);
  });

  it('gives up on a bot after five wrong PINs and goes on with the next', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--bot', 'amber', '--bot', 'birch']);
    keymaker.write('1111111\n'.repeat(5));
    const asked = await keymaker.matching(/^Poem 2 of 2/m);
    const { pin } = await pinFor(keymaker, 'birch', asked.end);
    keymaker.answer(pin);
    assert.equal((await keymaker.exit).code, 1);
    assert.match(keymaker.stdout, /Keys: 1 made, 0 kept, 0 skipped, 1 failed\./);
    assert.deepEqual(await readdir(flock.file('keys')), ['birch.json']);
  });

  it('shows another link on r, and skips on n', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--all']);
    const old = await pinFor(keymaker, 'amber');
    keymaker.answer('r');
    const fresh = await pinFor(keymaker, 'amber', old.end);
    keymaker.answer(fresh.pin);
    const next = await keymaker.matching(/^PIN for birch/m);
    keymaker.answer('n');
    const { pin } = await pinFor(keymaker, 'cinder', next.end);
    keymaker.answer(pin);
    assert.equal((await keymaker.exit).code, 0);
    assert.match(keymaker.stdout, /Keys: 2 made, 0 kept, 1 skipped, 0 failed\./);
    assert.doesNotMatch(keymaker.stdout, /Make key for/);
  });

  it('goes on where it was killed: good keys are kept, nothing is half written', async () => {
    await using flock = await TestFlock.open({ poems });
    const killed = flock.start('keymaker', ['make-keys', 'poems', '--all']);
    const { pin, end } = await pinFor(killed, 'amber');
    killed.answer(pin);
    await killed.matching(/^http\S+\n/m, { from: end });
    killed.kill('SIGKILL');
    await killed.exit;
    assert.deepEqual(await readdir(flock.file('keys')), ['amber.json']);
    const kept = await readFile(flock.file('keys/amber.json'), 'utf8');

    const again = flock.start('keymaker', ['make-keys', 'poems', '--all']);
    const birch = await pinFor(again, 'birch');
    again.answer(birch.pin);
    again.answer((await pinFor(again, 'cinder', birch.end)).pin);
    assert.equal((await again.exit).code, 0);
    assert.match(again.stdout, /amber has a key for @amber; --force makes another\./);
    assert.match(again.stdout, /Keys: 2 made, 1 kept, 0 skipped, 0 failed\./);
    assert.equal(await readFile(flock.file('keys/amber.json'), 'utf8'), kept);

    const third = await flock.run('keymaker', ['make-keys', 'poems', '--all']);
    assert.equal(third.code, 0);
    assert.match(third.stdout, /Keys: 0 made, 3 kept, 0 skipped, 0 failed\./);
  });

  it('counts the bot that it ended with as failed, and those before it as they were', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    flock.x.sandbox.faults.add({ fault: { kind: 'status', status: 500 } });
    const { code, stdout } = await flock.run('keymaker', ['make-keys', 'poems', '--all']);
    assert.equal(code, 69);
    assert.match(
      stdout,
      /Keys: 0 made, 1 kept, 0 skipped, 1 failed\.\n2 left: run the same command again\.\n$/,
    );
  });

  it('says how far it is in many bots, and which poem it asks about', async () => {
    const names = Array.from({ length: 12 }, (_, n) => `bot-${n + 10}`);
    const long = `A line that is ${'long, '.repeat(20)}and no end`;
    await using flock = await TestFlock.open({
      poems: Object.fromEntries(names.map((bot) => [`${bot}.txt`, `The lamp of ${bot}\nis lit\n`])),
    });
    await flock.write('poems/bot-15.txt', `${long}\n`);
    await flock.write('poems/bot-16.txt', '\n');
    for (const bot of names.slice(0, 5)) await flock.giveKey(bot);
    const { code, stdout, stderr } = await flock.run('keymaker', ['make-keys', 'poems'], {
      input: ['n', 'n', 'y'],
    });
    assert.equal(code, 64);
    assert.match(stderr, /^keymaker: poems\/bot-16\.txt has no lines\n/);
    const shown = stdout.split('\n');
    assert.deepEqual(shown.slice(0, 9), [
      'bot-10, bot-11, bot-12 and 2 more have keys; --force makes others.',
      '',
      'Poem 7 of 12: poems/bot-15.txt',
      '  A line that is long, long, long, long, long, long, long, long, long,… (1 line)',
      'Make key for bot-15? (y/n)',
      '',
      'Poem 8 of 12: poems/bot-17.txt',
      '  The lamp of bot-17 (2 lines)',
      'Make key for bot-17? (y/n)',
    ]);
    assert.deepEqual(shown.slice(-4), [
      'Keys: 0 made, 5 kept, 2 skipped, 0 failed.',
      '1 poem cannot be posted: see above.',
      '6 left: run the same command again.',
      '',
    ]);
  });

  it('names the bots that are left where --force was given, since they are made again otherwise', async () => {
    await using flock = await TestFlock.open({ poems });
    for (const bot of bots) await flock.giveKey(bot);
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--all', '--force']);
    keymaker.answer((await pinFor(keymaker, 'amber')).pin);
    keymaker.endInput();
    assert.equal((await keymaker.exit).code, 64);
    assert.match(
      keymaker.stdout,
      /\n2 left: run keymaker make-keys poems --bot=birch --bot=cinder --force\.\n$/,
    );
  });

  it('says after five wrong PINs how another link is made', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    const args = ['make-keys', 'poems', '--bot', 'amber', '--force'];
    const { stderr } = await flock.run('keymaker', args, { input: Array(5).fill('1111111') });
    assert.match(
      stderr,
      /amber: X refused the PIN: .*\nhint: run keymaker make-keys poems --bot=amber --force\n$/,
    );
  });

  it('replaces a damaged bundle', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.write('keys/birch.json', '{"consumer_token": "test-app-');
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--bot', 'birch']);
    keymaker.answer((await pinFor(keymaker, 'birch')).pin);
    assert.equal((await keymaker.exit).code, 0);
    assert.match(keymaker.stderr, /birch\.json: not whole JSON \(cut off, or damaged\); it will be replaced/);
    assert.deepEqual(await flock.bundle('birch'), flock.granted('birch'));
    assert.equal(await mode(flock.file('keys/birch.json')), 0o600);
  });

  it('makes the key of a bot that is named twice once', async () => {
    await using flock = await TestFlock.open({ poems });
    const args = ['make-keys', 'poems', '--bot', 'amber', '--bot', 'amber', '--force'];
    const keymaker = flock.start('keymaker', args);
    keymaker.answer((await pinFor(keymaker, 'amber')).pin);
    keymaker.endInput();
    assert.equal((await keymaker.exit).code, 0);
    assert.match(keymaker.stdout, /Keys: 1 made, 0 kept, 0 skipped, 0 failed\./);
  });

  it("shows no control character of a poem's name", async () => {
    await using flock = await TestFlock.open({
      poems: {
        'red\x1b[31m\x07.txt': 'A line\n',
        'two\nrows.txt': 'A line\n',
        'bad\x1b]0;title\x07.txt': '\xff\0',
      },
    });
    const { code, stdout, stderr } = await flock.run('keymaker', ['make-keys', 'poems'], {
      input: ['n', 'n'],
    });
    assert.equal(code, 1);
    for (const text of [stdout, stderr]) {
      // eslint-disable-next-line no-control-regex -- they are what must not be there
      assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f]/);
      assert.doesNotMatch(text, /^rows/m);
    }
  });

  it('asks whose account it is without a terminal, too, and not where --yes says it', async () => {
    await using flock = await TestFlock.open({ poems });
    const asked = flock.start('keymaker', ['make-keys', 'poems', '--bot', 'amber']);
    const first = await pinFor(asked, 'somebody_else');
    asked.answer(first.pin);
    asked.answer('n');
    const second = await pinFor(asked, 'amber_reads', first.end);
    asked.answer(second.pin);
    asked.answer('y');
    assert.equal((await asked.exit).code, 0, asked.stderr);
    assert.match(
      asked.stdout,
      /Is @somebody_else the account of amber\? \(y\/n\)\n[^]*Is @amber_reads the account of amber\? \(y\/n\)\n/,
    );
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber', 'amber_reads'));
    const unasked = flock.start('keymaker', ['make-keys', 'poems', '--bot', 'birch', '--yes']);
    unasked.answer((await pinFor(unasked, 'birch_reads')).pin);
    unasked.endInput();
    assert.equal((await unasked.exit).code, 0, unasked.stderr);
    assert.doesNotMatch(unasked.stdout, /Is @/);
    const silent = flock.start('keymaker', ['make-keys', 'poems', '--bot', 'cinder']);
    silent.answer((await pinFor(silent, 'cinder_reads')).pin);
    silent.endInput();
    assert.equal((await silent.exit).code, 64);
    assert.match(silent.stderr, /no answer to "Is @cinder_reads the account of cinder[^]*hint: .*--yes/);
    assert.deepEqual((await readdir(flock.file('keys'))).sort(), ['amber.json', 'birch.json']);
  });

  it('says in its hint how the key is made in another run', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--bot', 'amber', '--force']);
    keymaker.answer((await pinFor(keymaker, 'somebody_else')).pin);
    assert.equal((await keymaker.exit).code, 1);
    assert.match(
      keymaker.stderr,
      /this bot is @amber; nothing was changed\nhint: sign out in the browser, run keymaker make-keys poems --bot=amber --force, and sign in as @amber\n/,
    );
  });

  it('refuses the wrong account where flock.json names the right one', async () => {
    await using flock = await TestFlock.open({
      poems,
      settings: { bots: { amber: { account: '@amber_reads' } } },
    });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--bot', 'amber']);
    const { 0: link } = await keymaker.matching(/^http\S+/m);
    assert.equal(new URL(link).searchParams.get('screen_name'), 'amber_reads');
    keymaker.answer(await authorizeAs(link, 'somebody_else'));
    assert.equal((await keymaker.exit).code, 1);
    assert.match(keymaker.stderr, /you authorized @somebody_else .*, but this bot is @amber_reads/);
    assert.deepEqual(await readdir(flock.file('keys')), []);
  });
});

describe('keymaker make-keys on a terminal of 60 columns', { concurrency: 4 }, () => {
  const terminal = { columns: 60, env: { NO_COLOR: '1' } };

  it('prompts, and shows the link whole on a line of its own', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start(
      'keymaker',
      ['make-keys', 'poems', '--bot', 'amber', '--bot', 'birch'],
      terminal,
    );
    const amber = await keymaker.matching(/^(http\S+)\r\n/m);
    assert.ok((amber[1] ?? '').length > 60, 'longer than the terminal is wide');
    await keymaker.matching(/PIN for amber \(r for a new link, n to skip\): /);
    keymaker.write(`${await authorizeAs(amber[1] ?? '', 'amber_reads')}\r`);
    await keymaker.matching(/Is @amber_reads the account of amber\? \(y\/n\) /);
    keymaker.write('y\r');
    // Typed before it is asked for: not lost, and taken as the answer to the next question.
    keymaker.write('n\r');
    assert.equal((await keymaker.exit).code, 0);
    assert.match(keymaker.stdout, /Keys: 1 made, 0 kept, 1 skipped, 0 failed\./);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber', 'amber_reads'));
  });

  it('stores nothing where the person says that this is not the account, and shows a new link', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--bot', 'amber'], terminal);
    const { pin, end } = await pinFor(keymaker, 'somebody_else');
    keymaker.write(`${pin}\r`);
    await keymaker.matching(/Is @somebody_else the account of\s+amber\?/);
    keymaker.write('n\r');
    const second = await pinFor(keymaker, 'amber', end);
    assert.match(keymaker.stdout, /@somebody_else is not its\s+account/);
    assert.deepEqual(await readdir(flock.file('keys')), []);
    keymaker.write(`${second.pin}\r`);
    assert.equal((await keymaker.exit).code, 0);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber'));
  });

  it('keeps what is typed ahead', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems'], terminal);
    await keymaker.matching(/Make key for amber\? \(y\/n\) /);
    keymaker.write('n\rn\rn\r');
    assert.equal((await keymaker.exit).code, 0);
    assert.match(keymaker.stdout, /Keys: 0 made, 0 kept, 3 skipped, 0 failed\./);
  });

  it('ends with 130 on Ctrl-C and leaves nothing half written', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--all'], terminal);
    const { pin, end } = await pinFor(keymaker, 'amber');
    keymaker.write(`${pin}\r`);
    await keymaker.matching(/PIN for birch[^\r\n]*: /, { from: end });
    keymaker.write('\x03');
    assert.equal((await keymaker.exit).code, 130);
    assert.match(
      keymaker.stdout,
      /Keys: 1 made, 0 kept, 0 skipped, 0 failed\.\s+2 left: run the same command again\./,
    );
    assert.deepEqual(await readdir(flock.file('keys')), ['amber.json']);
  });

  it('shows a new link after the wrong account', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    const args = ['make-keys', 'poems', '--bot', 'amber', '--bot', 'birch', '--force'];
    const keymaker = flock.start('keymaker', args, terminal);
    const first = await pinFor(keymaker, 'somebody_else');
    keymaker.write(`${first.pin}\r`);
    const refused = await keymaker.matching(
      /you authorized @somebody_else [^]*but this\s+bot is @amber; [^]*open\s+the\s+new\s+link\s+as\s+@amber/,
    );
    const second = await pinFor(keymaker, 'amber', refused.end);
    keymaker.write(`${second.pin}\r`);
    // The browser is still signed in as the account of another bot.
    const third = await pinFor(keymaker, 'amber', second.end);
    keymaker.write(`${third.pin}\r`);
    const taken = await keymaker.matching(/@amber, which is\s+the\s+account\s+of\s+amber\s+already/);
    keymaker.write(`${(await pinFor(keymaker, 'birch', taken.end)).pin}\r`);
    assert.equal((await keymaker.exit).code, 0, keymaker.stdout);
    assert.match(keymaker.stdout, /Keys: 2 made, 0 kept, 0 skipped, 0 failed\./);
    assert.deepEqual(await flock.bundle('birch'), flock.granted('birch'));
  });

  it('names the flag that would have answered on Ctrl-D', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems'], terminal);
    await keymaker.matching(/Make key for amber\? \(y\/n\) /);
    keymaker.write('\x04');
    assert.equal((await keymaker.exit).code, 64);
    assert.match(keymaker.stdout, /hint: .*--bot NAME.*--all/);
    assert.deepEqual(await readdir(flock.file('keys')), []);
  });
});
