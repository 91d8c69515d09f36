import assert from 'node:assert/strict';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import pMap from 'p-map';
import { everySecond, TestFlock } from '../support/flock.ts';
import { assertSane, assertSays, fifo, openHostile, runDaemon, runLimited, sparse } from './hostile-flock.ts';

const settingsFiles: { name: string; make: (flock: TestFlock) => unknown; says: RegExp }[] = [
  {
    name: '100 MB, sparse',
    make: (flock) => sparse(flock, 'flock.json', 100_000_000),
    says: /flock\.json: it is too large/,
  },
  {
    name: '100 MB of good JSON',
    make: (flock) => flock.write('flock.json', `{"timezone": "UTC"${' '.repeat(100_000_000)}}`),
    says: /flock\.json: it is too large/,
  },
  {
    name: 'as large as may be',
    make: (flock) => flock.write('flock.json', `{"bots": {${'"bad": {}, '.repeat(2_900_000)},}}`),
    says: /flock\.json/,
  },
  {
    name: 'a FIFO',
    make: (flock) => fifo(flock, 'flock.json'),
    says: /flock\.json: it is not a regular file/,
  },
  {
    name: 'a folder',
    make: (flock) => mkdir(flock.file('flock.json')),
    says: /flock\.json: it is (a folder|not a regular file)/,
  },
  {
    name: 'nested 100,000 deep',
    make: (flock) => flock.write('flock.json', '['.repeat(100_000)),
    says: /flock\.json/,
  },
  {
    name: 'nested 100,000 deep, and whole',
    make: (flock) => flock.write('flock.json', `{"bots": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    says: /flock\.json/,
  },
  {
    name: 'nested 100,000 objects deep',
    make: (flock) => flock.write('flock.json', `${'{"bots":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
    says: /flock\.json/,
  },
  {
    name: 'of NUL bytes',
    make: (flock) => flock.write('flock.json', Buffer.alloc(1000)),
    says: /flock\.json/,
  },
  {
    name: 'of a prototype',
    make: (flock) => flock.write('flock.json', '{"__proto__": {"paused": true}}'),
    says: /flock\.json/,
  },
  {
    name: 'of a bot called __proto__',
    make: (flock) => flock.write('flock.json', '{"bots": {"__proto__": {"pausd": true}}}'),
    says: /flock\.json/,
  },
  {
    name: 'with a setting twice',
    make: (flock) => flock.write('flock.json', '{"schedule": "0 9 * * *", "schedule": "* * * * * *"}'),
    says: /flock\.json/,
  },
];

describe('a flock.json that is', { concurrency: 3 }, () => {
  for (const { name, make, says } of settingsFiles) {
    it(name, async () => {
      await using flock = await openHostile();
      await rm(flock.file('flock.json'));
      await make(flock);
      const doctor = await runLimited(flock, 'keymaker', ['doctor', '--offline']);
      assertSays(doctor, says, 'doctor');
      assert.equal(doctor.code, 1);
      for (const [program, ...call] of [
        ['flockd', 'run'],
        ['flockd', 'status'],
        ['keymaker', 'make-keys', 'poems', '--all'],
      ] as const) {
        const run = await runLimited(flock, program, call);
        assertSays(run, says, call.join(' '));
        assert.equal(run.code, 78, `${call.join(' ')}: ${run.stderr}`);
      }
    });
  }
});

describe('many files', () => {
  it('that are poems, 20,000 of them, are read by every program', async () => {
    await using flock = await TestFlock.open({ settings: everySecond });
    const folders = Array.from({ length: 20 }, (_, index) => `poems/${index}`);
    for (const folder of folders) {
      await mkdir(flock.file(folder), { recursive: true });
      const numbers = Array.from({ length: 1000 }, (_, index) => index);
      await pMap(
        numbers,
        (number) => writeFile(flock.file(folder, `p${folder.slice(6)}-${number}.txt`), 'A line\nAnother\n'),
        { concurrency: 32 },
      );
    }
    await flock.write('poems/good.txt', Array.from({ length: 60 }, (_, index) => `good ${index}\n`).join(''));
    await flock.giveKey('good');
    await chmod(flock.file('keys'), 0o700);
    assertSane((await runDaemon(flock)).stdout, 'flockd run');
    for (const [program, ...call] of [
      ['flockd', 'status'],
      ['keymaker', 'doctor', '--offline'],
      ['keymaker', 'list'],
      ['keymaker', 'make-keys', 'poems', '--bot', 'good'],
    ] as const) {
      const { code, stdout, stderr } = await runLimited(flock, program, call);
      assertSane(stdout + stderr, call.join(' '));
      // The bots should post, and no flockd runs any more.
      const expected = call[0] === 'status' ? 1 : 0;
      assert.equal(code, expected, `${call.join(' ')}: ${stderr}`);
    }
  });
});

describe('FIFOs', { concurrency: 2 }, () => {
  it('in the place of more poems than there are threads freeze nobody', async () => {
    await using flock = await openHostile();
    for (const bot of ['one', 'two', 'three', 'four', 'five']) {
      await flock.giveKey(bot);
      fifo(flock, `poems/${bot}.txt`);
    }
    const { stdout } = await runDaemon(flock, 4);
    for (const bot of ['one', 'four', 'five'])
      assert.match(stdout, new RegExp(`poems/${bot}\\.txt: it is not a regular file`));
    const doctor = await runLimited(flock, 'keymaker', ['doctor', '--offline']);
    assertSays(doctor, /four\b.*\.txt: it is not a regular file/, 'doctor');
    assert.equal(doctor.code, 1);
    const made = await runLimited(flock, 'keymaker', ['make-keys', 'poems', '--all']);
    assertSays(made, /four\.txt: it is not a regular file/, 'make-keys');
  });

  it('in the place of more bundles than there are threads freeze nobody', async () => {
    await using flock = await openHostile();
    for (const bot of ['one', 'two', 'three', 'four', 'five']) fifo(flock, `keys/${bot}.json`);
    const { stdout } = await runDaemon(flock, 4);
    for (const bot of ['one', 'four', 'five'])
      assert.match(stdout, new RegExp(`${bot}\\.json: .*not a regular file`));
    for (const [program, ...call] of [
      ['flockd', 'status'],
      ['keymaker', 'list'],
      ['keymaker', 'doctor', '--offline'],
    ] as const) {
      const run = await runLimited(flock, program, call);
      assertSays(run, /four\b.*\.json: .*not a regular file/, call.join(' '));
      assert.equal(run.code, 1);
    }
  });

  it('in the place of what a running daemon reads again freeze nobody', async () => {
    await using flock = await openHostile();
    const flockd = flock.start('flockd', ['run']);
    await flock.posted('good', 1);
    for (const bot of ['one', 'two', 'three', 'four']) {
      fifo(flock, `keys/${bot}.json`);
      fifo(flock, `poems/${bot}.txt`);
    }
    const reload = await runLimited(flock, 'flockd', ['reload']);
    assert.equal(reload.code, 0, reload.stderr);
    await flock.posted('good', flock.postsOf('good').length + 2);
    flockd.kill('SIGTERM');
    assert.equal((await flockd.exit).code, 0);
  });
});
