import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { FlockError } from '../../src/errors.ts';
import { faultOfFile, faultOfFolder, readPrivateFile } from '../../src/keys/private-file.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { bundle } from '../support/bundle.ts';

const [us, group, stranger] = [1000, 50, 1001];
const reader = { uid: us, groups: [us, group] };
const root = { uid: 0, groups: [0] };
const served = { uid: 0, gid: group, mode: 0o40750 };

describe('a file that holds a secret', () => {
  const rows: [mode: number, uid: number, gid: number, folder: object, who: typeof reader, fault: string][] =
    [
      [0o600, us, us, {}, reader, ''],
      [0o400, us, us, {}, reader, ''],
      [0o700, us, us, {}, reader, ''],
      [0o000, us, us, {}, reader, ''],
      [0o600, 0, 0, {}, reader, ''],
      [0o640, us, us, {}, reader, 'open to others (mode 640)'],
      [0o620, us, us, {}, reader, 'open to others (mode 620)'],
      [0o610, us, us, {}, reader, 'open to others (mode 610)'],
      [0o604, us, us, {}, reader, 'open to others (mode 604)'],
      [0o602, us, us, {}, reader, 'open to others (mode 602)'],
      [0o644, us, us, {}, reader, 'open to others (mode 644)'],
      [0o777, us, us, {}, reader, 'open to others (mode 777)'],
      [0o600, stranger, us, {}, reader, 'belongs to another user (uid 1001)'],
      [0o644, stranger, us, {}, reader, 'belongs to another user (uid 1001)'],
      [0o600, stranger, 0, {}, root, 'belongs to another user (uid 1001)'],
      // A server's folder: all root's, for a group of ours.
      [0o640, 0, group, served, reader, ''],
      [0o440, 0, group, served, reader, ''],
      [0o640, 0, group, served, root, ''],
      [0o640, 0, 7, served, reader, 'open to others (mode 640)'],
      [0o640, 0, 7, served, root, 'open to others (mode 640)'],
      [0o660, 0, group, served, reader, 'open to others (mode 660)'],
      [0o644, 0, group, served, reader, 'open to others (mode 644)'],
      [0o640, us, group, served, reader, 'open to others (mode 640)'],
      [0o640, 0, group, { mode: 0o40755 }, reader, 'open to others (mode 640)'],
      [0o640, 0, group, { mode: 0o40770 }, reader, 'open to others (mode 640)'],
      [0o640, 0, group, { uid: us }, reader, 'open to others (mode 640)'],
    ];
  for (const [mode, uid, gid, folder, who, fault] of rows) {
    const where = JSON.stringify(folder);
    it(`of mode ${mode.toString(8)}, uid ${uid}, gid ${gid} in ${where} for uid ${who.uid}: ${fault || 'is taken'}`, () => {
      const found = faultOfFile('k.json', { mode, uid, gid }, { ...served, ...folder }, who);
      assert.equal(found?.why ?? '', fault);
      // What root serves to a group is mended so that the group can still read it.
      const isServed = uid === 0 && Object.keys(folder).length > 1;
      const repair = isServed ? `chgrp ${group} k.json && chmod 640 k.json` : 'chmod 600 k.json';
      if (fault.startsWith('open')) assert.equal(found?.repair, repair);
      if (fault.startsWith('belongs'))
        assert.match(found?.repair ?? '', new RegExp(`chown ${who.uid} k.json$`));
    });
  }

  it('counts in a folder of which nothing is known as in any other', () => {
    assert.ok(faultOfFile('k', { mode: 0o640, uid: 0, gid: group }, undefined, reader));
  });
});

describe('a folder of secrets', () => {
  for (const [mode, uid, fault] of [
    [0o700, us, ''],
    [0o755, us, ''],
    [0o750, 0, ''],
    [0o770, us, 'open to others (mode 770)'],
    [0o775, us, 'open to others (mode 775)'],
    [0o777, 0, 'open to others (mode 777)'],
    [0o702, us, 'open to others (mode 702)'],
    [0o700, stranger, 'belongs to another user (uid 1001)'],
  ] as const) {
    it(`of mode ${mode.toString(8)} and uid ${uid}: ${fault || 'is taken'}`, () => {
      assert.equal(faultOfFolder('keys', { mode: 0o40000 | mode, uid, gid: us }, reader)?.why ?? '', fault);
    });
  }
});

