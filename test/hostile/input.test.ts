import assert from 'node:assert/strict';
import { mkdir, readFile, rm, symlink, writeFile, lutimes } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { TestFlock } from '../support/flock.ts';
import {
  assertSays,
  device,
  fifo,
  openHostile,
  poemOfBad,
  runDaemon,
  runLimited,
  sparse,
} from './hostile-flock.ts';

interface Hostile {
  name: string;
  make: (flock: TestFlock) => Promise<unknown>;
  /** What is said of it. */
  says: RegExp;
  rootOnly?: boolean;
  /** A poem that make-keys passes over: it is none. */
  isNone?: boolean;
}

const huge = 3 * 1024 ** 3;
const poemFile = 'poems/bad.txt';

/** Makes something else of a file. */
const instead = (file: string, make: (flock: TestFlock) => unknown) => async (flock: TestFlock) => {
  await rm(flock.file(file));
  await make(flock);
};

const poems: Hostile[] = [
  {
    name: 'outside, by ..',
    make: (flock) => poemOfBad(flock, '../../../etc/passwd'),
    says: /outside the flock's folder/,
  },
  {
    name: 'outside, by .. in the middle',
    make: (flock) => poemOfBad(flock, 'poems/../../etc/passwd'),
    says: /outside the flock's folder/,
  },
  {
    name: 'the folder itself',
    make: (flock) => poemOfBad(flock, 'poems/..'),
    says: /outside the flock's folder|folder/,
  },
  {
    name: 'with a NUL in its name',
    make: (flock) => poemOfBad(flock, 'poems/bad.txt\0.txt'),
    says: /bad\.json: poem_file has a NUL/,
  },
  {
    name: 'a device',
    make: (flock) => poemOfBad(flock, '../../dev/zero'),
    says: /outside the flock's folder/,
  },
  {
    name: 'a folder',
    isNone: true,
    make: instead(poemFile, (flock) => mkdir(flock.file(poemFile))),
    says: /bad\.txt: (it is a folder|it is not a regular file)/,
  },
  {
    name: 'a FIFO',
    make: instead(poemFile, (flock) => fifo(flock, poemFile)),
    says: /bad\.txt: it is not a regular file/,
  },
  {
    name: 'a link',
    make: instead(poemFile, (flock) => symlink('/etc/passwd', flock.file(poemFile))),
    says: /bad\.txt: it is a symbolic link/,
  },
  {
    name: 'a link to /dev/zero',
    make: instead(poemFile, (flock) => symlink('/dev/zero', flock.file(poemFile))),
    says: /bad\.txt: it is a symbolic link/,
  },
  {
    name: 'a device of zeros',
    rootOnly: true,
    make: instead(poemFile, (flock) => device(flock, poemFile, 1, 5)),
    says: /bad\.txt: it is not a regular file/,
  },
  {
    name: 'a terminal',
    rootOnly: true,
    make: instead(poemFile, (flock) => device(flock, poemFile, 5, 0)),
    says: /bad\.txt: it is not a regular file/,
  },
  { name: 'huge', make: (flock) => sparse(flock, poemFile, huge), says: /bad\.txt: it is too large/ },
  {
    name: 'of NUL bytes',
    make: (flock) => writeFile(flock.file(poemFile), Buffer.alloc(2000)),
    says: /bad\.txt/,
  },
  {
    name: 'not UTF-8',
    make: (flock) => writeFile(flock.file(poemFile), Buffer.from([0x61, 0xff, 0xfe, 0x0a])),
    says: /bad\.txt/,
  },
  { name: 'empty', make: (flock) => writeFile(flock.file(poemFile), ''), says: /bad/ },
];

