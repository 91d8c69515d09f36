import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { isService, unitText } from '../../src/daemon/systemd.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const unitOf = (root: string): string =>
  unitText({
    node: '/usr/bin/node',
    flockd: '/opt/f.js',
    program: '/opt',
    notifyFd: '/opt/n',
    root,
    user: 'f',
  });

describe('the service of a flock', () => {
  for (const root of ['/etc/flockd', '/srv/my flock', '/srv/"50%" of $HOME\\x']) {
    it(`runs it from ${root}, and no other`, () => {
      const folder = tempFolder({ 'flockd.service': unitOf(root) });
      assert.equal(isService(`${root}/`, [path.join(folder, 'none'), folder]), true);
      assert.equal(isService('/etc/other', [folder]), false);
    });
  }

  it('is the one of the first folder that has one', () => {
    const first = tempFolder({ 'flockd.service': unitOf('/etc/flockd') });
    const second = tempFolder({ 'flockd.service': unitOf('/srv/flock') });
    assert.deepEqual(
      ['/etc/flockd', '/srv/flock'].map((root) => isService(root, [first, second])),
      [true, false],
    );
  });

  it('is none where no unit is installed, or it names no flock', () => {
    assert.equal(isService('/etc/flockd', [tempFolder()]), false);
    assert.equal(isService('/etc/flockd', [tempFolder({ 'flockd.service': '[Unit]\n' })]), false);
  });
});
