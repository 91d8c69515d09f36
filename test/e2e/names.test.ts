import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { authorizeAs, everySecond, linesOf, poem, TestFlock } from '../support/flock.ts';

const settings = { ...everySecond, settle: '1s' };

/** Who it is to be, so that nobody is asked. */
const owned = { ...settings, bots: { 静夜思: { account: 'moon' } } };

/** Bots with names of other scripts, and with those that an older rule has given. */
const names = {
  静夜思: 'moon',
  قَصِيدَة: 'ode',
  '---': 'spring',
  'long-breath--draft-2-': 'breath',
};
const files = {
  '静夜思.txt': poem('moon', 60),
  'قَصِيدَة.TXT': poem('ode', 60),
  '春望詩.txt': poem('spring', 60),
  'Long Breath (draft 2).txt': poem('breath', 60),
};
const fileOf: Record<string, string> = {
  静夜思: '静夜思.txt',
  قَصِيدَة: 'قَصِيدَة.TXT',
  '---': '春望詩.txt',
  'long-breath--draft-2-': 'Long Breath (draft 2).txt',
};

async function open(): Promise<TestFlock> {
  const flock = await TestFlock.open({ poems: files, settings });
  for (const [bot, account] of Object.entries(names)) {
    const bundle = { ...flock.granted(bot, account), poem_file: `poems/${fileOf[bot] ?? ''}` };
    await flock.write(`keys/${bot}.json`, JSON.stringify(bundle));
  }
  return flock;
}

interface Shown {
  bots: { bot: string; state: string; hint?: string; why?: string }[];
  keyless: { bot: string }[];
}

async function statusOf(flock: TestFlock): Promise<Shown> {
  return JSON.parse((await flock.run('flockd', ['status', '--json'])).stdout) as Shown;
}

describe('bots of any name', { concurrency: true }, () => {
  it('post, and take orders from the command line', async () => {
    await using flock = await open();
    const flockd = flock.start('flockd', ['run']);
    await flockd.logged('started');
    for (const [bot, account] of Object.entries(names)) {
      await flock.posted(account, 1);
      const paused = await flock.run('flockd', ['pause', '--', bot]);
      assert.equal(paused.code, 0, `${bot}: ${paused.stderr}`);
      const one = await flock.run('flockd', ['status', `--bot=${bot}`, '--json']);
      assert.match(one.stdout, /"state": "paused"/, one.stderr);
      // Only what looks like a flag has to come after --.
      const resumed = await flock.run('flockd', ['resume', bot]);
      assert.equal(resumed.code, 0, `${bot}: ${resumed.stderr}`);
      const count = flock.postsOf(account).length;
      await flock.posted(account, count + 1);
      assert.deepEqual(flock.postsOf(account), linesOf(account, flock.postsOf(account).length));
    }
    const { bots, keyless } = await statusOf(flock);
    assert.deepEqual(bots.map(({ bot }) => bot).sort(), Object.keys(names).sort());
    assert.deepEqual(keyless, []);
  });

  it('get their keys by name, and are offered by a completion', async () => {
    await using flock = await TestFlock.open({ poems: files, settings: owned });
    const running = flock.start('keymaker', ['make-keys', 'poems', '--bot', '静夜思']);
    const [link] = await running.matching(/^http\S+(?=\r?\n)/m);
    running.answer(await authorizeAs(link, 'moon'));
    assert.equal((await running.exit).code, 0, running.stderr);
    assert.ok(existsSync(flock.file('keys', '静夜思.json')));
    const offered = await flock.run('flockd', ['complete', 'fish', '--', 'resume', '']);
    for (const name of ['静夜思', 'قَصِيدَة', 'long-breath-draft-2', '春望詩'])
      assert.ok(offered.stdout.split('\n').includes(name), name);
  });
});