describe('reading a private file', () => {
  const outcome = (file: string, credentials?: string): string => {
    try {
      return String(readPrivateFile(file, { exit: 'data', message: 'unread' }, credentials));
    } catch (error) {
      return error instanceof FlockError
        ? `${error.exit}: ${error.message} | ${error.hint ?? ''}`
        : String(error);
    }
  };

  it('gives what is in it, or says what is wrong and how to mend it', () => {
    const folder = tempFolder({ 'a b': 'text', open: 'text' });
    chmodSync(path.join(folder, 'open'), 0o644);
    symlinkSync('open', path.join(folder, 'link'));
    assert.equal(outcome(path.join(folder, 'a b')), 'text');
    chmodSync(path.join(folder, 'a b'), 0o640);
    const why = `permission: ${folder}/a b: open to others (mode 640) | chmod 600 '${folder}/a b'`;
    assert.equal(outcome(path.join(folder, 'a b')), why);
    assert.match(
      outcome(path.join(folder, 'link')),
      /^permission: .*link: is a symbolic link.* \| .*cp --remove-destination/,
    );
  });

  it('takes what systemd has made, whatever the mode, but no link', () => {
    const folder = tempFolder({ open: 'text', 'other/open': 'text' });
    for (const name of ['open', 'other/open']) chmodSync(path.join(folder, name), 0o444);
    symlinkSync('open', path.join(folder, 'link'));
    assert.equal(outcome(path.join(folder, 'open'), folder), 'text');
    const outside = outcome(path.join(folder, 'open'), path.join(folder, 'other'));
    assert.match(outside, /^permission/);
    const around = outcome(`${folder}/other/../open`, path.join(folder, 'other'));
    assert.match(around, /^permission/);
    assert.match(outcome(path.join(folder, 'link'), folder), /^permission/);
  });
});

describe('a reader who is not root', { skip: process.getuid?.() !== 0 }, () => {
  /** What such a reader is told of a bundle. */
  const readAs = async (uid: number, gid: number, file: string): Promise<string> => {
    const home = tempFolder();
    chmodSync(home, 0o755);
    const script = path.join(home, 'read-bundle.mjs');
    copyFileSync(await bundle(path.join(import.meta.dirname, 'read-bundle.ts')), script);
    chmodSync(script, 0o644);
    const { stdout, stderr } = spawnSync(process.execPath, [script, file], {
      uid,
      gid,
      encoding: 'utf8',
      cwd: '/',
    });
    assert.equal(stderr, '');
    return stdout.trim().replaceAll(`${path.dirname(file)}/`, '');
  };
  const keysOf = (uid: number, gid: number, mode: number, fileMode: number): string => {
    const folder = tempFolder({ 'howl.json': '{}' });
    const file = path.join(folder, 'howl.json');
    chownSync(file, uid, gid);
    chmodSync(file, fileMode);
    chownSync(folder, uid, gid);
    chmodSync(folder, mode);
    return file;
  };
  // What is taken is read, and so found to be no bundle.
  const taken = 'data howl.json: consumer_token is missing or not a string';

  it('reads its own and root’s, and nobody else’s', async () => {
    assert.equal(await readAs(us, us, keysOf(us, us, 0o700, 0o600)), taken);
    assert.equal(await readAs(us, group, keysOf(0, group, 0o750, 0o640)), taken);
    assert.equal(
      await readAs(us, us, keysOf(stranger, us, 0o755, 0o640)),
      'permission howl.json: belongs to another user (uid 1001)',
    );
    assert.equal(
      await readAs(us, us, keysOf(0, us, 0o755, 0o640)),
      'permission howl.json: open to others (mode 640)',
    );
    assert.equal(
      await readAs(us, us, keysOf(us, us, 0o700, 0o644)),
      'permission howl.json: open to others (mode 644)',
    );
  });

  it('is told where it may not read', async () => {
    const denied = 'permission howl.json: cannot be read: permission denied';
    assert.equal(await readAs(us, us, keysOf(0, 0, 0o755, 0o600)), denied);
    assert.equal(await readAs(us, stranger, keysOf(0, group, 0o750, 0o640)), denied);
  });
});