const bundleFile = 'keys/bad.json';
const bundles: Hostile[] = [
  {
    name: 'a link',
    make: instead(bundleFile, (flock) => symlink('good.json', flock.file(bundleFile))),
    says: /bad\.json:? is a symbolic link/,
  },
  {
    name: 'a link to nothing',
    make: instead(bundleFile, (flock) => symlink('nothing', flock.file(bundleFile))),
    says: /bad\.json:? is a symbolic link/,
  },
  {
    name: 'a FIFO',
    make: instead(bundleFile, (flock) => fifo(flock, bundleFile)),
    says: /bad\.json: .*not a regular file/,
  },
  {
    name: 'a folder',
    make: instead(bundleFile, (flock) => mkdir(flock.file(bundleFile), { mode: 0o700 })),
    says: /bad\.json: .*(folder|not a regular file)/,
  },
  {
    name: 'a device of zeros',
    rootOnly: true,
    make: instead(bundleFile, (flock) => device(flock, bundleFile, 1, 5)),
    says: /bad\.json: .*not a regular file/,
  },
  {
    name: 'a terminal',
    rootOnly: true,
    make: instead(bundleFile, (flock) => device(flock, bundleFile, 5, 0)),
    says: /bad\.json: .*not a regular file/,
  },
  { name: 'huge', make: (flock) => sparse(flock, bundleFile, huge), says: /bad\.json: .*too large/ },
  {
    name: 'of NUL bytes',
    make: (flock) => flock.write(bundleFile, Buffer.alloc(900)),
    says: /bad\.json: not whole JSON/,
  },
  { name: 'empty', make: (flock) => flock.write(bundleFile, ''), says: /bad\.json: not whole JSON/ },
  {
    name: 'cut',
    make: async (flock) => flock.write(bundleFile, (await readFile(flock.file(bundleFile))).subarray(0, 150)),
    says: /bad\.json: not whole JSON/,
  },
  {
    name: 'nested deep',
    make: (flock) => flock.write(bundleFile, '['.repeat(60_000)),
    says: /bad\.json: not/,
  },
  {
    name: 'nested deep, and whole',
    make: (flock) => flock.write(bundleFile, '['.repeat(30_000) + ']'.repeat(30_000)),
    says: /bad\.json: not/,
  },
  {
    name: 'of a prototype',
    make: (flock) => flock.write(bundleFile, '{"__proto__": {"consumer_token": "abcdefgh"}}'),
    says: /bad\.json: consumer_token/,
  },
];

const skip = ({ rootOnly }: Hostile) =>
  rootOnly === true && process.getuid?.() !== 0 && 'NOT RUN: only root makes devices';

describe('a poem that is', { concurrency: 4 }, () => {
  for (const hostile of poems) {
    it(hostile.name, { skip: skip(hostile) }, async () => {
      await using flock = await openHostile();
      await hostile.make(flock);
      // What was written just now may be an upload that goes on.
      await lutimes(flock.file('poems/bad.txt'), 0, 0).catch(() => undefined);
      const doctor = await runLimited(flock, 'keymaker', ['doctor', '--offline']);
      assertSays(doctor, hostile.says, 'doctor');
      assert.equal(doctor.code, 1);
      assertSays(await runDaemon(flock), /bad/, 'flockd run');
      assert.deepEqual(flock.postsOf('bad'), [], 'it posts nothing of what it should not read');
      const status = await runLimited(flock, 'flockd', ['status']);
      assertSays(status, /bad/, 'status');
      const made = await runLimited(flock, 'keymaker', ['make-keys', 'poems', '--all', '--force']);
      assertSays(made, hostile.isNone ? /good\.txt/ : /bad\.txt/, 'make-keys');
      assertSays(await runLimited(flock, 'keymaker', ['list']), /bad/, 'list');
    });
  }
});

describe('a poem that is elsewhere', { concurrency: 4 }, () => {
  it('by an absolute path is taken for the one of its name, as old bundles have it', async () => {
    await using flock = await openHostile();
    await poemOfBad(flock, '/etc/passwd');
    const doctor = await runLimited(flock, 'keymaker', ['doctor', '--offline']);
    assert.equal(doctor.code, 0, doctor.stdout);
    await runDaemon(flock);
    assert.ok(flock.postsOf('bad').every((text) => text.startsWith('bad ')));
  });

  it('behind a link to a folder is not read', async () => {
    await using flock = await openHostile();
    await using elsewhere = await TestFlock.open({ poems: { 'secret.txt': 'not to be posted\n' } });
    await symlink(elsewhere.file('poems'), flock.file('poems/link'));
    await poemOfBad(flock, 'poems/link/secret.txt');
    const doctor = await runLimited(flock, 'keymaker', ['doctor', '--offline']);
    await runDaemon(flock, 3);
    assert.deepEqual(flock.postsOf('bad'), [], 'it posts what is outside');
    assertSays(doctor, /bad/, 'doctor');
    assert.equal(doctor.code, 1);
  });
});

describe('a bundle that is', { concurrency: 4 }, () => {
  for (const hostile of bundles) {
    it(hostile.name, { skip: skip(hostile) }, async () => {
      await using flock = await openHostile();
      await hostile.make(flock);
      for (const call of [['doctor', '--offline'], ['list']]) {
        const run = await runLimited(flock, 'keymaker', call);
        assertSays(run, hostile.says, call.join(' '));
        assert.equal(run.code, 1);
      }
      const status = await runLimited(flock, 'flockd', ['status']);
      assertSays(status, hostile.says, 'status');
      assert.equal(status.code, 1);
      assertSays(await runDaemon(flock), hostile.says, 'flockd run');
      const reauth = await runLimited(flock, 'keymaker', ['reauth', 'bad']);
      assertSays(reauth, hostile.says, 'reauth');
      assert.ok([65, 77].includes(reauth.code ?? 0), `reauth ends with ${reauth.code ?? ''}`);
      assert.deepEqual(flock.postsOf('bad'), []);
    });
  }
});