describe('what is wrong with one bot', { concurrency: true }, () => {
  it('stops that bot alone, at a start and at a reload', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 60), 'tide.txt': poem('tide', 60) },
      settings: { ...settings, bots: { tide: { timezone: 'BST' } } },
    });
    for (const bot of ['heron', 'tide']) await flock.giveKey(bot);
    const flockd = flock.start('flockd', ['run']);
    await flock.posted('heron', 1);
    const stopped = (await statusOf(flock)).bots.find(({ bot }) => bot === 'tide');
    assert.equal(stopped?.state, 'unfit');
    assert.match(stopped.why ?? '', /bots\.tide\.timezone: "BST" is not an IANA time zone/);
    assert.match(stopped.hint ?? '', /Europe\/London/);
    for (const [wrong, said] of [
      [{ timezone: 'Europe/London' }, undefined],
      [
        { schedule: '61 * * * *' },
        /tide cannot post: flock\.json: bots\.tide\.schedule: "61" is not a good minute/,
      ],
      [{ budget: { postsPerDay: 'many' } }, /bots\.tide\.budget\.postsPerDay/],
      [{ shedule: '* * * * *' }, /unknown setting "bots\.tide\.shedule"/],
    ] as const) {
      await flock.write('flock.json', JSON.stringify({ ...settings, bots: { tide: wrong } }));
      const reload = await flock.run('flockd', ['reload']);
      assert.equal(reload.code, 0, reload.stderr);
      if (said) assert.match(reload.stderr, said);
      else assert.equal(reload.stderr, '');
      const count = flock.postsOf('heron').length;
      await flock.posted('heron', count + 2);
    }
    assert.ok(flock.postsOf('tide').length > 0, 'it posted while nothing was wrong with it');
    await flock.write('flock.json', JSON.stringify({ ...settings, timezone: 'BST' }));
    const refused = await flock.run('flockd', ['reload']);
    assert.equal(refused.code, 78, refused.stdout);
    const count = flock.postsOf('heron').length;
    await flock.posted('heron', count + 1);
    flockd.kill();
    assert.equal((await flockd.exit).code, 0);
  });
});

describe('what posts nothing', { concurrency: true }, () => {
  it('is named by the log once, by status, list and doctor', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 60), 'moon.txt': 'a line', '🌙.txt': 'b', 'draft.md': 'no poem' },
      settings,
    });
    await flock.giveKey('heron');
    await flock.write('elsewhere/deep.txt', 'c');
    await symlink('../elsewhere', flock.file('poems', 'winter'));
    const flockd = flock.start('flockd', ['run']);
    await flock.posted('heron', 1);
    await flock.run('flockd', ['reload']);
    const logged = flockd.stdout.split('\n').filter((line) => /"event":"(?:keyless|passed-over)"/.test(line));
    assert.equal(logged.filter((line) => line.includes('"keyless","bot":"moon"')).length, 1);
    for (const name of ['🌙.txt', 'winter', 'draft.md'])
      assert.equal(logged.filter((line) => line.includes(`/poems/${name}"`)).length, 1, name);
    const status = await flock.run('flockd', ['status']);
    assert.match(status.stdout, /moon: no key yet\nhint: keymaker make-keys \.\/poems --bot=moon/);
    assert.deepEqual(
      (await statusOf(flock)).keyless.map(({ bot }) => bot),
      ['moon'],
    );
    const list = await flock.run('keymaker', ['list']);
    assert.match(list.stdout, /^moon +no key yet/m);
    const doctor = await flock.run('keymaker', ['doctor', '--offline']);
    assert.match(doctor.stdout, /warn {2}moon: no key yet/);
    assert.match(doctor.stdout, /bad {3}poems\/🌙\.txt: gives its bot no name/);
    assert.match(doctor.stdout, /warn {2}poems\/winter: not read: .*deep\.txt/);
    assert.match(doctor.stdout, /skip {2}poems\/draft\.md: not a poem/);
    const plan = await flock.run('flockd', ['plan']);
    for (const said of [/🌙\.txt: gives its bot no name/, /winter: not read/, /draft\.md: not a poem/])
      assert.match(plan.stdout + plan.stderr, said);
    assert.equal(plan.code, 1);
  });
});
