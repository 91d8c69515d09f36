import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { FlockError } from '../../src/errors.ts';
import { byBot, findPoems, readPoem } from '../../src/poems/read-poems.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { bundle } from '../support/bundle.ts';

const refusedWith =
  (message: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof FlockError);
    assert.equal(error.exit, 'data');
    assert.match(error.message, message);
    assert.ok(error.hint);
    return true;
  };

describe('finding poems', () => {
  it('goes through many more folders than files may be open', async () => {
    const files = Array.from({ length: 500 }, (_, index) => [`${index}/${index}.txt`, 'a line']);
    const script = await bundle(path.join(import.meta.dirname, 'find-poems-process.ts'));
    const call = ['-c', 'ulimit -n 64 && exec "$@"', 'bash', process.execPath, script];
    const said = execFileSync('bash', [
      ...call,
      tempFolder(Object.fromEntries(files) as Record<string, string>),
    ]);
    assert.equal(said.toString(), '500\n');
  });

  it('goes through the folder and those in it, in the order of their paths', async () => {
    const folder = tempFolder({
      'b.txt': 'b',
      'B.md': 'no poem',
      'a/z.txt': 'z',
      'a/deep/er/Ode, Part 2.txt': 'ode',
      'Zoo.txt': 'zoo',
      'a.txt': 'a',
      '.hidden.txt': 'h',
      '.git/x.txt': 'x',
      'a/.swp/y.txt': 'y',
      txt: 'no poem',
    });
    const found = await findPoems(folder);
    assert.deepEqual(
      found.map(({ bot, file }) => [bot, path.relative(folder, file)]),
      [
        ['zoo', 'Zoo.txt'],
        ['a', 'a.txt'],
        ['ode--part-2', 'a/deep/er/Ode, Part 2.txt'],
        ['z', 'a/z.txt'],
        ['b', 'b.txt'],
      ],
    );
  });

  it('gives paths as the person wrote the folder', async () => {
    const folder = tempFolder({ 'poems/a.txt': 'a' });
    const [poem] = await findPoems(path.relative('.', path.join(folder, 'poems')));
    assert.equal(poem?.file, path.relative('.', path.join(folder, 'poems', 'a.txt')));
  });

  it('does not follow a link to a folder, not even to itself', async () => {
    const folder = tempFolder({ 'a.txt': 'a' });
    symlinkSync('.', path.join(folder, 'loop'));
    assert.equal((await findPoems(folder)).length, 1);
  });

  it('says which folder cannot be read', async () => {
    const folder = tempFolder({ 'a.txt': 'a' });
    await assert.rejects(findPoems(path.join(folder, 'none')), refusedWith(/none: there is no such/));
    await assert.rejects(findPoems(path.join(folder, 'a.txt')), refusedWith(/a\.txt: it is not a folder/));
  });

  it('names both poems that one bot would read', async () => {
    const folder = tempFolder({ 'Rain.txt': 'a', 'old/rain.txt': 'b', 'other.txt': 'c' });
    const found = await findPoems(folder);
    assert.throws(() => byBot(found), refusedWith(/Rain\.txt and .*old\/rain\.txt .*called rain/));
    const alone = byBot(found.filter(({ file }) => !file.includes('old')));
    assert.deepEqual([...alone.keys()], ['rain', 'other']);
  });
});

describe('reading a poem', () => {
  it('gives its text', async () => {
    const folder = tempFolder({ 'a.txt': '\ufeffLamp\n', 'empty.txt': '' });
    assert.equal(await readPoem(path.join(folder, 'a.txt')), 'Lamp\n');
    assert.equal(await readPoem(path.join(folder, 'empty.txt')), '');
  });

  it('gives what it was changed to, however soon after it was read and however alike', async () => {
    const folder = tempFolder();
    const file = path.join(folder, 'rain.txt');
    for (let n = 0; n < 300; n++) {
      writeFileSync(file, String(n % 10));
      assert.equal(await readPoem(file), String(n % 10));
    }
  });

  it('gives what it was changed to, where it had long been the same', async (context) => {
    const file = path.join(tempFolder({ 'rain.txt': 'one' }), 'rain.txt');
    const later = performance.now() + 3_600_000;
    context.mock.method(performance, 'now', () => later);
    for (const text of ['one', 'one', 'three', 'three']) {
      if (text === 'three') writeFileSync(file, text);
      assert.equal(await readPoem(file), text);
    }
    renameSync(path.join(tempFolder({ 'other.txt': 'seven' }), 'other.txt'), file);
    assert.equal(await readPoem(file), 'seven');
  });

  it('refuses whatever else stands in its place, without waiting for it', async () => {
    const folder = tempFolder({ 'real.txt': 'real', 'huge.txt': '' });
    mkdirSync(path.join(folder, 'folder.txt'));
    symlinkSync('real.txt', path.join(folder, 'link.txt'));
    execFileSync('mkfifo', [path.join(folder, 'fifo.txt')]);
    truncateSync(path.join(folder, 'huge.txt'), 40 * 1024 * 1024);
    const cases: [name: string, message: RegExp][] = [
      ['folder.txt', /folder\.txt: it is (not a regular file|a folder)/],
      ['link.txt', /link\.txt: it is a symbolic link/],
      ['fifo.txt', /fifo\.txt: it is not a regular file/],
      ['huge.txt', /huge\.txt: it is too large/],
      ['none.txt', /none\.txt: there is no such file/],
      ['real.txt/below.txt', /it is not a folder/],
    ];
    for (const [name, message] of cases)
      await assert.rejects(readPoem(path.join(folder, name)), refusedWith(message));
  });

  it('refuses a socket and a device', async () => {
    await assert.rejects(readPoem('/dev/null'), refusedWith(/not a regular file/));
  });
});
