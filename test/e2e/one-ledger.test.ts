import assert from 'node:assert/strict';
import { chmod, copyFile, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { everySecond, linesOf, poem, TestFlock } from '../support/flock.ts';
import { startCommand } from '../support/programs.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const settings = { ...everySecond, settle: '1s' };
/** X is no help. */
const sandbox = { duplicates: 'accept' } as const;

async function openFlock(...bots: string[]): Promise<TestFlock> {
  const poems = Object.fromEntries(bots.map((bot) => [`${bot}.txt`, poem(bot, 40)]));
  const flock = await TestFlock.open({ poems, settings, sandbox });
  for (const bot of bots) await flock.giveKey(bot);
  return flock;
}

/** Every line from the first on, once. */
function assertInOrder(flock: TestFlock, bot: string): void {
  const texts = flock.postsOf(bot);
  assert.deepEqual(texts, linesOf(bot, texts.length));
}

const onLinux = { skip: process.platform !== 'linux' && 'there are no abstract sockets' };

describe('one ledger', { concurrency: 4 }, () => {
  it('runs as a service, and by hand it is found and not posted beside', onLinux, async () => {
    await using flock = await openFlock('heron');
    const state = tempFolder();
    const service = flock.start('flockd', ['run'], { env: { STATE_DIRECTORY: state } });
    await service.logged('posted', 'heron', ({ line }) => line === 2);
    const status = await flock.run('flockd', ['status', '--json']);
    assert.equal(status.code, 0, status.stderr);
    assert.equal(status.stderr.includes(`the ledger is in ${state}`), true, status.stderr);
    const told = JSON.parse(status.stdout) as { flock: { running: boolean }; bots: { done: number }[] };
    assert.equal(told.flock.running, true);
    assert.ok((told.bots[0]?.done ?? 0) >= 2);

    const run = await flock.run('flockd', ['run']);
    assert.equal(run.code, 75);
    assert.match(run.stderr, RegExp(`heron: another flockd .*pid ${service.pid}\\).*${state}`));
    const pause = await flock.run('flockd', ['pause', 'heron']);
    assert.equal(pause.code, 0, pause.stderr);
    await service.logged('paused', 'heron');
    const own = await readdir(flock.file('state'));
    assert.ok(!own.includes('journal.jsonl'), 'a second ledger was begun');
    service.kill();
    await service.exit;
    assertInOrder(flock, 'heron');
  });

  it('is not begun anew beside another, and is taken over by the command that is told', async () => {
    await using flock = await openFlock('heron', 'wren');
    const desk = flock.start('flockd', ['run']);
    await desk.logged('posted', 'wren', ({ line }) => line === 2);
    const env = { STATE_DIRECTORY: tempFolder() };
    const early = await flock.run('flockd', ['restore', 'state'], { env });
    assert.equal(early.code, 75, 'while a flockd runs on it');
    desk.kill();
    await desk.exit;
    const posted = flock.postsOf('wren').length;
    await flock.run('flockd', ['pause']);

    const refused = await flock.run('flockd', ['run'], { env });
    assert.equal(refused.code, 78);
    const post = await flock.run('flockd', ['post', 'heron'], { env });
    assert.equal(post.code, 78);
    const hint = /^hint: take it over: (STATE_DIRECTORY=\S+) (flockd restore .*)$/m.exec(refused.stderr);
    assert.ok(hint, refused.stderr);
    const [, setting = '', command = ''] = hint;
    assert.equal(setting, `STATE_DIRECTORY=${env.STATE_DIRECTORY}`);
    const taken = await flock.run('flockd', command.split(' ').slice(1), { env });
    assert.equal(taken.code, 0, taken.stderr);
    assert.match(taken.stdout, RegExp(`^  wren: line ${posted + 1} of 40 comes next$`, 'm'));

    const old = await flock.run('flockd', ['run']);
    assert.equal(old.code, 78);
    assert.match(old.stderr, RegExp(`was moved to ${env.STATE_DIRECTORY}`));
    const again = await flock.run('flockd', ['restore', 'state'], { env });
    assert.equal(again.code, 73, 'a newer ledger is not overwritten');

    const service = flock.start('flockd', ['run'], { env });
    await service.logged('started');
    assert.ok(
      (await flock.run('flockd', ['resume'])).stdout.includes('goes on'),
      'it was stopped there, too',
    );
    await service.logged('posted', 'wren', ({ line }) => line === posted + 2);
    service.kill();
    await service.exit;

    // And back to the desk.
    const back = await flock.run('flockd', ['restore', '--replace', env.STATE_DIRECTORY]);
    assert.equal(back.code, 0, back.stderr);
    assert.equal((await flock.run('flockd', ['run'], { env })).code, 78);
    const desk2 = flock.start('flockd', ['run']);
    await desk2.logged('posted', 'wren');
    desk2.kill();
    await desk2.exit;
    for (const bot of ['heron', 'wren']) assertInOrder(flock, bot);
  });

  it(
    'is one for an account, whatever the roots: the others wait by name, and look before they post',
    onLinux,
    async () => {
      await using flock = await openFlock('heron', 'wren');
      const root = tempFolder();
      await cp(flock.file('poems'), `${root}/poems`, { recursive: true });
      await copyFile(flock.file('flock.json'), `${root}/flock.json`);
      await mkdir(`${root}/keys`, { mode: 0o700 });
      const second = flock.start('flockd', ['run'], { cwd: root });
      assert.equal((await second.exit).code, 78, 'it has no keys yet');
      await copyFile(flock.file('keys/wren.json'), `${root}/keys/wren.json`);
      const other = flock.start('flockd', ['run'], { cwd: root });
      await other.logged('posted', 'wren');

      const first = flock.start('flockd', ['run']);
      const unfit = await first.logged('unfit', 'wren');
      assert.match(unfit.msg, RegExp(`another flockd .*pid ${other.pid}\\).*${root}/state`));
      await first.logged('posted', 'heron', ({ line }) => line === 2);
      // A bundle that appears while both run.
      await copyFile(flock.file('keys/heron.json'), `${root}/keys/heron.json`);
      assert.match((await other.logged('unfit', 'heron')).msg, RegExp(`pid ${first.pid}\\)`));

      first.kill('SIGKILL');
      await first.exit;
      // It has no ledger of its own for the bot: whether it may begin is for others to say.
      await rm(`${root}/keys/heron.json`);
      await other.logged('posted', 'wren', ({ line }) => line === 5);
      other.kill('SIGKILL');
      await other.exit;
      assertInOrder(flock, 'wren');
    },
  );

  it('goes over to a flockd that waits for it, which finds what was posted meanwhile', onLinux, async () => {
    await using flock = await openFlock('heron', 'wren');
    const first = flock.start('flockd', ['run']);
    await first.logged('posted', 'heron', ({ line }) => line === 2);
    first.kill();
    await first.exit;
    // A copy of the whole folder, with its ledger.
    const root = tempFolder();
    await cp(flock.root, root, { recursive: true });
    await chmod(`${root}/keys`, 0o700);
    await rm(`${root}/keys/wren.json`);
    const holder = flock.start('flockd', ['run'], { cwd: root });
    await holder.logged('posted', 'heron');
    const waiting = flock.start('flockd', ['run']);
    await waiting.logged('unfit', 'heron');
    await holder.logged('posted', 'heron', ({ line }) => line === 6);
    holder.kill('SIGKILL');
    await waiting.logged('restored', 'heron');
    await waiting.logged('posted', 'heron', ({ by }) => by === 'answer');
    waiting.kill();
    await waiting.exit;
    for (const bot of ['heron', 'wren']) assertInOrder(flock, bot);
  });

  it(
    'as a service waits where others run all of its bots, since nobody would start it again',
    onLinux,
    async () => {
      await using flock = await openFlock('heron');
      const first = flock.start('flockd', ['run']);
      await first.logged('posted', 'heron', ({ line }) => line === 2);
      const root = tempFolder();
      await cp(flock.root, root, { recursive: true, filter: (file) => !file.endsWith('.sock') });
      await chmod(`${root}/keys`, 0o700);
      const service = flock.start('flockd', ['run'], { cwd: root, env: { NOTIFY_SOCKET: '/nowhere' } });
      await service.logged('unfit', 'heron');
      first.kill();
      await first.exit;
      await service.logged('posted', 'heron', ({ by }) => by === 'answer');
      service.kill();
      await service.exit;
      assertInOrder(flock, 'heron');
    },
  );

  it('is not shared where its lock is removed', async () => {
    await using flock = await openFlock('heron');
    const first = flock.start('flockd', ['run']);
    await first.logged('posted', 'heron');
    await rm(flock.file('state', 'lock'));
    const second = await flock.run('flockd', ['run']);
    assert.equal(second.code, 75);
    await first.logged('posted', 'heron', ({ line }) => line === 3);
    first.kill();
    assert.equal((await first.exit).code, 0);
    assertInOrder(flock, 'heron');
  });

  const hands: Record<string, (state: string) => Promise<unknown>> = {
    'its folder is removed': (state) => rm(state, { recursive: true }),
    'its journal is replaced by an older one': async (state) => {
      const lines = (await readFile(`${state}/journal.jsonl`, 'utf8')).split('\n');
      await writeFile(`${state}/old`, `${lines.slice(0, 2).join('\n')}\n`, { mode: 0o600 });
      await rename(`${state}/old`, `${state}/journal.jsonl`);
    },
    'its journal is emptied': (state) => writeFile(`${state}/journal.jsonl`, ''),
  };
  for (const [what, act] of Object.entries(hands)) {
    it(`stops flockd before the next post where ${what}`, async () => {
      await using flock = await openFlock('heron');
      const running = flock.start('flockd', ['run']);
      await running.logged('posted', 'heron', ({ line }) => line === 2);
      await act(flock.file('state'));
      const posted = flock.postsOf('heron').length;
      assert.equal((await running.exit).code, 74);
      assert.match(running.stderr, /the ledger \S+journal\.jsonl was (removed|replaced|cut short)/);
      assert.match(running.stderr, /^hint: put it back/m);
      // One may have been under way.
      assert.ok(flock.postsOf('heron').length <= posted + 1);
    });
  }

  const asRoot = { skip: process.getuid?.() !== 0 && 'only root has a folder of somebody else' };
  it('stays its owner’s where root moves it, or gives it an order', asRoot, async () => {
    await using flock = await openFlock('heron');
    await flock.run('flockd', ['post', 'heron']);
    const state = tempFolder();
    const owner = startCommand(['chown', '65534', state], { cwd: flock.root });
    await owner.exit;
    const env = { STATE_DIRECTORY: state };
    assert.equal((await flock.run('flockd', ['restore', 'state'], { env })).code, 0);
    assert.equal((await flock.run('flockd', ['pause', 'heron'], { env })).code, 0);
    const listed = startCommand(['find', state, '-type', 'f', '!', '-uid', '65534'], { cwd: flock.root });
    await listed.exit;
    assert.equal(listed.stdout, '');
  });
});
