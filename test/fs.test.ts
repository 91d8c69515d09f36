import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { systemCode } from '../src/errors.ts';
import { readRegularFile, reasonOf, replaceFile, sweepTemporaries, syncFolder } from '../src/fs.ts';
import { tempFolder } from './flock/temp-folder.ts';

describe('reading a regular file', () => {
  it('gives its bytes, up to the size it may have', async () => {
    const folder = tempFolder({ five: 'abcde', empty: '' });
    assert.equal((await readRegularFile(path.join(folder, 'five'), 5)).toString(), 'abcde');
    assert.equal((await readRegularFile(path.join(folder, 'empty'), 0)).length, 0);
    await assert.rejects(readRegularFile(path.join(folder, 'five'), 4), /too large \(5 bytes\)/);
  });

  it('refuses everything else with a reason in words', async () => {
    const folder = tempFolder({ file: 'x' });
    mkdirSync(path.join(folder, 'folder'));
    symlinkSync('file', path.join(folder, 'link'));
    execFileSync('mkfifo', [path.join(folder, 'fifo')]);
    for (const [name, reason] of [
      ['folder', /not a regular file|it is a folder/],
      ['link', /it is a symbolic link/],
      ['fifo', /not a regular file/],
      ['none', /no such file/],
      ['file/below', /not a folder/],
    ] as const) {
      await assert.rejects(readRegularFile(path.join(folder, name), 9), (error) => {
        assert.match(reasonOf(error), reason);
        return true;
      });
    }
  });
});

describe('replacing a file', () => {
  it('leaves one private file with the new text', async () => {
    const folder = tempFolder({ a: 'old and longer' });
    const file = path.join(folder, 'a');
    chmodSync(file, 0o644);
    await replaceFile(file, 'new');
    assert.equal(readFileSync(file, 'utf8'), 'new');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ['a']);
  });

  it('at the same time by many leaves the whole text of one', async () => {
    const folder = tempFolder();
    const file = path.join(folder, 'a');
    const texts = Array.from({ length: 20 }, (_, n) => `${n}`.repeat(10_000));
    await Promise.all(texts.map((text) => replaceFile(file, text)));
    assert.ok(texts.includes(readFileSync(file, 'utf8')));
    assert.deepEqual(readdirSync(folder), ['a']);
  });

  it('that fails leaves the old file and nothing of the new', async () => {
    const folder = tempFolder({ 'a/inside': 'kept', file: 'kept' });
    await assert.rejects(replaceFile(path.join(folder, 'a'), 'new'), (error) => {
      assert.match(systemCode(error) ?? '', /EISDIR|ENOTEMPTY|EEXIST/);
      return true;
    });
    await assert.rejects(replaceFile(path.join(folder, 'file', 'b'), 'new'), { code: 'ENOTDIR' });
    await assert.rejects(replaceFile(path.join(folder, 'none', 'b'), 'new'), { code: 'ENOENT' });
    assert.deepEqual(readdirSync(folder).sort(), ['a', 'file']);
    assert.equal(readFileSync(path.join(folder, 'file'), 'utf8'), 'kept');
  });
});

describe('what is left of a write that was killed', () => {
  it('is taken away, of one file or of all, but not while its process may write it', async () => {
    const dead = spawnSync('true').pid;
    const [a, b] = [`.a.${dead}-0123456789ab.tmp`, `.b.${dead}-0123456789ab.tmp`];
    const live = `.a.${process.ppid}-0123456789ab.tmp`;
    // The id of its process has gone to another one meanwhile.
    const old = `.a.${process.ppid}-ba9876543210.tmp`;
    const folder = tempFolder(Object.fromEntries([a, b, live, old, 'a'].map((name) => [name, ''])));
    const beforeYesterday = Date.now() / 1000 - 48 * 3600;
    utimesSync(path.join(folder, old), beforeYesterday, beforeYesterday);
    await sweepTemporaries(folder, 'a');
    assert.deepEqual(readdirSync(folder).sort(), [live, b, 'a'].sort());
    await sweepTemporaries(folder);
    assert.deepEqual(readdirSync(folder).sort(), [live, 'a'].sort());
  });
});

describe('a reason', () => {
  it('is in words where there are some, and never of two lines', async () => {
    assert.equal(reasonOf(Object.assign(new Error('x'), { code: 'ENOSPC' })), 'the disk is full');
    assert.equal(reasonOf(Object.assign(new Error('x'), { code: 'ERR_FS_EISDIR' })), 'it is a folder');
    assert.equal(reasonOf(Object.assign(new Error('x'), { code: 'EMFILE' })), 'EMFILE');
    assert.equal(reasonOf(new Error('one\n  two')), 'one two');
    assert.equal(reasonOf('text'), 'text');
    await assert.rejects(syncFolder(path.join(tempFolder(), 'none')), { code: 'ENOENT' });
  });
});
