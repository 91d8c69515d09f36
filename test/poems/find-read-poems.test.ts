import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readPoem } from '../../src/poems/find.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { flockError } from '../support/flock-error.ts';

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
      await assert.rejects(readPoem(path.join(folder, name)), flockError('data', message));
  });

  it('refuses a socket and a device', async () => {
    await assert.rejects(readPoem('/dev/null'), flockError('data', /not a regular file/));
  });
});
