import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { botNames, type Places } from '../../src/cli/complete.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const at = (places: Partial<Places>, most?: number): string[] =>
  botNames({ root: undefined, keys: undefined, poems: undefined, ...places }, most);

describe('the names of the bots, for a shell', () => {
  it('are those of the bundles and the poems, each once, sorted', () => {
    const root = tempFolder({
      'keys/howl.json': '',
      'keys/sealed.json.age': '',
      'keys/.hidden.json': '',
      'keys/notes.txt': '',
      'keys/pending/later.json': '',
      'poems/Howl.txt': '',
      'poems/Winter/Snow Ledger.txt': '',
      'poems/-dash.txt': '',
      'poems/.git/x.txt': '',
      'poems/readme.md': '',
      'poems/folder.txt/inner.txt': '',
    });
    assert.deepEqual(at({ root }), ['dash', 'howl', 'inner', 'sealed', 'snow-ledger']);
    assert.deepEqual(at({ root, keys: path.join(root, 'nowhere') }), [
      'dash',
      'howl',
      'inner',
      'snow-ledger',
    ]);
    assert.deepEqual(at({ root, poems: path.join(root, 'poems/Winter') }), ['howl', 'sealed', 'snow-ledger']);
  });

  it('are none where there is no flock, or something else in its place', () => {
    const root = tempFolder({ keys: '', poems: '' });
    for (const place of [root, path.join(root, 'nowhere'), '\0', '/dev/null']) {
      assert.deepEqual(at({ root: place }), []);
    }
  });

  it('do not follow links, which may lead round in circles', () => {
    const root = tempFolder({ 'poems/a.txt': '' });
    symlinkSync('..', path.join(root, 'poems/up'));
    assert.deepEqual(at({ root }), ['a']);
  });

  it('are found below the home folder, which the shell has not put in yet', () => {
    const root = tempFolder({ 'flock/keys/howl.json': '' });
    const before = process.env['HOME'];
    process.env['HOME'] = root;
    try {
      assert.equal(os.homedir(), root);
      assert.deepEqual(at({ root: '~/flock' }), ['howl']);
      assert.deepEqual(at({ root: '~', keys: '~/flock/keys' }), ['howl']);
      assert.deepEqual(at({ root: '~flock' }), []);
    } finally {
      process.env['HOME'] = before;
    }
  });

  it('are not looked for in a whole disk', () => {
    const many = Array.from({ length: 100 }, (_, index) => [`poems/many/${index}.txt`, ''] as const);
    const root = tempFolder({
      'poems/a.txt': '',
      'poems/many/deep/late.txt': '',
      ...Object.fromEntries(many),
    });
    assert.equal(at({ root }).length, 102);
    assert.equal(at({ root }, 50).length, 101);
    assert.deepEqual(at({ root }, 1), ['a']);
  });
});
